// SPDX-License-Identifier: MIT
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>
#include <rawimg/recovery.h>

#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"dry-run", "", "say what would be done, or why it cannot be, and change nothing"},
    {"no-sync", "", "do not wait until everything is on stable storage"}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kQuietOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

std::string_view text_of(Recovery::Outcome outcome) {
  switch (outcome) {
    case Recovery::Outcome::Nothing:
      return "nothing";
    case Recovery::Outcome::RolledBack:
      return "rolled-back";
    case Recovery::Outcome::Finished:
      return "finished";
    case Recovery::Outcome::SetAside:
      break;
  }
  return "set-aside";
}

std::string text_of(const Recovery& recovery, Recover what) {
  if (recovery.message.empty()) return "there was nothing to recover";
  return (what == Recover::DryRun ? "would be done (--dry-run): " : "") + recovery.message;
}

Recover read_dry_run(const Args& args) {
  return args.has("dry-run") ? Recover::DryRun : Recover::Now;
}

/// What is marked, and has no undo file that could take the mark away, is not whole.
void require_whole(ImageFile& image, const Address& address) {
  const auto require = [](const Window& where) {
    if (const auto info = probe_ext(where); info && info->interrupted) (void)ExtFs::open(where);
  };
  if (address.slot || address.offset) return require(find_filesystem(image, address).window);
  if (!has_partition_table(image)) return require(Window(image));
  for (const Partition& partition : PartitionTable::read(image).partitions())
    require(Window(image, partition.range()));
}

/// What was never changed by us needs no recovery, but a file that is no disk is not meant.
void require_filesystem(const ImageFile& image, const Address& address) {
  const DiskIdentity disk = identify_disk(image);
  if (address.offset || disk.kind == DiskKind::Mbr || disk.kind == DiskKind::Gpt ||
      disk.kind == DiskKind::Filesystem)
    return;
  throw Error(Errc::Unsupported,
              fmt::format("{} is no disk with a filesystem{}", quote(image.path().string()),
                          disk.name.empty() ? "" : ": " + disk.name))
      .with_path(image.path().string());
}

/// A change is taken back as a whole, whatever files it was about.
Address read_image(const Args& args) {
  Address address = read_address(args);
  args.require_at_most(1);
  if (!address.path.empty())
    throw Error(Errc::Usage,
                fmt::format("{} is a path: a change is taken back as a whole", quote(address.path)))
        .with_hint("name the image alone, or with a slot");
  return address;
}

ExitCode run_recover(const Args& args, Streams& io) {
  const Address address = read_image(args);
  ImageFile image = ImageFile::open(address.image, Access::ReadWrite, read_lock_policy(args));
  const Recover what = read_dry_run(args);
  const Recovery recovery = about(address.image.string(), [&] {
    Recovery done = recover(image, read_durability(args), what);
    if (done.outcome == Recovery::Outcome::Nothing) require_filesystem(image, address);
    if (done.outcome != Recovery::Outcome::RolledBack) require_whole(image, address);
    return done;
  });
  if (args.has("json"))
    print_result(io, "recover",
                 {{"outcome", text_of(recovery.outcome)},
                  {"message", recovery.message},
                  {"dry_run", what == Recover::DryRun}});
  else if (!args.has("quiet"))
    io.err << fmt::format("{}: {}\n", quote(address.image.string()), text_of(recovery, what));
  if (what == Recover::Now && recovery.outcome != Recovery::Outcome::Nothing)
    require_told(io, address.image);
  return ExitCode::Done;
}

ExitCode run_undo(const Args& args, Streams& io) {
  const Address address = read_image(args);
  ImageFile image = ImageFile::open(address.image, Access::ReadWrite, read_lock_policy(args));
  UndoOptions options{read_durability(args), read_dry_run(args)};
  if (address.slot || address.offset)
    options.filesystem = find_filesystem(image, address).window.range();
  const Recovery recovery = undo_last(image, options);
  const bool dry = options.what == Recover::DryRun;
  const bool recovered = recovery.outcome == Recovery::Outcome::RolledBack ||
                         recovery.outcome == Recovery::Outcome::Finished;
  if (args.has("json"))
    print_result(io, "undo",
                 {{"changed", true}, {"dry_run", dry}, {"recovery", text_of(recovery.outcome)}});
  else if (!args.has("quiet"))
    io.err << fmt::format(
        "{}: {}\n", quote(address.image.string()),
        recovered ? text_of(recovery, options.what) + "; no other change is taken back"
        : dry     ? "the last change can be taken back; nothing was written (--dry-run)"
                  : "the last change was taken back; the same again makes it once more");
  if (!dry) require_told(io, address.image);
  return ExitCode::Done;
}

}  // namespace

const Command kRecover{
    .name = "recover",
    .synopsis = "IMG[:N]",
    .summary = "take back a change that was interrupted",
    .examples = "  rawimg recover disk.img\n",
    .details =
        "The next change of an image does this by itself. While a change is being written, other "
        "programs refuse the filesystem,\n"
        "and IMG.rawimg-undo beside it holds what was there before.\n",
    .options = kTables,
    .run = run_recover,
};

const Command kUndo{
    .name = "undo",
    .synopsis = "IMG[:N]",
    .summary = "take back the last change",
    .examples = "  rawimg undo disk.img\n",
    .details =
        "Works as long as nothing else has changed the image (else exit 7); bytes that another "
        "program wrote into a file in place\nare not looked at. Changes are kept in "
        "IMG.rawimg-kept, up to 64 MiB, unless they were made with --no-keep-undo. Where\na "
        "change was interrupted, that one is taken back, and no other.\n",
    .options = kTables,
    .run = run_undo,
};

}  // namespace rawimg::cli
