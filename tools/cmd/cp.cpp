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
#include "edit/copy_options.h"
#include "edit/copy_to_host.h"
#include "edit/copy_to_image.h"
#include "edit/destination.h"
#include "edit/placing.h"
#include "edit/run_edit.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {
    kCopyOptions, kDestinationOptions,       kVerboseOption, kEditOptions, kJournalOption,
    kLockOptions, kLiteralImageOrHostOption, kCommonOptions};

using TakeSource = std::function<void(const Operand& file, const CopySource& source)>;

/// An Error that leaves `action` is one of the image that `word` names, whichever is changed.
template <class Action>
auto in_source(const OpenedFs& opened, const std::string& word, Action&& action)
    -> decltype(action()) {
  try {
    return action();
  } catch (const Error& error) {
    throw with_image(error, opened.image->path(), opened.start).with_path(word);
  }
}

/// Of what a wildcard has matched. Throws: NotFound where nothing is left.
void leave_out_dangling(const ExtReader& fs, std::vector<Operand>& files, const std::string& word,
                        const CopyOptions& options, std::vector<Warning>& warnings) {
  std::erase_if(files, [&](const Operand& file) {
    return file.is_match && !resolve_match(fs, file.path, options.for_named(), file.word, warnings);
  });
  if (files.empty()) throw all_dangling(word);
}

/// The files of an image that is only read.
void take_from(const std::shared_ptr<OpenedFs>& opened, const Address& address,
               const std::string& word, const Destination& destination, const CopyOptions& options,
               std::vector<Warning>& warnings, const TakeSource& take) {
  const std::string front =
      word.substr(0, word.size() - std::min(word.size(), address.path.size()));
  const std::vector<Operand> files = in_source(*opened, word, [&] {
    std::vector<Operand> found;
    for (const std::string& path : expand_paths(opened->fs, address.path))
      found.push_back(
          {Operand::Kind::OtherImage, front + path, path, address, path != address.path});
    leave_out_dangling(opened->fs, found, word, options, warnings);
    return found;
  });
  if (!destination.is_output()) destination.require_room_for(files.size());
  for (const Operand& file : files) {
    const auto source = in_source(
        *opened, file.word, [&] { return open_source_in(opened, file, options.for_named()); });
    take(file, *source);
  }
}

std::unique_ptr<CopySource> open_host(const Operand& file, const CopyOptions& options) {
  std::error_code error;
  const auto kind = std::filesystem::status(file.path, error).type();
  const bool is_stream = kind == std::filesystem::file_type::fifo ||
                         kind == std::filesystem::file_type::character ||
                         kind == std::filesystem::file_type::block;
  if (is_stream && !options.recursive)
    return open_host_stream(file.path, file.word,
                            options.stop);  // as cp does: what comes out of it
  if (kind == std::filesystem::file_type::socket && !options.recursive)
    throw Error(Errc::Unsupported,
                fmt::format("{} is a socket, which has no content", quote(file.word)))
        .with_path(file.word)
        .with_hint("-r makes a socket in the image");
  return open_host_source(file.path, file.word, options.for_named());
}

/// Wildcards are those of images: on the host, a shell has expanded them.
void take_sources(Edit& edit, const std::string& word, const Destination& destination,
                  const CopyOptions& options, const TakeSource& take) {
  const Operand file = edit.operand(word);
  if (word == "-")
    return take(file, *open_stream_source(edit.io().in, "standard input", options.stop));
  if (file.kind == Operand::Kind::Host) return take(file, *open_host(file, options));
  if (file.kind == Operand::Kind::OtherImage) {
    Address address = file.other;
    address.path = file.path;
    const auto opened = std::make_shared<OpenedFs>(edit.open_other(file));
    return take_from(opened, address, word, destination, options, edit.warnings, take);
  }
  std::vector<Operand> files = edit.expand(word);
  leave_out_dangling(edit.fs(), files, word, options, edit.warnings);
  if (!destination.is_output()) destination.require_room_for(files.size());
  for (const Operand& found : files)
    take(found, *open_source_in(edit.fs(), found, options.for_named()));
}

