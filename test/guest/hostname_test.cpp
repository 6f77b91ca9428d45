// SPDX-License-Identifier: MIT
#include <rawimg/hostname.h>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

TEST_CASE("require_hostname takes labels of RFC 1123 up to Linux's limit", "[guest]") {
  const std::string label63(63, 'a');
  for (const std::string& name : {std::string("a"), std::string("9"), std::string("Gem5-Guest"),
                                  std::string("a.b.c"), std::string("3com.example"), label63,
                                  std::string(62, 'a') + ".b", "a--b" + std::string(59, 'c')}) {
    CAPTURE(name);
    CHECK_NOTHROW(require_hostname(name));
  }
}

TEST_CASE("require_hostname says what is wrong", "[guest]") {
  struct Row {
    const char* name;
    std::string host;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"empty", "", "the host name is empty"},
      {"65 bytes", std::string(32, 'a') + "." + std::string(32, 'b'),
       "65 bytes, Linux takes at most 64"},
      {"a label of 64", std::string(64, 'a'), "has 64 bytes, 63 are the most"},
      {"a dot first", ".a", "a label between dots is empty"},
      {"a dot last", "a.", "host name 'a.': a label between dots is empty"},
      {"two dots", "a..b", "a label between dots is empty"},
      {"an underscore", "my_host", "host name 'my_host': '_' is no letter, digit or hyphen"},
      {"a blank", "my host", "' ' is no letter"},
      {"a newline", "host\n", "host name 'host\\n': '\\n' is no letter"},
      {"a quote", "a\"b", "is no letter"},
      {"an umlaut", "m\xC3\xBCll", "is no letter"},
      {"a zero byte", std::string("a\0b", 3), "'\\x00' is no letter"},
      {"a hyphen first", "-a", "the label '-a' starts or ends with a hyphen"},
      {"a hyphen last", "a-.b", "the label 'a-' starts or ends with a hyphen"},
  }));
  CAPTURE(row.name);
  CHECK_THROWS_MATCHES(require_hostname(row.host), Error, IsError(Errc::Usage, row.reason));
  CHECK_THROWS_MATCHES(set_hostname_file("", row.host), Error, IsError(Errc::Usage, row.reason));
  CHECK_THROWS_MATCHES(set_openrc_hostname("", row.host), Error, IsError(Errc::Usage, row.reason));
}

TEST_CASE("set_hostname_file changes the name and nothing else", "[guest]") {
  struct Row {
    const char* name;
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {"no file, or an empty one", "", "gem5\n"},
      {"the name alone", "box\n", "gem5\n"},
      {"no newline", "box", "gem5"},
      {"CRLF", "# c\r\nbox\r\n", "# c\r\ngem5\r\n"},
      {"comments, and blanks around it", "# my box\n\n \tbox \n# end\n",
       "# my box\n\n \tgem5 \n# end\n"},
      {"a second name, which nobody reads", "box\nother\n", "gem5\nother\n"},
      {"comments alone", "# my box\r\n#box", "# my box\r\n#box\r\ngem5\r\n"},
      {"the same name", "# my box\ngem5", "# my box\ngem5"},
  }));
  CAPTURE(row.name);
  const std::string once = set_hostname_file(row.before, "gem5");
  CHECK(once == row.after);
  CHECK(set_hostname_file(once, "gem5") == once);
  CHECK(read_hostname_file(once) == "gem5");
}

TEST_CASE("read_hostname_file takes the first line that is no comment", "[guest]") {
  struct Row {
    std::string text;
    std::optional<std::string> name;
  };
  const auto row = GENERATE(values<Row>({{"gem5\n", "gem5"},
                                         {"gem5", "gem5"},
                                         {"gem5\r\n", "gem5"},
                                         {"# the name\n\n \tgem5 \nother\n", "gem5"},
                                         {"", std::nullopt},
                                         {"\n \n#x\n", std::nullopt}}));
  CAPTURE(row.text);
  CHECK(read_hostname_file(row.text) == row.name);
}

