// SPDX-License-Identifier: MIT
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

constexpr OptionSpec kNoSync[] = {
    {"no-sync", "", "do not wait until everything is on stable storage"}};
constexpr std::span<const OptionSpec> kTables[] = {kNoSync, kLockOptions, kImageOption,
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

ExitCode run_recover(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(1);
  ImageFile image = ImageFile::open(address.image, Access::ReadWrite, read_lock_policy(args));
  const Recovery recovery = recover(image, read_durability(args));
  if (args.has("json"))
    print_result(io, "recover",
                 {{"outcome", text_of(recovery.outcome)}, {"message", recovery.message}});
  else
    io.err << fmt::format(
        "{}: {}\n", quote(address.image.string()),
        recovery.message.empty() ? "there was nothing to recover" : recovery.message);
  return ExitCode::Done;
}

ExitCode run_undo(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(1);
  ImageFile image = ImageFile::open(address.image, Access::ReadWrite, read_lock_policy(args));
  undo_last(image, read_durability(args));
  if (args.has("json"))
    print_result(io, "undo", {{"changed", true}});
  else
    io.err << fmt::format("{}: the last change was taken back; the same again makes it once more\n",
                          quote(address.image.string()));
  return ExitCode::Done;
}

}  // namespace

const Command kRecover{
    .name = "recover",
    .synopsis = "IMG",
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
    .synopsis = "IMG",
    .summary = "take back the last change",
    .examples = "  rawimg undo disk.img\n",
    .details =
        "Works as long as nothing else has changed the image (else exit 7). Changes are kept in "
        "IMG.rawimg-kept, up to 64 MiB, unless\nthey were made with --no-keep-undo.\n",
    .options = kTables,
    .run = run_undo,
};

}  // namespace rawimg::cli
