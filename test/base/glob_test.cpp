// SPDX-License-Identifier: MIT
#include "base/glob.h"

#include <string>

#include <catch2/catch.hpp>

using rawimg::Glob;

TEST_CASE("a glob matches bytes as its header says", "[base]") {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const auto row = GENERATE(values<Row>({
      {"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "b", false}, {"a", "", false}, {"a", "aa", false}, {"ab", "a", false},
      {"*", "", true}, {"*", "a/b", true}, {"a*", "a", true}, {"a*c", "abbc", true}, {"a*c", "abb", false}, {"**", "x", true}, {"*a*b", "xaxb", true}, {"*ab", "aab", true}, {"a*b*c", "abxbc", true},
      {"?", "a", true}, {"?", "", false}, {"?", "/", true}, {"??", "a", false},
      {"[abc]", "b", true}, {"[abc]", "d", false}, {"[a-c]", "a", true}, {"[a-c]", "c", true}, {"[a-c]", "d", false}, {"[!a-c]", "b", false}, {"[!a-c]", "d", true}, {"[^a]", "a", false}, {"[^a]", "b", true},
      {"[]a]", "]", true}, {"[!]a]", "]", false}, {"[!]a]", "x", true}, {"[a-]", "-", true}, {"[-a]", "-", true}, {"[\\]x]", "]", true}, {"[\\]x]", "\\", false}, {"[c-a]", "b", false},
      {"[", "[", true}, {"[]", "[]", true}, {"[a", "[a", true}, {"[a", "a", false}, {"[!", "[!", true}, {"[a-", "[a-", true}, {"[\\", "[\\", true},
      {"\\*", "*", true}, {"\\*", "a", false}, {"\\?", "x", false}, {"\\[a]", "[a]", true}, {"\\", "\\", true}, {"\\\\", "\\", true},
      {"\xff*", "\xff\xfe", true}, {"[\xe0-\xff]", "\xf0", true}, {"[\xe0-\xff]", "a", false},
  }));
  CAPTURE(row.pattern, row.text);
  CHECK(Glob(row.pattern).matches(row.text) == row.matches);
}

TEST_CASE("a glob finds parts of a path at the bounds of components only", "[base][A37]") {
  CHECK(Glob("b").matches_some_part("a/b/c"));
  CHECK(Glob("b/c").matches_some_part("a/b/c"));
  CHECK(Glob("a/b").matches_some_part("a/b/c"));
  CHECK(Glob("*.o").matches_some_part("src/x.o"));
  CHECK(Glob("*.o").matches_some_part("x.o/inside"));
  CHECK_FALSE(Glob("b").matches_some_part("ab/bc"));
  CHECK_FALSE(Glob("b/").matches_some_part("a/bc"));
  CHECK(Glob("a").matches_leading_part("a/b"));
  CHECK(Glob("a/b").matches_leading_part("a/b"));
  CHECK_FALSE(Glob("b").matches_leading_part("a/b"));
  CHECK_FALSE(Glob("a").matches_leading_part("ab"));
}

TEST_CASE("no glob takes more than a moment", "[base]") {
  std::string stars;
  for (int i = 0; i < 40; ++i) stars += "*a";
  CHECK_FALSE(Glob(stars + "*b").matches(std::string(20'000, 'a')));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a/";
  CHECK_FALSE(Glob("*a*a*a*b").matches_some_part(deep));
}
