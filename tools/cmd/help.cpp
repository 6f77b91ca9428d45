// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/find_command.h"
#include "cli/output.h"
#include "cmd/all.h"
#include "help/man_page.h"
#include "help/overview.h"
#include "help/topics.h"
#include "rawimg_version.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kManOption[] = {
    {"man", "", "as a page of the manual, for man(1): rawimg help --man build | man -l -"},
};
constexpr std::span<const OptionSpec> kTables[] = {kCommonOptions};
constexpr std::span<const OptionSpec> kHelpTables[] = {kManOption, kCommonOptions};

Error unknown_word(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Topic& topic : topics()) names.push_back(topic.name);
  for (const Command* command : commands()) names.push_back(command->name);
  const auto guess = nearest(word, names);
  return Error(Errc::Usage, fmt::format("no help on {}{}", quote(word),
                                        guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

std::string text_for(const std::string& word, bool as_page) {
  if (const Command* command = find_command(word))
    return as_page ? command_page(*command) : help_text(*command);
  if (const Topic* topic = find_topic(word))
    return as_page ? topic_page(*topic) : std::string(topic->text);
  throw unknown_word(word);
}

Json contents() {
  Json names = Json::array(), subjects = Json::array();
  for (const CommandGroup& group : command_groups())
    for (const Command* command : group.commands) names.push_back(command->name);
  for (const Topic& topic : topics()) subjects.push_back(topic.name);
  return {{"commands", std::move(names)}, {"topics", std::move(subjects)}};
}

ExitCode run_help(const Args& args, Streams& io) {
  args.require_at_most(1);
  const bool as_page = args.has("man"), is_overview = args.operands().empty();
  const std::string text = !is_overview ? text_for(args.operands()[0], as_page)
                           : as_page    ? overview_page()
                                        : overview_text();
  if (!args.has("json")) {
    io.out << text;
    return ExitCode::Done;
  }
  Json result{{"text", text}};
  if (is_overview) result.update(contents());
  print_result(io, "help", result);
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
    .synopsis = "[--man] [COMMAND | TOPIC]",
    .summary = "show help on a command or a topic",
    .examples = "  rawimg help build\n  rawimg help addresses\n",
    .details = "Without a word: the commands, and the topics that there is help on.\n",
    .options = kHelpTables,
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
