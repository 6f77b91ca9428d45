// SPDX-License-Identifier: MIT
#include "cli/build_request.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"

namespace rawimg::cli {
namespace {

void require_other_files(const BuildRequest& request) {
  std::error_code error;  // what does not exist is not the same
  for (const SourceRequest& source : request.sources)
    if (source.file != "-" && std::filesystem::equivalent(source.file, request.image, error))
      throw Error(Errc::Usage, fmt::format("{} is both a source and the image to make",
                                           quote(request.image.string())));
}

bool exists(const std::string& file) {
  std::error_code none;
  return std::filesystem::exists(file, none);
}

/// A source without --from in front of it is the likeliest mistake.
void require_one_image(std::string_view command, const Args& args) {
  const std::vector<std::string>& words = args.operands();
  if (words.size() <= 1) return;
  Error error(Errc::Usage, fmt::format("{} is one word too many", quote(words[1])));
  const bool is_swapped = exists(words[0]) && !exists(words[1]);
  const std::string &image = words[is_swapped ? 1 : 0], &source = words[is_swapped ? 0 : 1];
  if (command != "init" && !is_image(image) && (exists(source) || source == "-"))
    error.with_hint(fmt::format("a source stands behind --from: rawimg {} {} --from {}", command,
                                shell_word(image), shell_word(source)));
  throw error;
}

}  // namespace

BuildRequest read_build_request(std::string_view command, const Args& args, const Streams& io) {
  BuildRequest request;
  require_one_image(command, args);
  if (!args.operands().empty()) request.image = args.operands()[0];
  require_no_stream(request.image);
  request.spec = read_image_spec(args);
  request.sources = read_sources(args);
  find_digests(request.sources, io.stop);
  require_other_files(request);
  (void)read_tar_options(args);
  request.how.replace = args.has("force") ? Replace::RegularFile : Replace::Refuse;
  request.how.durability = read_durability(args);
  request.how.lock = read_lock_policy(args);
  request.how.populate = read_populate_options(args, io);
  return request;
}

void require_sources(std::string_view command, const BuildRequest& request) {
  if (!request.sources.empty()) return;
  const std::string word = request.image.string();
  std::string hint =
      command == "build" ? "'rawimg init' makes an empty disk" : "for example --from root.tar.xz";
  if (exists(word) && !is_image(word))
    hint = fmt::format("a source stands behind --from: rawimg {} {}--from {}", command,
                       command == "build" ? "IMG " : "", shell_word(word));
  throw Error(Errc::Usage, "--from is missing").with_hint(hint);
}

}  // namespace rawimg::cli
