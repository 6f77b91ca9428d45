// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"
#include "cmd/all.h"
#include "edit/copy.h"
#include "edit/destination.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"archive", "", "-r, and keep everything: owner, mode, times, links, xattrs", 'a'},
    {"recursive", "", "directories with all that is in them", 'r'},
    {"R", "", "the same as -r"},
    {"preserve", "[LIST]",
     "keep mode, ownership, timestamps (these three without LIST), links, xattr, all", 'p'},
    {"no-dereference", "", "symlinks themselves (the default with -r)", 'P'},
    {"dereference", "", "what symlinks lead to", 'L'},
    {"links", "", "the same as -P --preserve=links", 'd'},
    {"no-clobber", "", "leave what exists as it is", 'n'},
    {"update", "", "leave what exists and is not older", 'u'},
    {"force", "", "replace a file of the host that cannot be opened", 'f'},
    {"one-file-system", "", "of the host, leave out what is mounted below", 'x'},
    {"sparse", "WHEN", "auto or always: holes stay holes, as they always do"},
    {"owner", "OWNER[:GROUP]", "this owner (into an image, the default is root's 0:0)"},
    {"chmod", "MODE", "this mode, or this change of it"},
    {"devices", "", "make device nodes on the host, too"},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,         kDestinationOptions,       kVerboseOption, kEditOptions, kJournalOption,
    kLockOptions, kLiteralImageOrHostOption, kCommonOptions};

void keep(CopyOptions& options, std::string_view what) {
  const bool all = what == "all", three = what.empty();
  if (!all && !three && what != "mode" && what != "ownership" && what != "timestamps" &&
      what != "links" && what != "xattr")
    throw Error(Errc::Usage, fmt::format("--preserve knows mode, ownership, timestamps, links, "
                                         "xattr and all, but not {}",
                                         quote(what)));
  options.keep_mode |= all || three || what == "mode";
  options.keep_owner |= all || three || what == "ownership";
  options.keep_times |= all || three || what == "timestamps";
  options.hard_links |= all || what == "links";
  options.xattrs |= all || what == "xattr";
}

CopyOptions read_options(const Args& args, const Transaction* fs, const Streams& io) {
  CopyOptions options;
  const bool archive = args.has("archive");
  options.recursive = archive || args.has("recursive") || args.has("R");
  if (archive) keep(options, "all");
  if (args.has("links")) keep(options, "links");
  if (const auto list = args.value("preserve"))
    for (std::size_t at = 0; at <= list->size();) {
      const std::size_t comma = std::min(list->find(',', at), list->size());
      keep(options, std::string_view(*list).substr(at, comma - at));
      at = comma + 1;
    }
  if (const auto when = args.value("sparse"); when && *when != "auto" && *when != "always")
    throw Error(Errc::Usage, fmt::format("--sparse={}: it can be auto or always", escape(*when)));
  options.follow = args.has("dereference");
  options.no_clobber = args.has("no-clobber");
  options.update = args.has("update");
  options.force = args.has("force");
  options.one_file_system = args.has("one-file-system");
  options.devices = args.has("devices");
  options.stop = io.stop;
  options.dry_run = args.has("dry-run");
  if (const auto owner = args.value("owner")) {
    const bool numeric = owner->find_first_not_of("0123456789:") == std::string::npos;
    if (fs == nullptr && !numeric)
      throw Error(Errc::Usage, fmt::format("owner {}: on the host it is numbers", quote(*owner)));
    options.owner = fs != nullptr ? parse_owner(*fs, *owner) : parse_numeric_owner(*owner);
  }
  if (const auto mode = args.value("chmod")) options.mode = ModeChange(*mode);
  return options;
}

/// On the command line a symlink is followed, unless -r or -P says otherwise: as cp does.
bool follows(const Args& args, const CopyOptions& options) {
  return options.follow ||
         (!options.recursive && !args.has("no-dereference") && !args.has("links"));
}

bool is_output(const Operand& target) {
  return target.kind == Operand::Kind::Host && target.word == "-";
}

using TakeSource = std::function<void(const Operand& file, const CopySource& source)>;

