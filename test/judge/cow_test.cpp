// SPDX-License-Identifier: MIT
// cow apply, killed at every system call that changes something.
#include <csignal>

#include <filesystem>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Two images that differ in every eighth of their MiBs, and the layer that makes one of the other.
class Pair {
 public:
  Pair() {
    std::string bytes(8u << 20, 'a');
    bytes.replace(3u << 20, 1u << 20, std::string(1u << 20, '\0'));  // a hole in the copy
    write_file(image, bytes);
    before = bytes;
    for (std::size_t at = 0; at < bytes.size(); at += 1u << 20)
      bytes.replace(at + 4096, 5000, std::string(5000, 'b'));
    after = bytes;
    write_file(dir / "after.img", after);
    REQUIRE(run_rawimg(
                {"cow", "diff", layer.string(), image.string(), (dir / "after.img").string(), "-q"})
                .ok());
  }
  std::vector<std::string> apply() const {
    return {"cow", "apply", layer.string(), image.string(), "-q"};
  }
  fs::path part() const { return image.string() + ".part"; }

  TempDir dir;
  fs::path image = dir / "disk.img", layer = dir / "x.cow";
  std::string before, after;
};

}  // namespace

TEST_CASE("a layer that is killed while it is applied leaves the old image or the new one",
          "[judge][cow]") {
  const Pair pair;
  const std::string call =
      GENERATE(as<std::string>{}, "pwritev", "ftruncate", "fchmod", "fsync", "rename");
  CAPTURE(call);
  bool was_old = false;
  for (int nth = 1;; ++nth) {
    CAPTURE(nth);
    write_file(pair.image, pair.before);
    Command command = rawimg_command(pair.apply());
    command.argv.insert(command.argv.begin(),
                        {"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                         "inject=" + call + ":signal=SIGKILL:when=" + std::to_string(nth)});
    const Outcome outcome = run(command);
    INFO(outcome.text());
    const std::string found = read_file(pair.image);
    if (outcome.ok()) {
      CHECK(nth > 1);
      CHECK((found == pair.after));
      break;
    }
    REQUIRE(outcome.signal == SIGKILL);
    REQUIRE((found == pair.before || found == pair.after));
    was_old = was_old || found == pair.before;
    // what is left over is in nobody's way
    const Outcome again = run_rawimg(pair.apply());
    INFO(again.text());
    REQUIRE(again.ok());
    REQUIRE((read_file(pair.image) == pair.after));
    CHECK_FALSE(fs::exists(pair.part()));
  }
  CHECK(was_old);
}

TEST_CASE("a layer that the host has no room for changes nothing", "[judge][cow]") {
  const Pair pair;
  Command command = rawimg_command(pair.apply());
  command.limits = {{RLIMIT_FSIZE, 6u << 20}};
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.exit_code == 5);
  CHECK((read_file(pair.image) == pair.before));
  CHECK_FALSE(fs::exists(pair.part()));
}
