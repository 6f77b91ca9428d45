// SPDX-License-Identifier: MIT
#include "cli/gem5img_line.h"

#include <algorithm>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/address.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kGem5imgOptions, kWriteOptions, kLockOptions,
                                                   kQuietOption, kCommonOptions};

std::string overview() {
  std::string text = "Usage: gem5img [command] <command arguments>\nwhere [command] is one of \n";
  for (const Gem5imgVerb& verb : gem5img_verbs())
    text += fmt::format("    {}: {}\n", verb.name, verb.description);
  return text +
         "No loopback devices and no root: mount and umount say what to do instead.\n"
         "Its options: gem5img --help\n";
}

std::string usage_of(const Gem5imgVerb& verb) {
  std::string text = fmt::format("usage: gem5img {} [options]", verb.name), lines;
  for (const auto& [name, meaning] : verb.operands) {
    text += fmt::format(" {}", name);
    lines += fmt::format("\n  {}: {}", name, meaning);
  }
  return text + lines + '\n';
}

std::string help_of(const Gem5imgVerb& verb) {
  std::string text = usage_of(verb) + fmt::format("\n{}\n\noptions:\n", verb.description);
  for (const std::string_view name : verb.options)
    for (const OptionSpec& option : kGem5imgOptions)
      if (option.name == name)
        text += fmt::format("  --{}{}{}  {}\n", name, option.is_switch() ? "" : " ", option.value,
                            option.help);
  return text + "  --debug  print the rawimg line that does it\nMore: gem5img --help\n";
}

/// What is wrong with the words behind a command, as argparse says it; empty: nothing.
std::string fault_of(const Gem5imgVerb& verb, const Args& args) {
  for (const std::string_view name : {"type", "align", "exact"})
    if (args.has(name) &&
        std::find(verb.options.begin(), verb.options.end(), name) == verb.options.end())
      return fmt::format("unrecognized arguments: --{}", name);
  return args.operands().size() == verb.operands.size() + 1 ? "" : "Incorrect number of arguments";
}

ExitCode refuse(const Args& args, Streams& io, const std::string& usage, ExitCode code,
                const std::string& why) {
  if (args.has("json")) throw Error(Errc::Usage, why);
  (code == ExitCode::Usage ? io.err : io.out) << usage;
  if (code == ExitCode::Usage) io.err << "gem5img: error: " << why << '\n';
  return code;
}

/// A tree of the host as cp takes it, with all that is in it and not itself.
std::string all_in(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  return directory.starts_with('-') ? "./" + directory + "/." : directory + "/.";
}

/// The only filesystem of an image, which need not be in the first partition; else that.
std::string root_of(const Args& args, const std::string& file) {
  Address address;
  address.image = file;
  unsigned slot = 0;
  try {
    ImageFile image = ImageFile::open(file, Access::ReadOnly, read_lock_policy(args));
    slot = find_filesystem(image, address).slot;
  } catch (const Error&) {
    slot = first_partition(args, file).slot;
  }
  return slot == 0 ? file + ":/" : fmt::format("{}:{}/", file, slot);
}

Error no_mount(const Args& args) {
  const std::string& file = args.operands()[1];
  const std::string tree = all_in(args.operands()[2]), root = root_of(args, file);
  return Error(Errc::Unsupported,
               fmt::format("{} is not mounted: rawimg needs no root, and copies files into images "
                           "and out of them",
                           quote(file)))
      .with_path(file)
      .with_hint(fmt::format("in place of mount, cp and umount:\n"
                             "    rawimg cp -a {0} {1}    # what is in there into the image\n"
                             "    rawimg cp -a {2} {3}    # all of the image out of it",
                             shell_word(tree), shell_word(root), shell_word(root + "."),
                             shell_word(tree.substr(0, tree.size() - 1))));
}

Error no_umount(const Args& args) {
  return Error(Errc::Unsupported,
               fmt::format("{} is not unmounted: rawimg mounts nothing", quote(args.operands()[1])))
      .with_hint(fmt::format("what 'rawimg cp' has copied into an image is in it:\n"
                             "    rawimg cp -a {} IMG:/",
                             shell_word(all_in(args.operands()[1]))));
}

/// The result of another command as ours.
ExitCode run_for_json(const Gem5imgLine& line, const std::string& verb, Streams& io) {
  std::ostringstream kept;
  Streams inner = io.with_output(kept);
  const ExitCode code = line.command.run(parse_words(line.command, line.words), inner);
  const Json made = Json::parse(kept.str());
  Json result = made.at("result");
  result["verb"] = verb;
  Json warnings = made.at("warnings");
  for (const Warning& warning : line.warnings) warnings.push_back(to_json(warning));
  io.out << Json{{"schema", 1}, {"command", "gem5img"}, {"result", result}, {"warnings", warnings}}
                .dump()
         << '\n';
  return code;
}

ExitCode run(const Args& args, Streams& io) {
  const std::string name = args.operands().empty() ? "" : args.operands()[0];
  const auto& verbs = gem5img_verbs();
  const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                 [&](const Gem5imgVerb& known) { return known.name == name; });
  if (verb == verbs.end())
    return refuse(args, io, overview(), ExitCode::Failed,
                  name.empty() ? "no command" : fmt::format("unknown command {}", quote(name)));
  if (args.has("h")) {
    io.out << help_of(*verb);
    return ExitCode::Done;
  }
  if (const std::string fault = fault_of(*verb, args); !fault.empty())
    return refuse(args, io, usage_of(*verb), ExitCode::Usage, fault);
  if (name == "mount") throw no_mount(args);
  if (name == "umount") throw no_umount(args);
  const Gem5imgLine line = gem5img_line(name, args);
  if (args.has("debug")) io.err << "%> " << to_text(line) << '\n';
  if (args.has("json")) return run_for_json(line, name, io);
  for (const Warning& warning : line.warnings) io.out << warning.message << '\n';
  return line.command.run(parse_words(line.command, line.words), io);
}

}  // namespace

const Command kGem5img{
    .name = "gem5img",
    .synopsis =
        "init FILE MB | new FILE MB | partition FILE | format FILE | mount FILE DIR | umount DIR",
    .summary = "what gem5's util/gem5img.py does, without root",
    .examples = R"(  rawimg gem5img init x86root.img 512
  rawimg gem5img init -t ext4 --align 2048 bench.img 4096
  rawimg gem5img new disk.img 100; rawimg gem5img partition disk.img; rawimg gem5img format disk.img
  ln -s rawimg gem5img.py; ./gem5img.py init linux-bigswap2.img 128    # the same, by another name
)",
    .details =
        R"(MB is MiB, cut to whole cylinders of 16 x 63 sectors (512 becomes 536739840 bytes) and, with a word about it, at 8064 MiB;
--exact does neither. The partition starts at sector 63, as guides have it (offset 32256), and the one of today's gem5img.py
at --align 2048. The filesystem has the block size that mkfs.ext2 and so on would choose, and at least as many inodes. The file is not executable.
What is different: mount and umount fail, with the lines that do their job. A file, table or filesystem that is there is
overwritten only with --force; an empty file is nobody's, and taken. Exit codes are rawimg's, but for a missing or unknown
command, which is 1, and every failure is one. With -d the rawimg line that does it is shown: it can do more.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