/// The files of an image that is only read; `many`: there may be more than one.
void take_from(const std::shared_ptr<OpenedFs>& opened, const Address& address,
               const std::string& word, bool many, bool follow, const TakeSource& take) {
  const std::string front =
      word.substr(0, word.size() - std::min(word.size(), address.path.size()));
  const std::vector<std::string> paths = expand_paths(opened->fs, address.path);
  if (!many && paths.size() > 1)
    throw Error(Errc::NotFound, fmt::format("{} matches {} files, and the destination is not a "
                                            "directory",
                                            quote(word), paths.size()))
        .with_path(word);
  for (const std::string& path : paths) {
    const Operand file{Operand::Kind::OtherImage, front + path, path, address};
    take(file, *open_source_in(opened, file, follow));
  }
}

std::unique_ptr<CopySource> open_host(const Operand& file, const CopyOptions& options,
                                      bool follow) {
  std::error_code error;
  const auto kind = std::filesystem::status(file.path, error).type();
  const bool is_stream =
      kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character;
  if (is_stream && !options.recursive)
    return open_host_stream(file.path, file.word);  // as cp does: what comes out of it
  return open_host_source(file.path, file.word, follow);
}

/// Wildcards are those of images: on the host, a shell has expanded them.
void take_sources(Edit& edit, const std::string& word, const Destination& destination,
                  const Args& args, const CopyOptions& options, const TakeSource& take) {
  const bool follow = follows(args, options);
  const Operand file = edit.operand(word);
  if (word == "-") return take(file, *open_stream_source(edit.io().in, "standard input"));
  if (file.kind == Operand::Kind::Host) return take(file, *open_host(file, options, follow));
  if (file.kind == Operand::Kind::OtherImage) {
    Address address = file.other;
    address.path = file.path;
    const auto opened = std::make_shared<OpenedFs>(open_filesystem(address, args, edit.io()));
    return take_from(opened, address, word, destination.is_directory, follow, take);
  }
  const std::vector<Operand> files = edit.expand(word);
  if (!is_output(destination.target)) destination.require_room_for(files.size());
  for (const Operand& found : files) take(found, *open_source_in(edit.fs(), found, follow));
}

std::vector<std::filesystem::path> images_of(const Edit& edit, const Operand& source) {
  std::vector<std::filesystem::path> images{edit.image().image};
  if (source.kind == Operand::Kind::OtherImage) images.push_back(source.other.image);
  return images;
}

/// "dir/." and "/" have no name to keep: what is in them goes into the destination.
bool fills(const CopyOptions& options, const Operand& source) {
  return options.recursive && !has_own_name(source.path);
}

Operand target_for(const Destination& destination, const Operand& source,
                   const CopyOptions& options) {
  if (source.word == "-" && destination.is_directory)
    throw Error(Errc::Usage, "standard input has no name: name the file to make");
  if (fills(options, source)) return destination.target;
  return destination.target_for(source);
}

void write_to_output(const CopySource& source, Streams& io) {
  if (source.meta().type != FileType::Regular)
    throw Error(Errc::Usage,
                fmt::format("{} is not a regular file: it has no content for standard output",
                            quote(source.word())))
        .with_path(source.word());
  read_without_holes(source, [&](std::span<const std::byte> bytes) {
    if (!io.out.write(reinterpret_cast<const char*>(bytes.data()),
                      static_cast<std::streamsize>(bytes.size())))
      throw output_error(errno);
  });
}

void apply(Edit& edit, const Args& args) {
  CopyOptions options = read_options(args, &edit.fs(), edit.io());
  options.dry_run = options.dry_run || edit.is_dry_run();  // of the batch
  const Destination destination = read_destination(edit, args, false);
  if (destination.target.kind == Operand::Kind::OtherImage)
    throw Error(Errc::Usage, fmt::format("{} is in another image: one command changes one image",
                                         quote(destination.target.word)));
  std::map<std::string, std::uint32_t> linked;
  const auto copy = [&](const Operand& file, const CopySource& source) {
    if (is_output(destination.target)) return write_to_output(source, edit.io());
    const Operand target = target_for(destination, file, options);
    if (target.kind == Operand::Kind::Image)
      return copy_to_image(edit, source, target, options, linked);
    copy_to_host(source, {target.path, destination.is_directory, images_of(edit, file)}, options,
                 edit.warnings, [&](const std::string& line) { edit.say(line); });
  };
  for (const std::string& word : destination.sources)
    take_sources(edit, word, destination, args, options, copy);
}

