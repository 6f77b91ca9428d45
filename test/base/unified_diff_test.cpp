// SPDX-License-Identifier: MIT
#include "base/unified_diff.h"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace rawimg;

namespace {

/// Without the two lines of names.
std::string hunks(const std::string& before, const std::string& after) {
  const std::string diff = unified_diff("a", "b", before, after);
  const std::string names = "--- a\n+++ b\n";
  if (diff.empty()) return "";
  REQUIRE(diff.substr(0, names.size()) == names);
  return diff.substr(names.size());
}

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("unified_diff shows what differs and three lines around it", "[base]") {
  struct Row {
    const char* name;
    std::string before, after, expected;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing", "a\n", "a\n", ""},
      {"nothing at all", "", "", ""},
      {"all new", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
      {"all gone", "a\n", "", "@@ -1 +0,0 @@\n-a\n"},
      {"one line for another", "a\n", "b\n", "@@ -1 +1 @@\n-a\n+b\n"},
      {"in the middle", numbers(1, 9), numbers(1, 4) + "x\n" + numbers(6, 9),
       "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
      {"added at the start", numbers(1, 9), "x\n" + numbers(1, 9),
       "@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n"},
      {"added at the end", numbers(1, 9), numbers(1, 9) + "x\n",
       "@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+x\n"},
      {"removed in the middle", numbers(1, 9), numbers(1, 4) + numbers(6, 9),
       "@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n"},
      {"removed at the end", numbers(1, 3), numbers(1, 2), "@@ -1,3 +1,2 @@\n 1\n 2\n-3\n"},
      {"six equal lines between: one hunk", numbers(1, 8), "x\n" + numbers(2, 7) + "y\n",
       "@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n"},
      {"seven equal lines between: two", numbers(1, 9), "x\n" + numbers(2, 8) + "y\n",
       "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
      {"a newline gone", "a\nb\n", "a\nb",
       "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n"},
      {"a newline more", "a\nb", "a\nb\n",
       "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
      {"no newline on either side", "a\nb", "c\nb",
       "@@ -1,2 +1,2 @@\n-a\n+c\n b\n\\ No newline at end of file\n"},
      {"carriage returns", "a\r\n", "a\n", "@@ -1 +1 @@\n-a\r\n+a\n"},
      {"zero bytes", std::string("a\0b\n", 4), std::string("a\0c\n", 4),
       "@@ -1 +1 @@\n-" + std::string("a\0b\n", 4) + "+" + std::string("a\0c\n", 4)},
  }));
  CAPTURE(row.name);
  CHECK(hunks(row.before, row.after) == row.expected);
}

TEST_CASE("unified_diff writes names as patch reads them", "[base]") {
  struct Row {
    const char *name, *line;
  };
  const auto row = GENERATE(values<Row>({{"a/etc/fstab", "--- a/etc/fstab\n"},
                                         {"my disk.img", "--- my disk.img\t\n"},
                                         {"a\nb", "--- \"a\\012b\"\n"},
                                         {"a\"b c\\d\t", "--- \"a\\\"b c\\\\d\\011\"\n"},
                                         {"\xC3\xBC", "--- \xC3\xBC\n"}}));
  const std::string diff = unified_diff(row.name, "b", "x\n", "y\n");
  CHECK(diff.substr(0, diff.find('\n') + 1) == row.line);
}

TEST_CASE("two hostile texts take a moment, and their diff is whole", "[base]") {
  // No line in common in order: the same million lines, the other way round.
  std::string up, down;
  for (int i = 0; i < 300'000; ++i) up += std::to_string(i) + "\n";
  for (int i = 300'000; i-- > 0;) down += std::to_string(i) + "\n";
  const std::string reversed = unified_diff("a", "b", up, down);
  CHECK(std::count(reversed.begin(), reversed.end(), '\n') <= 600'000 + 3);
  CHECK(reversed.size() >= up.size());

  // Long runs of one line, behind many that differ: each diagonal has a long way to go.
  const std::string run = [] {
    std::string text;
    for (int i = 0; i < 300'000; ++i) text += "x\n";
    return text;
  }();
  std::string left, right;
  for (int i = 0; i < 20'000; ++i)
    left += "l" + std::to_string(i) + "\n", right += "r" + std::to_string(i) + "\n";
  const std::string runs = unified_diff("a", "b", left + run + "1\n", right + run + "2\n");
  CHECK(std::count(runs.begin(), runs.end(), '\n') >= 40'000);

  const std::string wide(1'000'000, 'x');
  CHECK(hunks(wide + "\n", wide) ==
        "@@ -1 +1 @@\n-" + wide + "\n+" + wide + "\n\\ No newline at end of file\n");
}
