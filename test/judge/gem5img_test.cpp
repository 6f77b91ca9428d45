// SPDX-License-Identifier: MIT
// gem5img by its own name.
#include <filesystem>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

TEST_CASE("gem5img is a name of the same program", "[judge][gem5img]") {
  const TempDir dir;
  const fs::path tool = fs::path(RAWIMG_TOOL).parent_path() / "gem5img";
  fs::create_symlink(RAWIMG_TOOL, dir / "gem5img.py");
  for (const fs::path& name : {tool, dir / "gem5img.py"}) {
    CAPTURE(name);
    fs::remove(dir / "x.img");
    const Outcome made = run({name.string(), "init", (dir / "x.img").string(), "64"});
    INFO(made.text());
    REQUIRE(made.ok());
    CHECK(fs::file_size(dir / "x.img") == 67092480);
    const auto partitions = sfdisk_partitions(dir / "x.img");
    REQUIRE(partitions.size() == 1);
    CHECK(partitions.at(1).start == 32256);
    require_clean(dir / "x.img");
    CHECK(run({name.string()}).exit_code == 1);
    CHECK(run({name.string(), "init"}).exit_code == 2);
  }
}
