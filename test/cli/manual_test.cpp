// SPDX-License-Identifier: MIT
// The pages of the manual, as mandoc and groff read and show them.
#include <algorithm>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "cli/command.h"
#include "help/overview.h"
#include "help/roff.h"
#include "help/text_blocks.h"
#include "help/topics.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

/// "rawimg-build.1" and what `rawimg help` calls it.
std::vector<std::pair<std::string, std::string>> all_pages() {
  std::vector<std::pair<std::string, std::string>> pages{{"rawimg.1", ""}};
  for (const cli::Command* command : cli::commands())
    pages.emplace_back(fmt::format("rawimg-{}.1", command->name), command->name);
  for (const cli::Topic& topic : cli::topics())
    pages.emplace_back(fmt::format("rawimg-{}.7", topic.name), topic.name);
  return pages;
}

std::string page_of(const std::string& name) {
  std::vector<std::string> words{"help", "--man"};
  if (!name.empty()) words.push_back(name);
  const CliResult result = run_rawimg(words);
  CAPTURE(name, result.err);
  REQUIRE(result.code == 0);
  return result.out;
}

/// Without what bold and underlining are to a printer, and with one blank for many.
std::string plain(const std::string& rendered) {
  static const std::regex kOverstrike(".\b"), kBlanks("\\s+");
  return std::regex_replace(std::regex_replace(rendered, kOverstrike, ""), kBlanks, " ");
}

std::string one_line(std::string_view text) { return plain(std::string(text)); }

std::string rendered(const std::string& page) {
  const Outcome shown =
      run(test::Command{.argv = {"mandoc", "-Tascii", "-Owidth=1000"}, .input = page});
  REQUIRE(shown.ok());
  return plain(shown.out);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// All pages as files of a directory.
std::vector<std::string> write_pages(const TempDir& dir) {
  std::vector<std::string> files;
  for (const auto& [file, name] : all_pages()) {
    files.push_back((dir / file).string());
    write_file(files.back(), page_of(name));
  }
  return files;
}

}  // namespace

TEST_CASE("what a page must hold of a text is told apart from other text", "[cli][manual]") {
  CHECK(plain("N\bNA\bA  x\n y") == "NA x y");
  CHECK_FALSE(holds(rendered(page_of("cat")), "--strip-components"));
}

TEST_CASE("each command's page shows its synopsis, options, examples and details as help does",
          "[cli][manual]") {
  for (const cli::Command* command : cli::commands()) {
    const std::string text = rendered(page_of(std::string(command->name)));
    CAPTURE(command->name, text);
    CHECK(holds(text, one_line(fmt::format("NAME rawimg-{} - {} SYNOPSIS rawimg {} {} DESCRIPTION ",
                                           command->name, command->summary, command->name,
                                           command->synopsis))));
    for (const cli::OptionSpec& spec : cli::all_options(*command)) {
      std::string tag = spec.short_form() != 0 ? fmt::format("-{}", spec.short_form()) : "";
      if (spec.is_long()) tag += fmt::format("{}--{}", tag.empty() ? "" : ", ", spec.name);
      if (spec.value_may_be_missing())
        tag += fmt::format("[={}", spec.value.substr(1));
      else if (!spec.is_switch())
        tag += fmt::format(" {}", spec.value);
      CHECK(holds(text, one_line(fmt::format(" {} {} ", tag, spec.help))));
    }
    for (const cli::Example& example : cli::read_examples(command->examples))
      CHECK(holds(text, one_line(example.command)));
    for (const cli::TextBlock& block : cli::read_blocks(command->details))
      CHECK(holds(text, one_line(block.tag + " " + block.text + " ").substr(block.tag.empty())));
  }
}

TEST_CASE("each topic's page shows all of its text", "[cli][manual]") {
  for (const cli::Topic& topic : cli::topics()) {
    const std::string text = rendered(page_of(std::string(topic.name)));
    CAPTURE(topic.name, text);
    CHECK(holds(text, one_line(fmt::format("NAME rawimg-{} - {} DESCRIPTION ", topic.name,
                                           topic.summary))));
    for (const cli::TextBlock& block : cli::read_blocks(topic.text))
      CHECK(holds(text, one_line(block.tag + " " + block.text + " ").substr(block.tag.empty())));
    CHECK(run_rawimg({"help", std::string(topic.name)}).out == topic.text);
  }
}

TEST_CASE("rawimg(1) lists each command once, below a title, and each topic", "[cli][manual]") {
  const std::string text = rendered(page_of("")), help = run_rawimg({"help"}).out;
  for (const cli::Command* command : cli::commands()) {
    CAPTURE(command->name);
    const std::string row =
        one_line(fmt::format("rawimg-{}(1) {} ", command->name, command->summary));
    CHECK(holds(text, row));
    CHECK(holds(help, fmt::format("\n  {} ", command->name)));
  }
  CHECK_FALSE(holds(text, "complete"));
  for (const cli::Topic& topic : cli::topics())
    CHECK(holds(text, one_line(fmt::format("rawimg-{}(7) {} ", topic.name, topic.summary))));
  const auto groups = cli::command_groups();
  CHECK(groups.size() == 6);
  for (const cli::CommandGroup& group : groups) {
    CHECK_FALSE(group.commands.empty());
    CHECK(holds(help, fmt::format("\n{}:\n", group.title)));
  }
}

