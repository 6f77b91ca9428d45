// SPDX-License-Identifier: MIT
// GNU diff says how few lines differ at least, and GNU patch makes the new text of the old one.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "base/unified_diff.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

/// What `diff -u --minimal` prints, with the names that ours are given.
std::string gnu_diff(const TempDir& dir, const std::string& before, const std::string& after) {
  write_file(dir / "before", before);
  write_file(dir / "after", after);
  const Outcome outcome = run({"diff", "-a", "-u", "--minimal", "--label", "old", "--label", "new",
                               (dir / "before").string(), (dir / "after").string()});
  INFO(outcome.text());
  REQUIRE((outcome.exit_code == 0 || outcome.exit_code == 1));
  return outcome.out;
}

std::string patched(const TempDir& dir, const std::string& before, const std::string& diff) {
  write_file(dir / "patched", before);
  Command command;
  command.argv = {"patch",
                  "--batch",
                  "--quiet",
                  "--binary",
                  "--fuzz=0",
                  "--no-backup-if-mismatch",
                  (dir / "patched").string()};
  command.input = diff;
  const Outcome outcome = run(std::move(command));
  INFO(outcome.text());
  CHECK(outcome.ok());
  // patch removes a file that becomes empty
  return std::filesystem::exists(dir / "patched") ? read_file(dir / "patched") : "";
}

/// Lines that only one side has.
std::ptrdiff_t changed_lines(const std::string& diff) {
  std::ptrdiff_t count = diff.empty() ? 0 : -2;  // the names
  for (std::size_t at = 0; at < diff.size(); at = diff.find('\n', at) + 1)
    if (diff[at] == '-' || diff[at] == '+') ++count;
  return count;
}

class RandomText {
 public:
  explicit RandomText(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(engine_() % limit); }

  std::string text(unsigned max_lines, unsigned kinds) {
    std::string out;
    for (unsigned lines = below(max_lines + 1); lines > 0; --lines) out += line(kinds);
    if (!out.empty() && below(4) == 0) out.pop_back();
    return out;
  }

  std::string edited(const std::string& text, unsigned kinds) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
      const unsigned dice = below(20);
      if (dice == 0) out += line(kinds);
      if (dice != 1) out += text.substr(at, end - at);
      at = end;
    }
    return out;
  }

 private:
  std::string line(unsigned kinds) {
    return std::string(1, static_cast<char>('a' + below(kinds))) + "\n";
  }
  std::mt19937 engine_;
};

}  // namespace

TEST_CASE("where there is one way to say it, unified_diff prints what GNU diff prints",
          "[base][judge]") {
  const TempDir dir;
  std::string numbered;
  for (int i = 0; i < 60; ++i) numbered += "line " + std::to_string(i) + "\n";
  std::string edited = numbered;
  for (const char* line : {"line 0\n", "line 7\n", "line 14\n", "line 22\n", "line 59\n"})
    edited.replace(edited.find(line), std::string(line).size(), "changed\n");
  edited.erase(edited.find("line 30\n"), 8);
  edited.insert(edited.find("line 45\n"), "more\nand more\n");
  struct Row {
    std::string before, after;
  };
  for (const Row& row : std::vector<Row>{{numbered, edited},
                                         {edited, numbered},
                                         {"", numbered},
                                         {numbered, ""},
                                         {numbered, numbered},
                                         {"a", "a\n"},
                                         {"a\n", "a"},
                                         {"a\nb", "c\nb"},
                                         {std::string("\0\n", 2), "x"}}) {
    CHECK(unified_diff("old", "new", row.before, row.after) ==
          gnu_diff(dir, row.before, row.after));
  }
}

TEST_CASE(
    "unified_diff shows as few lines as diff --minimal, and patch makes the new text of the old "
    "one",
    "[base][judge]") {
  const TempDir dir;
  const unsigned seed = GENERATE(range(0u, 150u));
  CAPTURE(seed);
  RandomText random(seed);
  const unsigned kinds = 1 + random.below(6);
  const std::string before = random.text(seed % 3 == 0 ? 300 : 20, kinds);
  const std::string after = seed % 2 == 0 ? random.edited(before, kinds) : random.text(20, kinds);
  const std::string diff = unified_diff("old", "new", before, after);
  CHECK(changed_lines(diff) == changed_lines(gnu_diff(dir, before, after)));
  if (!diff.empty()) CHECK(patched(dir, before, diff) == after);
}

TEST_CASE("patch takes what unified_diff makes when it gives up the fewest lines",
          "[base][judge]") {
  const TempDir dir;
  std::string up, down;
  for (int i = 0; i < 60'000; ++i) up += std::to_string(i) + "\n";
  for (int i = 60'000; i-- > 0;) down += std::to_string(i) + "\n";
  CHECK(patched(dir, up, unified_diff("old", "new", up, down)) == down);
}

TEST_CASE("patch finds a file by the name that unified_diff gave it", "[base][judge]") {
  for (const std::string name :
       {"plain", "my disk", "tab\there", "quote\"back\\slash", "\xC3\xBC"}) {
    CAPTURE(name);
    const TempDir dir;
    write_file(dir / name, "a\n");
    Command command;
    command.argv = {"patch", "--batch", "--quiet", "-p0"};
    command.directory = dir.path();
    command.input = unified_diff(name, name, "a\n", "b\n");
    const Outcome outcome = run(std::move(command));
    INFO(outcome.text());
    CHECK(outcome.ok());
    CHECK(read_file(dir / name) == "b\n");
  }
}

TEST_CASE("patch notices a diff that is wrong by one line", "[base][judge]") {
  const TempDir dir;
  std::string diff = unified_diff("old", "new", "a\nb\nc\n", "a\nx\nc\n");
  diff.replace(diff.find("-b"), 2, "-d");
  write_file(dir / "patched", "a\nb\nc\n");
  Command command;
  command.argv = {"patch",    "--batch",         "--quiet",
                  "--fuzz=0", "--reject-file=-", (dir / "patched").string()};
  command.input = diff;
  CHECK_FALSE(run(std::move(command)).ok());
}
