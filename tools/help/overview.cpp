// SPDX-License-Identifier: MIT
#include "help/overview.h"

#include <algorithm>

#include <fmt/format.h>

#include "help/topics.h"

namespace rawimg::cli {
namespace {

/// Each group by its first command.
constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
    {"build", "Make images"},
    {"info", "Look inside"},
    {"cp", "Change what is inside"},
    {"fstab", "Files that the guest reads"},
    {"batch", "Many changes as one, and taking them back"},
    {"help", "More"},
};

}  // namespace

std::vector<CommandGroup> command_groups() {
  std::vector<CommandGroup> groups;
  for (const Command* command : commands()) {
    for (const auto& [first, title] : kGroups)
      if (first == command->name) groups.push_back({title, {}});
    groups.back().commands.push_back(command);
  }
  return groups;
}

std::string overview_text() {
  std::string text = fmt::format("{}\n\nExamples:\n{}\nUsage: rawimg {}\n", kOverviewSummary,
                                 kOverviewExamples, kOverviewSynopsis);
  std::size_t width = 0;
  for (const Topic& topic : topics()) width = std::max(width, topic.name.size());
  for (const Command* command : commands()) width = std::max(width, command->name.size());
  const auto add_row = [&](std::string_view name, std::string_view summary) {
    text += fmt::format("  {:<{}}  {}\n", name, width, summary);
  };
  for (const CommandGroup& group : command_groups()) {
    text += fmt::format("\n{}:\n", group.title);
    for (const Command* command : group.commands) add_row(command->name, command->summary);
  }
  text += "\nrawimg COMMAND --help tells more; rawimg help TOPIC:\n";
  for (const Topic& topic : topics()) add_row(topic.name, topic.summary);
  return text;
}

}  // namespace rawimg::cli
