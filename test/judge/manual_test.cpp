// SPDX-License-Identifier: MIT
// The manual as it is installed.
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

TEST_CASE("the build writes a page for each command and topic, and leaves no old one",
          "[judge][manual]") {
  const TempDir dir;
  fs::create_directories(dir / "man/man1");
  write_file(dir / "man/man1/rawimg-gone.1", "old");
  const Outcome made = run({"cmake", std::string("-DRAWIMG=") + RAWIMG_TOOL,
                            "-DDIRECTORY=" + (dir / "man").string(), "-P", RAWIMG_MANUAL_SCRIPT});
  CAPTURE(made.text());
  REQUIRE(made.ok());
  CHECK_FALSE(fs::exists(dir / "man/man1/rawimg-gone.1"));
  const auto contents = nlohmann::json::parse(run_rawimg({"help", "--json"}).out).at("result");
  for (const std::string name : contents.at("commands"))
    CHECK(fs::file_size(dir / ("man/man1/rawimg-" + name + ".1")) > 500);
  for (const std::string name : contents.at("topics"))
    CHECK(fs::file_size(dir / ("man/man7/rawimg-" + name + ".7")) > 500);
  CHECK(read_file(dir / "man/man1/rawimg-cp.1") == run_rawimg({"help", "--man", "cp"}).out);
  CHECK(read_file(dir / "man/man7/rawimg-from.7") == run_rawimg({"help", "--man", "from"}).out);
  CHECK(read_file(dir / "man/man1/rawimg.1") == run_rawimg({"help", "--man"}).out);
}
