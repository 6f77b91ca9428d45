// SPDX-License-Identifier: MIT
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/copy.h"
#include "edit/destination.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"archive", "", "-r, and keep everything: owner, mode, times, links, xattrs", 'a'},
    {"recursive", "", "directories with all that is in them", 'r'},
    {"recursive-as-well", "", "the same as -r", 'R'},
    {"preserve", "", "keep mode, owner and times", 'p'},
    {"no-dereference", "", "symlinks themselves (the default with -r)", 'P'},
    {"dereference", "", "what symlinks lead to", 'L'},
    {"no-clobber", "", "leave what exists as it is", 'n'},
    {"owner", "OWNER[:GROUP]", "this owner (into an image, the default is root's 0:0)"},
    {"chmod", "MODE", "this mode, or this change of it"},
    {"devices", "", "make device nodes on the host, too"},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,           kDestinationOptions, kVerboseOption, kEditOptions,
    kJournalOption, kLockOptions,        kImageOption,   kCommonOptions};

CopyOptions read_options(const Args& args, const Transaction* fs) {
  CopyOptions options;
  const bool archive = args.has("archive");
  options.recursive = archive || args.has("recursive") || args.has("recursive-as-well");
  options.preserve = archive || args.has("preserve");
  options.xattrs = options.hard_links = archive;
  options.follow = args.has("dereference");
  options.no_clobber = args.has("no-clobber");
  options.devices = args.has("devices");
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
  return options.follow || (!options.recursive && !args.has("no-dereference"));
}

std::unique_ptr<CopySource> open_source(Edit& edit, const Operand& file, const Args& args,
                                        const CopyOptions& options) {
  if (file.word == "-") return open_stream_source(edit.io().in, "standard input");
  std::error_code error;
  const auto kind = std::filesystem::status(file.path, error).type();
  const bool is_stream =
      kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character;
  if (file.kind == Operand::Kind::Host && is_stream && !options.recursive)
    return open_host_stream(file.path, file.word);  // as cp does: what comes out of it
  if (file.kind == Operand::Kind::Host)
    return open_host_source(file.path, file.word, follows(args, options));
  if (file.kind == Operand::Kind::Image)
    return open_source_in(edit.fs(), file, follows(args, options));
  return open_source_in(std::make_shared<OpenedFs>(open_filesystem(file.other, args, edit.io())),
                        file, follows(args, options));
}

std::vector<std::filesystem::path> images_of(const Edit& edit, const Operand& source) {
  std::vector<std::filesystem::path> images{edit.image().image};
  if (source.kind == Operand::Kind::OtherImage) images.push_back(source.other.image);
  return images;
}

Operand target_for(const Destination& destination, const Operand& source) {
  if (source.word == "-" && destination.is_directory)
    throw Error(Errc::Usage, "standard input has no name: name the file to make");
  return destination.target_for(source);
}

void apply(Edit& edit, const Args& args) {
  CopyOptions options = read_options(args, &edit.fs());
  options.dry_run = options.dry_run || edit.is_dry_run();  // of the batch
  const Destination destination = read_destination(edit, args, false);
  if (destination.target.kind == Operand::Kind::OtherImage)
    throw Error(Errc::Usage, fmt::format("{} is in another image: one command changes one image",
                                         quote(destination.target.word)));
  std::map<std::string, std::uint32_t> linked;
  for (const std::string& word : destination.sources) {
    std::vector<Operand> sources{edit.operand(word)};
    if (sources[0].kind == Operand::Kind::Image) sources = edit.expand(word);
    for (const Operand& file : sources) {
      const std::unique_ptr<CopySource> source = open_source(edit, file, args, options);
      const Operand target = target_for(destination, file);
      if (target.kind == Operand::Kind::Host)
        copy_to_host(*source, {target.path, destination.is_directory, images_of(edit, file)},
                     options, edit.warnings, [&](const std::string& line) { edit.say(line); });
      else
        copy_to_image(edit, *source, target, options, linked);
    }
  }
}

/// From images to the host: nothing is written to an image, so none is opened for it.
ExitCode copy_out(const Args& args, Streams& io) {
  const CopyOptions options = read_options(args, nullptr);
  std::vector<std::string> words = args.operands();
  const std::string target = args.value("target-directory").value_or(words.back());
  if (!args.has("target-directory")) words.pop_back();
  const bool into =
      target != "-" && !args.has("no-target-directory") && std::filesystem::is_directory(target);
  if ((words.size() > 1 || args.has("target-directory")) && !into)
    throw Error(Errc::Io, fmt::format("{} is not a directory", quote(target))).with_path(target);
  std::vector<Warning> warnings;
  for (const std::string& word : words) {
    const Address address =
        args.has("image") ? parse_address_in(*args.value("image"), word) : parse_address(word);
    if (address.path.empty())
      throw Error(Errc::Usage, fmt::format("{} names no file in an image", quote(word)));
    const auto opened = std::make_shared<OpenedFs>(open_filesystem(address, args, io));
    if (args.has("json"))
      warnings.insert(warnings.end(), opened->warnings.begin(), opened->warnings.end());
    for (const std::string& path : expand_paths(opened->fs, address.path)) {
      const Operand file{Operand::Kind::OtherImage,
                         word.substr(0, word.size() - address.path.size()) + path, path, address};
      const auto source = open_source_in(opened, file, follows(args, options));
      if (target == "-") {
        source->read([&](const DataChunk& chunk) {
          io.out.write(reinterpret_cast<const char*>(chunk.bytes.data()),
                       static_cast<std::streamsize>(chunk.bytes.size()));
        });
        continue;
      }
      copy_to_host(*source, {into ? target + "/" + base_name(path) : target, into, {address.image}},
                   options, warnings, [&](const std::string& line) {
                     if (args.has("verbose")) io.out << line << '\n';
                   });
    }
  }
  if (args.has("json"))
    print_result(io, "cp", {{"changed", false}}, warnings);
  else
    for (const Warning& warning : warnings)
      io.err << "rawimg cp: warning: " << warning.message << '\n';
  return ExitCode::Done;
}

ExitCode run(const Args& args, Streams& io) {
  if (args.operands().size() + (args.has("target-directory") ? 1 : 0) < 2)
    throw Error(Errc::Usage, "source and destination are needed");
  const std::string target = args.value("target-directory").value_or(args.operands().back());
  const bool to_host = args.has("image") ? !target.starts_with(":") : !names_image(target);
  return to_host ? copy_out(args, io) : run_edit(kCp, args, io);
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
};

}  // namespace rawimg::cli
