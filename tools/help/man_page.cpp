// SPDX-License-Identifier: MIT
#include "help/man_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "help/overview.h"
#include "help/roff.h"
#include "help/text_blocks.h"

namespace rawimg::cli {
namespace {

std::string page_name(std::string_view of) { return fmt::format("rawimg-{}", of); }

void add_text(RoffPage& page, std::string_view text) {
  for (const TextBlock& block : read_blocks(text)) switch (block.kind) {
      case TextBlock::Kind::Paragraph:
        page.paragraph(block.text);
        break;
      case TextBlock::Kind::Item:
        page.item(roff_bold(block.tag), block.text);
        break;
      case TextBlock::Kind::Literal:
        page.literal(block.text);
        break;
    }
}

void add_examples(RoffPage& page, std::string_view text) {
  page.section("EXAMPLES");
  std::string lines;
  for (const Example& example : read_examples(text)) {
    if (!example.purpose.empty()) lines += fmt::format("# {}\n", example.purpose);
    lines += fmt::format("{}\n", example.command);
  }
  page.literal(lines);
}

std::string option_tag(const OptionSpec& spec) {
  std::string tag;
  if (spec.short_form() != 0) tag = roff_bold(fmt::format("-{}", spec.short_form()));
  if (spec.is_long()) tag += (tag.empty() ? "" : ", ") + roff_bold("--" + std::string(spec.name));
  if (spec.value_may_be_missing())
    return tag + "[=" + roff_italic(spec.value.substr(1, spec.value.size() - 2)) + "]";
  return spec.is_switch() ? tag : tag + " " + roff_italic(spec.value);
}

void add_name(RoffPage& page, std::string_view name, std::string_view summary) {
  page.section("NAME");
  page.paragraph(fmt::format("{} - {}", name, summary));
}

/// "rawimg info" in a text is a reference to rawimg-info(1), and "rawimg help from" to the topic.
bool mentions(std::string_view text, std::string_view words) {
  for (std::size_t at = text.find(words); at != std::string_view::npos;
       at = text.find(words, at + 1)) {
    const std::size_t end = at + words.size();
    if (end == text.size() || std::string_view(" '.,;:)\n").find(text[end]) != std::string::npos)
      return true;
  }
  return false;
}

void add_references(RoffPage& page, std::string_view own, std::string_view text) {
  std::vector<std::string> names;
  if (own != "rawimg") names.push_back("rawimg.1");
  for (const Command* command : commands())
    if (page_name(command->name) != own &&
        (own == "rawimg" || mentions(text, fmt::format("rawimg {}", command->name))))
      names.push_back(page_name(command->name) + ".1");
  for (const Topic& topic : topics())
    if (page_name(topic.name) != own) names.push_back(page_name(topic.name) + ".7");
  page.section("SEE ALSO");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t dot = names[i].rfind('.');
    page.raw(fmt::format(".BR {} ({}){}", roff_escape(names[i].substr(0, dot)),
                         names[i].substr(dot + 1), i + 1 < names.size() ? "," : ""));
  }
}

void add_exit_status(RoffPage& page) {
  page.section("EXIT STATUS");
  add_text(page, find_topic("exit-codes")->text);
}

}  // namespace

std::string overview_page() {
  RoffPage page("rawimg", "1");
  add_name(page, "rawimg", "make and change raw disk images without root, loop device or mount");
  page.section("SYNOPSIS");
  page.synopsis("rawimg", kOverviewSynopsis);
  page.section("DESCRIPTION");
  page.paragraph(kOverviewSummary);
  page.paragraph(
      "Each command has a page of its own, which 'rawimg COMMAND --help' shows, too; 'rawimg help "
      "TOPIC' shows the pages of section 7.");
  page.section("COMMANDS");
  for (const CommandGroup& group : command_groups()) {
    page.subsection(group.title);
    for (const Command* command : group.commands)
      page.item(roff_bold(page_name(command->name)) + "(1)", command->summary);
  }
  page.section("TOPICS");
  for (const Topic& topic : topics())
    page.item(roff_bold(page_name(topic.name)) + "(7)", topic.summary);
  add_examples(page, kOverviewExamples);
  add_exit_status(page);
  add_references(page, "rawimg", "");
  return page.text();
}

std::string command_page(const Command& command) {
  const std::string name = page_name(command.name);
  RoffPage page(name, "1");
  add_name(page, name, command.summary);
  page.section("SYNOPSIS");
  page.synopsis(fmt::format("rawimg {}", command.name), command.synopsis);
  page.section("DESCRIPTION");
  add_text(page, command.details.empty()
                     ? fmt::format("What rawimg {} does: {}.", command.name, command.summary)
                     : std::string(command.details));
  page.section("OPTIONS");
  for (const OptionSpec& spec : all_options(command)) page.item(option_tag(spec), spec.help);
  add_examples(page, command.examples);
  page.section("EXIT STATUS");
  page.paragraph("0 when it is done; what else there is, rawimg-exit-codes(7) tells.");
  add_references(page, name, command.details);
  return page.text();
}

std::string topic_page(const Topic& topic) {
  const std::string name = page_name(topic.name);
  RoffPage page(name, "7");
  add_name(page, name, topic.summary);
  page.section("DESCRIPTION");
  add_text(page, topic.text);
  add_references(page, name, topic.text);
  return page.text();
}

}  // namespace rawimg::cli