/// From images to the host: nothing is written to an image, so none is opened for it.
ExitCode copy_out(const Args& args, Streams& io) {
  const CopyOptions options = read_options(args, nullptr, io);
  std::vector<std::string> words = args.operands();
  const std::string target = args.value("target-directory").value_or(words.back());
  if (!args.has("target-directory")) words.pop_back();
  const bool to_output = target == "-";
  if (to_output && args.has("json"))
    throw Error(Errc::Usage, "--json and content on standard output do not go together");
  const bool into =
      !to_output && !args.has("no-target-directory") && std::filesystem::is_directory(target);
  if ((words.size() > 1 || args.has("target-directory")) && !into && !to_output)
    throw Error(Errc::NotFound, fmt::format("{} {}", quote(target),
                                            std::filesystem::exists(target) ? "is not a directory"
                                                                            : "does not exist"))
        .with_path(target);
  std::vector<Warning> warnings;
  for (const std::string& word : words) {
    const Address address =
        args.has("image") ? parse_address_in(*args.value("image"), word) : parse_address(word);
    if (const auto meant = with_slash(word)) throw missing_slash(word, *meant);
    if (address.path.empty())
      throw Error(Errc::Usage, fmt::format("neither {} nor {} is a path in an image", quote(word),
                                           quote(target)))
          .with_hint("for example disk.img:/etc/fstab");
    const auto opened = std::make_shared<OpenedFs>(open_filesystem(address, args, io));
    if (args.has("json"))
      warnings.insert(warnings.end(), opened->warnings.begin(), opened->warnings.end());
    take_from(opened, address, word, into || to_output, follows(args, options),
              [&](const Operand& file, const CopySource& source) {
                if (to_output) return write_to_output(source, io);
                const bool keeps_name = into && !fills(options, file);
                copy_to_host(source,
                             {keeps_name ? target + "/" + base_name(file.path) : target,
                              keeps_name,
                              {address.image}},
                             options, warnings, [&](const std::string& line) {
                               if (args.has("verbose"))
                                 (args.has("json") ? io.err : io.out) << line << '\n';
                             });
              });
  }
  if (args.has("json"))
    print_result(io, "cp", {{"changed", false}}, warnings);
  else
    for (const Warning& warning : warnings)
      io.err << "rawimg cp: warning: " << warning.message << '\n';
  return ExitCode::Done;
}

/// Where nothing names an image that exists, a target that looks like a path in one is meant so.
bool is_to_host(const std::string& target, const Args& args) {
  if (args.has("image")) return !target.starts_with(":");
  if (names_image(target)) return false;
  const auto& words = args.operands();
  return target == "-" || std::any_of(words.begin(), words.end(), names_image) ||
         parse_address(target).path.empty();
}

ExitCode run(const Args& args, Streams& io) {
  if (args.operands().size() + (args.has("target-directory") ? 1 : 0) < 2)
    throw Error(Errc::Usage, "source and destination are needed");
  const std::string target = args.value("target-directory").value_or(args.operands().back());
  if (const auto meant = args.has("image") ? std::nullopt : with_slash(target))
    throw missing_slash(target, *meant);
  return is_to_host(target, args) ? copy_out(args, io) : run_edit(kCp, args, io);
}

}  // namespace

const Command kCp{
    .name = "cp",
    .synopsis = "[-a] [-r] [-p] SOURCE... DESTINATION, each a host file or IMG:/path",
    .summary = "copy files into an image, out of it, and between images",
    .examples =
        "  rawimg cp ./m5 disk.img:/sbin/m5\n  rawimg cp -r bench/ disk.img:/opt\n  rawimg cp "
        "disk.img:/var/log/messages .\n  zcat big.gz | rawimg cp - disk.img:/data/big\n  rawimg cp "
        "-a old.img:/home new.img:/\n",
    .details =
        "Into an image, files belong to 0:0 and get the source's mode without writing for group "
        "and others, unless -p, --owner or\n"
        "--chmod say otherwise. To the host, nothing is made through a symlink of the image. `-` "
        "is standard input or output.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
    .takes_host_files = true,
};

}  // namespace rawimg::cli