void write_to_output(const CopySource& source, Streams& io) {
  if (source.meta().type != FileType::Regular)
    throw Error(Errc::Exists,
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
  CopyOptions options = read_copy_options(args, &edit.fs(), edit.io());
  options.dry_run = options.dry_run || edit.is_dry_run();  // of the batch
  const Destination destination = read_destination(edit, args, MayBe::Anywhere);
  if (destination.target.kind == Operand::Kind::OtherImage)
    throw Error(Errc::Usage, fmt::format("{} is in another image: one command changes one image",
                                         quote(destination.target.word)));
  Placing placing(destination, options, edit.warnings);
  ImageCopier to_image(edit, options);
  HostCopier to_host(options, edit.warnings, [&](const auto& line) { edit.say(line); });
  to_host.protect(edit.image().image);
  const auto copy = [&](const Operand& file, const CopySource& source) {
    if (destination.is_output()) return write_to_output(source, edit.io());
    const auto target = placing.target_for(file, source);
    if (!target) return;
    if (target->kind == Operand::Kind::Image) return to_image.copy(source, *target);
    if (file.kind == Operand::Kind::OtherImage) to_host.protect(file.other.image);
    if (!options.dry_run) edit.written_on_host.push_back(target->path);
    to_host.copy(source, target->path, placing.named_by(file));
  };
  for (const std::string& word : destination.sources)
    take_sources(edit, word, destination, options, copy);
}

/// The image that a source is in, where none was opened for writing.
Address source_address(const Args& args, const std::string& word, const std::string& target) {
  if (args.has("image")) {
    if (word.starts_with(':')) return parse_address_in(*args.value("image"), word);
    throw Error(Errc::Usage, fmt::format("neither {} nor {} is a path in {}", quote(word),
                                         quote(target), quote(*args.value("image"))))
        .with_hint("paths in it begin with ':', for example :/etc/fstab");
  }
  const Address address = parse_address(word);
  if (const auto meant = with_slash(word)) throw missing_slash(word, *meant);
  if (address.path.empty())
    throw Error(Errc::Usage,
                fmt::format("neither {} nor {} is a path in an image", quote(word), quote(target)))
        .with_hint("for example disk.img:/etc/fstab");
  return address;
}

/// From images to the host: nothing is written to an image, so none is opened for it.
ExitCode copy_out(const Args& args, Streams& io) {
  const CopyOptions options = read_copy_options(args, nullptr, io);
  const Destination destination = read_host_destination(args);
  if (destination.is_output() && args.has("json"))
    throw Error(Errc::Usage, "--json and content on standard output do not go together");
  std::vector<Warning> warnings;
  Placing placing(destination, options, warnings);
  std::uint64_t copied = 0;
  HostCopier to_host(options, warnings, [&](const auto& line) {
    ++copied;
    if (args.has("verbose")) (args.has("json") ? io.err : io.out) << line() << '\n';
  });
  for (const std::string& word : destination.sources) {
    const Address address = source_address(args, word, destination.target.word);
    const auto opened = std::make_shared<OpenedFs>(open_filesystem(address, args, io));
    if (args.has("json"))
      warnings.insert(warnings.end(), opened->warnings.begin(), opened->warnings.end());
    to_host.protect(address.image);
    take_from(opened, address, word, destination, options, warnings,
              [&](const Operand& file, const CopySource& source) {
                if (destination.is_output()) return write_to_output(source, io);
                if (const auto target = placing.target_for(file, source))
                  to_host.copy(source, target->path, placing.named_by(file));
              });
  }
  if (args.has("json"))
    print_result(io, "cp", {{"copied", copied}, {"dry_run", options.dry_run}}, warnings);
  else
    print_warnings(io, "cp", warnings);
  if (!options.dry_run && !destination.is_output())
    require_told(io, destination.target.path, "was written");
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
  if (is_to_host(target, args)) return copy_out(args, io);
  const auto& words = args.operands();
  if (std::find(words.begin(), words.end(), "-") != words.end()) await_input(args, io);
  return run_edit(kCp, args, io);
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
        "is standard input or output.\n"
        "setuid, setgid and capabilities go along only where owner and group do. Names with * ? [ "
        "match inside the image, also in\nthe destination, where they name one; trees are merged, "
        "but two operands of one name are refused.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
    .takes_host_files = true,
};

}  // namespace rawimg::cli