TEST_CASE("mandoc and groff have nothing to say about any page", "[cli][manual]") {
  const TempDir dir;
  const std::vector<std::string> files = write_pages(dir);
  std::vector<std::string> words{"mandoc", "-Tlint", "-Wstyle"};
  words.insert(words.end(), files.begin(), files.end());
  const Outcome lint = run(words);
  CHECK(lint.out == "");
  CHECK(lint.err == "");
  words = {"groff", "-man", "-ww", "-z", "-Tutf8"};
  words.insert(words.end(), files.begin(), files.end());
  const Outcome warnings = run(words);
  CHECK(warnings.text() == run(std::vector<std::string>{"true"}).text());
  // and they do say something when there is something
  write_file(dir / "bad.1", ".TH bad 1\n.XX\n\\fZ\n");
  CHECK(run({"mandoc", "-Tlint", (dir / "bad.1").string()}).out != "");
  CHECK(run({"groff", "-man", "-ww", "-z", "-Tutf8", (dir / "bad.1").string()}).err != "");
}

TEST_CASE("every page that a page refers to is one", "[cli][manual]") {
  std::set<std::string> known;
  for (const auto& [file, name] : all_pages()) known.insert(file);
  const std::regex reference("(rawimg[a-z0-9-]*)\\(([17])\\)"), help("rawimg help ([a-z0-9-]+)");
  std::size_t found = 0;
  for (const auto& [file, name] : all_pages()) {
    const std::string text = rendered(page_of(name));
    CAPTURE(file);
    for (std::sregex_iterator it(text.begin(), text.end(), reference), end; it != end; ++it) {
      CAPTURE(it->str());
      if (std::string((*it)[1]) + "." + std::string((*it)[2]) != file) ++found;
      CHECK(known.count(std::string((*it)[1]) + "." + std::string((*it)[2])) == 1);
    }
    for (std::sregex_iterator it(text.begin(), text.end(), help), end; it != end; ++it)
      CHECK(run_rawimg({"help", (*it)[1]}).code == 0);
  }
  CHECK(found > 200);
}

TEST_CASE("no byte of a text is a command or an escape in a page", "[cli][manual]") {
  const std::string hostile = ".SH x 'y' \"z\" \\fB \\n(.k ^~` --a-b .. ''";
  cli::RoffPage page("a", "1");
  page.section("NAME");
  page.raw("a \\- b");
  page.section("DESCRIPTION");
  page.paragraph(hostile);
  page.item(cli::roff_bold(".tag"), hostile);
  page.literal(".SH no\n'bp\n" + hostile);
  const std::string text = rendered(page.text());
  CAPTURE(page.text(), text);
  CHECK(holds(text, "DESCRIPTION " + hostile + " .tag " + hostile + " .SH no 'bp " + hostile));
  const Outcome shown = run(test::Command{
      .argv = {"groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=500n"}, .input = page.text()});
  CHECK(shown.err == "");
  CHECK(holds(plain(shown.out), hostile + " .tag " + hostile));
}

TEST_CASE("a page is the same whenever it is made, and its text ends in lines of 80 columns",
          "[cli][manual]") {
  for (const auto& [file, name] : all_pages()) {
    const std::string page = page_of(name);
    CAPTURE(file, page);
    CHECK(std::regex_search(page, std::regex("\n\\.TH RAWIMG[A-Z0-9\\\\-]* [17] 2026-12-01 "
                                             "\"rawimg [0-9.]+\" \"rawimg manual\"\n")));
  }
  const std::string build = page_of("build");
  bool is_literal = false;
  for (std::size_t at = 0; at < build.size();) {
    const std::size_t end = build.find('\n', at);
    const std::string line = build.substr(at, end - at);
    if (line == ".nf") is_literal = true;
    if (line == ".fi") is_literal = false;
    if (!is_literal && !line.starts_with(".\\\"")) CHECK(line.size() <= 120);
    at = end + 1;
  }
}

TEST_CASE("help has its contents for programs, and knows pages of no other word", "[cli][manual]") {
  const auto contents = run_rawimg({"help", "--json"}).json().at("result");
  CHECK(contents.at("commands").size() + contents.at("topics").size() + 1 == all_pages().size());
  CHECK(run_rawimg({"help", "--man", "nonsense"}).code == 2);
  CHECK(holds(run_rawimg({"help", "form"}).err, "did you mean 'from'"));
  CHECK_FALSE(holds(run_rawimg({"complte"}).err, "did you mean"));
}
