// SPDX-License-Identifier: MIT
#include <rawimg/populate.h>

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/console_observer.h"
#include "cli/numbers.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cmd/all.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"exclude", "GLOB", "leave out what matches, of every source; * also matches /; repeatable"},
    {"strip-components", "N", "drop N leading parts of each name, of every source"},
    {"verify", "[FILE]",
     "each SOURCE must have the digest that the list FILE has for it, or nothing changes (default: "
     "the list beside it)"},
    {"no-sync", "", "do not wait until everything is on stable storage"},
    {"dry-run", "", "read and check everything and change nothing"},
    {"no-keep-undo", "", "keep nothing for 'rawimg undo' (kept by default up to 64 MiB)"},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,          kReadingOptions, kThreadsOption,
                                                   kLockOptions,  kImageOption,    kProgressOptions,
                                                   kCommonOptions};

struct Request {
  Address address;
  std::vector<SourceRequest> sources;
  PopulateOptions how;
};

/// Which of the words is the image is seen where they are there.
void require_image_first(const Args& args) {
  std::vector<std::string> words = args.operands();
  if (args.has("image") || words.size() < 2) return;
  std::error_code none;
  const auto names = [](const std::string& word) {
    return is_image(parse_address(word).image.string());
  };
  if (!std::filesystem::exists(words.front(), none) || is_image(words.front()) ||
      words.back() == "-" || !names(words.back()))
    return;
  std::rotate(words.begin(), words.end() - 1, words.end());
  std::string line = "rawimg populate";
  for (const std::string& word : words) line += " " + shell_word(word);
  throw Error(Errc::Usage,
              fmt::format("{} is no image, and {} is one", quote(words[1]), quote(words[0])))
      .with_hint("IMG comes first: " + line);
}

Request read_request(const Args& args, const Streams& io) {
  Request request;
  require_image_first(args);
  request.address = read_address(args);
  const ImagePath at = parse_image_path(request.address.path);
  std::vector<std::string> excludes;
  for (const auto& [name, value] : args.options())
    if (name == "exclude") excludes.push_back(parse_exclude(value));
  const auto strip_text = args.value("strip-components");
  const auto strip =
      strip_text ? static_cast<unsigned>(parse_number(*strip_text, "number of components", 0, 4096))
                 : 0;
  (void)args.require(1, "SOURCE");
  for (std::size_t i = 1; i < args.operands().size(); ++i)
    request.sources.push_back(
        {args.operands()[i], at, strip, excludes, std::nullopt, args.value("verify")});
  if (std::count_if(request.sources.begin(), request.sources.end(),
                    [](const SourceRequest& source) { return source.file == "-"; }) > 1)
    throw Error(Errc::Usage, "standard input can be read once, but '-' is named twice");
  find_digests(request.sources, io.stop);
  (void)read_tar_options(args);
  request.how = read_populate_options(args, io);
  request.how.dry_run = args.has("dry-run");
  request.how.keep_undo_bytes = args.has("no-keep-undo") ? 0 : kKeptUndoBytes;
  return request;
}

std::string closing_line(const Request& request, const PopulateResult& made,
                         const FoundWindow& where, double seconds) {
  const std::string image = request.address.image.string();
  std::string text =
      fmt::format("{}: {} entries into {} in slot {} at byte {}", quote(image), made.entries,
                  to_text(made.filesystem.type), where.slot, where.window.range().start());
  if (made.skipped != 0) text += fmt::format(", {} skipped", made.skipped);
  text += verified_text(request.sources);
  text +=
      fmt::format(", {} left free, {:.1f} s",
                  human_size(made.filesystem.free_blocks * made.filesystem.block_size), seconds);
  if (request.how.dry_run) text += "; nothing was written (--dry-run)";
  if (made.undo_kept)
    text += fmt::format("; {} takes it back", quote_command("rawimg undo " + shell_word(image)));
  return text;
}

Json result_json(const Request& request, const PopulateResult& made, const FoundWindow& where,
                 double seconds) {
  Json json;
  put_bytes(json, "image", request.address.image.string());
  json["slot"] = where.slot;
  json["offset"] = where.window.range().start();
  json["filesystem"] = to_json(made.filesystem);
  json["content"] = to_json(made);
  json["dry_run"] = request.how.dry_run;
  json["undo_kept"] = made.undo_kept;
  put_verified(json, request.sources);
  json["seconds"] = seconds;
  return json;
}

ExitCode run(const Args& args, Streams& io) {
  const Request request = read_request(args, io);
  ConsoleObserver observer("populate", args, io);
  ImageFile image = open_to_change(request.address.image, args, io);
  const FoundWindow found = about(request.address.image.string(),
                                  [&] { return find_filesystem(image, request.address); });
  for (const Warning& warning : found.warnings) observer.warning(warning);
  std::vector<SourceSpec> sources = open_sources(request.sources, request.address.image, args, io);
  const StoppableJob job;
  const PopulateResult made = about_image(request.address.image, found.window.range().start(), [&] {
    return populate(found.window, std::move(sources), request.how, observer);
  });
  const double seconds = observer.seconds();
  const Json result = result_json(request, made, found, seconds);
  observer.finished(closing_line(request, made, found, seconds), result);
  if (args.has("json")) print_result(io, "populate", result, observer.warnings());
  if (!args.has("dry-run")) require_told(io, request.address.image);
  return ExitCode::Done;
}

}  // namespace

const Command kPopulate{
    .name = "populate",
    .synopsis = "IMG[:N][/dir] SOURCE...",
    .summary = "put tarballs or directories into a filesystem, which may hold something",
    .examples = R"(  rawimg populate disk.img root.tar.xz
  rawimg populate disk.img:1/opt/data data.tar       # below a directory, made if missing
  rawimg populate disk.img:1/srv site/               # what the directory holds
  zcat root.tgz | rawimg populate disk.img -
)",
    .details =
        R"(SOURCE is a tarball in any common dialect and compression, a directory of the host, or - for standard input. What the
filesystem holds counts as an earlier entry: a file, symlink or device of the same name is replaced, directories are
joined. It is one transaction: until the sources have been read to their end the filesystem stays as it was.
--verify takes BLAKE2b, else SHA-512, else SHA-256, from NAME.DIGESTS, NAME.DIGESTS.asc or NAME.sha256 beside the tarball
NAME. It checks no signature: 'gpg --verify' does that.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
