// SPDX-License-Identifier: MIT
#include "../tools/cli/args.h"

#include <catch2/catch.hpp>

#include "../tools/cli/address.h"
#include "../tools/cli/command.h"
#include "support/error_matcher.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::cli;
using namespace rawimg::test;

namespace {

constexpr OptionSpec kTable[] = {{"from", "SOURCE", "help"},
                                 {"at", "DIR", "help"},
                                 {"force", "", "help", 'f'},
                                 {"type", "TYPE", "help", 't'}};

Args parse(const std::vector<std::string>& words) { return parse_args(kTable, words); }

}  // namespace

TEST_CASE("options keep their order, values their commas and dashes", "[cli]") {
  const Args args = parse(
      {"img", "--from", "a,b.tar", "--at=/x", "--from", "-", "-t", "ext4", "-f", "--", "--odd"});
  CHECK(args.operands() == std::vector<std::string>{"img", "--odd"});
  std::vector<std::string> order;
  for (const auto& [name, value] : args.options()) order.push_back(name + "=" + value);
  CHECK(order[0] == "from=a,b.tar");
  CHECK(order[1] == "at=/x");
  CHECK(order[2] == "from=-");
  CHECK(args.value("type") == "ext4");
  CHECK(args.has("force"));
  CHECK_FALSE(args.has("nothing"));
}

TEST_CASE("wrong options say what was meant or missing", "[cli]") {
  REQUIRE_THROWS_MATCHES(parse({"--form", "x"}), Error,
                         IsError(Errc::Usage, "unknown option '--form'; did you mean '--from'?"));
  REQUIRE_THROWS_MATCHES(parse({"--completely-else"}), Error,
                         IsError(Errc::Usage, "unknown option '--completely-else'"));
  REQUIRE_THROWS_MATCHES(parse({"--from"}), Error, IsError(Errc::Usage, "needs a value: SOURCE"));
  REQUIRE_THROWS_MATCHES(parse({"--force=yes"}), Error, IsError(Errc::Usage, "takes no value"));
  REQUIRE_THROWS_AS(parse({"-x"}), Error);
}

TEST_CASE("an address is an image, a slot and a path", "[cli]") {
  const TempDir dir;
  const std::string image = (dir / "a.img").string();
  write_file(image, "x");
  struct Row {
    std::string word;
    std::optional<unsigned> slot;
    std::string path;
  };
  for (const Row& row : {Row{image, std::nullopt, ""}, Row{image + ":", std::nullopt, ""},
                         Row{image + ":1", 1, ""}, Row{image + ":/etc", std::nullopt, "/etc"},
                         Row{image + ":0/a:b", 0, "/a:b"}, Row{image + ":128/", 128, "/"}}) {
    CAPTURE(row.word);
    const Address address = parse_address(row.word);
    CHECK(address.image == image);
    CHECK(address.slot == row.slot);
    CHECK(address.path == row.path);
  }
  CHECK(parse_address(image + "?offset=32256").offset == 32256);
  CHECK(parse_address(image + "@@1M").offset == 1 << 20);
  CHECK(parse_address(image + "@@1M:/etc").path == "/etc");
  REQUIRE_THROWS_MATCHES(parse_address(image + ":129"), Error,
                         IsError(Errc::Usage, "0 (the whole file) to 128"));
}

TEST_CASE("a file name with a colon is taken whole where it exists, and doubt is an error",
          "[cli]") {
  const TempDir dir;
  const std::string image = (dir / "a").string(), odd = (dir / "a:1").string();
  write_file(odd, "x");
  CHECK(parse_address(odd).image == odd);
  CHECK_FALSE(parse_address(odd).slot);
  write_file(image, "x");
  REQUIRE_THROWS_MATCHES(parse_address(odd), Error,
                         IsError(Errc::Usage, "can mean the file of that name"));
  const Address literal = parse_address_in(odd, "2/etc");
  CHECK(literal.image == odd);
  CHECK(literal.slot == 2);
  CHECK(literal.path == "/etc");
}

TEST_CASE("every command's help begins with examples and names every option", "[cli]") {
  for (const Command* command : commands()) {
    CAPTURE(command->name);
    const std::string help = help_text(*command);
    CHECK(help.find("Examples:") < help.find("Usage:"));
    CHECK(help.find("rawimg " + std::string(command->name)) != std::string::npos);
    for (const OptionSpec& spec : all_options(*command))
      CHECK(help.find((spec.is_long() ? "--" : "-") + std::string(spec.name)) != std::string::npos);
  }
}
