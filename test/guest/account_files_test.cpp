// SPDX-License-Identifier: MIT
#include <rawimg/account_files.h>

#include <catch2/catch.hpp>

using namespace rawimg;

TEST_CASE("a user is found with its numbers, password, home and shell", "[guest]") {
  const PasswdFile passwd = PasswdFile::parse(
      "# users\nroot:x:0:0:root:/root:/bin/bash\r\n\nbob:!:1000:100:Bob,,,:/home/bob:/bin/sh");
  const auto root = passwd.find("root"), bob = passwd.find("bob");
  REQUIRE((root && bob));
  CHECK(root->line == 2);
  CHECK(root->uid == 0);
  CHECK(root->password == "x");
  CHECK(root->home == "/root");
  CHECK(root->shell == "/bin/bash");
  CHECK(bob->line == 4);
  CHECK(bob->uid == 1000);
  CHECK(bob->gid == 100);
  CHECK_FALSE(passwd.find("bo"));
  CHECK_FALSE(passwd.find(""));
}

TEST_CASE("passwd's malformed lines are passed over", "[guest]") {
  struct Row {
    const char* name;
    std::string line;
    bool found;
  };
  const auto row = GENERATE(values<Row>({
      {"well-formed", "a:x:1:2:c:/h:/s", true},
      {"empty fields", "a::1:2:::", true},
      {"six fields", "a:x:1:2:c:/h", false},
      {"eight fields", "a:x:1:2:c:/h:/s:", false},
      {"a word for a number", "a:x:one:2:c:/h:/s", false},
      {"a number and more", "a:x:1x:2:c:/h:/s", false},
      {"a blank before a number", "a:x: 1:2:c:/h:/s", false},
      {"a sign before a number", "a:x:+1:2:c:/h:/s", false},
      {"a negative number", "a:x:-1:2:c:/h:/s", false},
      {"no number", "a:x::2:c:/h:/s", false},
      {"no gid", "a:x:1::c:/h:/s", false},
      {"the largest uid", "a:x:4294967294:2:c:/h:/s", true},
      {"chown's wildcard", "a:x:4294967295:2:c:/h:/s", false},
      {"a uid of 33 bits", "a:x:4294967296:2:c:/h:/s", false},
      {"chown's wildcard as gid", "a:x:1:4294967295:c:/h:/s", false},
      {"a zero byte", std::string("a:x:1:2:c:/h:/s\0", 16), false},
      {"blanks before the name", " a:x:1:2:c:/h:/s", false},
      {"another case", "A:x:1:2:c:/h:/s", false},
  }));
  CAPTURE(row.name);
  CHECK(PasswdFile::parse(row.line).find("a").has_value() == row.found);
  CHECK(PasswdFile::parse("b:x:1:2:c:/h:/s\n" + row.line + "\nc:x:1:2:c:/h:/s\n")
            .find("c")
            .has_value());
}

TEST_CASE("requests to NIS and comments are no users and no groups", "[guest]") {
  for (const std::string name : {"+", "+a", "-a", "#a", ""}) {
    CAPTURE(name);
    CHECK_FALSE(PasswdFile::parse(name + ":x:1:2:c:/h:/s\n").find(name));
    CHECK_FALSE(GroupFile::parse(name + ":x:1:\n").find_gid(name));
  }
}

TEST_CASE("the first of several lines of a name counts", "[guest]") {
  CHECK(PasswdFile::parse("a:x:1:1:::\na:x:2:2:::\n").find("a")->uid == 1);
  CHECK(PasswdFile::parse("a:x:one:1:::\na:x:2:2:::\n").find("a")->uid == 2);
  CHECK(GroupFile::parse("a:x:1:\na:x:2:\n").find_gid("a") == 1u);
}

TEST_CASE("the first of several names of a number counts", "[guest]") {
  const PasswdFile passwd = PasswdFile::parse(
      "broken:x:0\nroot:x:0:0::/:/s\ntoor:x:0:0::/:/s\nbob:x:7:7::/:/s\nbob:x:8:8::/:/s\n");
  CHECK(passwd.find_user(0) == "root");
  CHECK(passwd.find_user(7) == "bob");
  CHECK(passwd.find_user(8) == "bob");  // as getpwuid(3) finds it
  CHECK_FALSE(passwd.find_user(1));
  const GroupFile groups = GroupFile::parse("+:x:5:\nwheel:x:10:root\nother:x:10:\n");
  CHECK(groups.find_group(10) == "wheel");
  CHECK_FALSE(groups.find_group(5));
}

TEST_CASE("a group is found, and malformed lines are passed over", "[guest]") {
  struct Row {
    const char* line;
    std::optional<std::uint32_t> gid;
  };
  const auto row = GENERATE(values<Row>({{"a:x:10:", 10},
                                         {"a:x:10:root,bob\r\n", 10},
                                         {"a::0:", 0},
                                         {"a:x:10", std::nullopt},
                                         {"a:x:10::", std::nullopt},
                                         {"a:x:ten:", std::nullopt},
                                         {"a:x::", std::nullopt},
                                         {"a:x:4294967294:", 4294967294},
                                         {"a:x:4294967295:", std::nullopt},
                                         {"b:x:10:a", std::nullopt}}));
  CAPTURE(row.line);
  CHECK(GroupFile::parse(row.line).find_gid("a") == row.gid);
}

TEST_CASE("a million users take a moment", "[guest]") {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i)
    text += "u" + std::to_string(i) + ":x:" + std::to_string(i) + ":5:::\n";
  text += std::string(1'000'000, ':') + "\n" + std::string(1'000'000, 'x');
  CHECK(PasswdFile::parse(text).find("u999999")->uid == 999'999);
  CHECK_FALSE(GroupFile::parse(text).find_gid("u1"));
}
