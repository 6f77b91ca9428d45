// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"
#include "cmd/all.h"
#include "rawimg_version.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kCommonOptions};

std::string text_for(const std::string& word) {
  for (const Command* command : commands())
    if (command->name == word) return help_text(*command);
  if (std::string text = topic_text(word); !text.empty()) return text;
  std::vector<std::string_view> names = topic_names();
  for (const Command* command : commands()) names.push_back(command->name);
  const auto guess = nearest(word, names);
  throw Error(Errc::Usage, fmt::format("no help on {}{}", quote(word),
                                       guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

ExitCode run_help(const Args& args, Streams& io) {
  args.require_at_most(1);
  const std::string text = args.operands().empty() ? overview_text() : text_for(args.operands()[0]);
  if (args.has("json"))
    print_result(io, "help", {{"text", text}});
  else
    io.out << text;
  return ExitCode::Done;
}

ExitCode run_version(const Args& args, Streams& io) {
  args.require_at_most(0);
  if (args.has("json"))
    print_result(io, "version", {{"version", kVersionText}, {"layout", kLayoutVersion}});
  else
    io.out << fmt::format("rawimg {} (image layout {})\n", kVersionText, kLayoutVersion);
  return ExitCode::Done;
}

}  // namespace

const Command kHelp{
    .name = "help",
    .synopsis = "[COMMAND | TOPIC]",
    .summary = "show help on a command or a topic",
    .examples = "  rawimg help build\n  rawimg help addresses\n",
    .details = "Without a word: the commands, and the topics that there is help on.\n",
    .options = kTables,
    .run = run_help,
};

const Command kVersion{
    .name = "version",
    .synopsis = "",
    .summary = "show the version, and the number of the image layout",
    .examples = "  rawimg version\n",
    .details = "The same sources make the same bytes as long as the layout's number is the same.\n",
    .options = kTables,
    .run = run_version,
};

}  // namespace rawimg::cli