TEST_CASE("set_openrc_hostname changes the value and nothing else", "[guest]") {
  struct Row {
    const char* name;
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {"as Gentoo ships it", "# The name of this machine\nhostname=\"localhost\"\n",
       "# The name of this machine\nhostname=\"gem5\"\n"},
      {"empty file", "", "hostname=\"gem5\"\n"},
      {"no assignment", "# hostname=\"x\"\nmyhostname=x\nhostname2=x\nhostname =x",
       "# hostname=\"x\"\nmyhostname=x\nhostname2=x\nhostname =x\nhostname=\"gem5\"\n"},
      {"single quotes", "hostname='localhost'", "hostname=\"gem5\""},
      {"no quotes", "hostname=localhost\r\n", "hostname=\"gem5\"\r\n"},
      {"no value", "hostname=\n", "hostname=\"gem5\"\n"},
      {"an empty value", "hostname=\"\"\n", "hostname=\"gem5\"\n"},
      {"a comment behind", "\thostname=\"x\"  # mine\n", "\thostname=\"gem5\"  # mine\n"},
      {"a command behind", "hostname=x; y=z\n", "hostname=\"gem5\"; y=z\n"},
      {"exported", "export hostname=x\n", "export hostname=\"gem5\"\n"},
      {"several: the last one counts", "hostname=a\nhostname=b\n",
       "hostname=a\nhostname=\"gem5\"\n"},
      {"an old one that is complicated", "hostname=$(x)\nhostname=b\n",
       "hostname=$(x)\nhostname=\"gem5\"\n"},
      {"the older variable", "HOSTNAME=\"x\"\n", "HOSTNAME=\"x\"\nhostname=\"gem5\"\n"},
      {"there already, without quotes", "hostname=gem5 # x\n", "hostname=gem5 # x\n"},
  }));
  CAPTURE(row.name);
  CHECK(set_openrc_hostname(row.before, "gem5") == row.after);
  CHECK(set_openrc_hostname(row.after, "gem5") == row.after);
  CHECK(read_openrc_hostname(row.after) == std::string("gem5"));
}

TEST_CASE("a value that a shell would work out is neither read nor replaced", "[guest]") {
  const std::string value =
      GENERATE(values<std::string>({"$(cat /x)", "\"$x\"", "\"open", "'open", "`x`", "\"`x`\"",
                                    "a\\ b", "\"a\\b\"", "a\"b\"", "\"a\"b", "a'b'", "~", "a*"}));
  CAPTURE(value);
  const std::string text = "# x\nhostname=" + value + "\n";
  CHECK_FALSE(read_openrc_hostname(text));
  CHECK_THROWS_MATCHES(
      set_openrc_hostname(text, "gem5"), Error,
      IsError(Errc::Unsupported, "line 2 assigns more to 'hostname' than a quoted or plain word"));
}

TEST_CASE("read_openrc_hostname takes the last assignment, and the older variable only without one",
          "[guest]") {
  CHECK(read_openrc_hostname("hostname=a\nhostname=\"b c\"\n") == std::string("b c"));
  CHECK(read_openrc_hostname("HOSTNAME=a\n") == std::string("a"));
  CHECK(read_openrc_hostname("hostname=b\nHOSTNAME=a\n") == std::string("b"));
  CHECK_FALSE(read_openrc_hostname("#hostname=b\n"));
  CHECK(read_openrc_hostname("hostname='$x'\n") == std::string("$x"));
}

TEST_CASE("a huge conf.d file takes a moment", "[guest]") {
  std::string million;
  for (int i = 0; i < 1'000'000; ++i) million += i % 2 == 0 ? "hostname=\"a\n" : "x\n";
  million += "#" + std::string(1'000'000, '"') + "\n";
  CHECK(set_openrc_hostname(million + "hostname=a", "gem5") == million + "hostname=\"gem5\"");
}
