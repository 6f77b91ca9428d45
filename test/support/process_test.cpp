// SPDX-License-Identifier: MIT
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include <catch2/catch.hpp>

#include "support/error_matcher.h"
#include "support/not_run.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
using namespace std::chrono_literals;

TEST_CASE("run keeps exit code, output and errors of a program apart", "[support]") {
  const Outcome outcome = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.out == "out\n");
  CHECK(outcome.err == "err\n");
}

TEST_CASE("run passes more input and output than a pipe holds", "[support]") {
  const std::string megabytes(3'000'000, 'x');
  Command command;
  command.argv = {"cat"};
  command.input = megabytes;
  CHECK(run(command).out == megabytes);
}

TEST_CASE("run sets environment, directory and limits", "[support]") {
  const TempDir dir;
  Command command;
  command.argv = {"sh", "-c", "echo $WORD; pwd; ulimit -f"};
  command.environment = {"WORD=one"};
  command.directory = dir.path();
  command.limits = {{RLIMIT_FSIZE, 512 * 7}};
  CHECK(run(command).out == "one\n" + dir.path().string() + "\n7\n");
}

TEST_CASE("run says when a program cannot be started", "[support]") {
  CHECK_THROWS_AS(run({"no-such-program-here"}), NotRun);
  CHECK_THROWS_WITH(run({"/etc/passwd"}), Catch::Contains("Permission denied"));
}

TEST_CASE("run kills a program and its children at the timeout", "[support]") {
  Command command;
  command.argv = {"sh", "-c", "sleep 60 & sleep 60"};
  command.timeout = 200ms;
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = run(command);
  CHECK(outcome.timed_out);
  CHECK(outcome.signal == SIGKILL);
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("a Process can be fed in pieces and takes signals", "[support]") {
  Command command;
  command.argv = {"cat"};
  Process process(command);
  CHECK(process.feed("one "));
  CHECK(process.feed("two"));
  CHECK(process.running());
  process.send_signal(SIGTERM);
  const Outcome outcome = process.wait();
  CHECK(outcome.signal == SIGTERM);
}

TEST_CASE("feed says when nobody reads", "[support]") {
  Command command;
  command.argv = {"true"};
  Process process(command);
  CHECK_FALSE(process.feed(std::string(1'000'000, 'x')));
  CHECK(process.wait().exit_code == 0);
}

TEST_CASE("a test whose judge is missing", "[.][missing-judge]") {
  (void)find_program("no-program-has-this-name");
}

TEST_CASE("a test whose judge is missing and that fails, too", "[.][missing-judge-and-more]") {
  CHECK(false);
  (void)find_program("no-program-has-this-name");
}

TEST_CASE("a missing judge is a skipped test with its reason, in CI a failed one", "[support]") {
  struct Row {
    const char* tests;
    std::vector<std::string> environment;
    int exit_code;
  };
  const auto row = GENERATE(values<Row>({{"[missing-judge]", {}, 77},
                                         {"[missing-judge]", {"CI=true"}, 1},
                                         {"[missing-judge-and-more]", {}, 1}}));
  CAPTURE(row.tests, row.exit_code);
  Command command;
  command.argv = {std::filesystem::read_symlink("/proc/self/exe").string(), row.tests};
  command.environment = row.environment;
  const Outcome outcome = run(command);
  CHECK(outcome.exit_code == row.exit_code);
  CHECK_THAT(outcome.out,
             Catch::Contains("not run: the program 'no-program-has-this-name' is missing"));
}

TEST_CASE("run changes the user", "[support]") {
  require_root("switching users");
  Command command;
  command.argv = {"id", "-u"};
  command.user = 65534;
  CHECK(run(command).out == "65534\n");
}

TEST_CASE("a TempDir is gone when its scope ends", "[support]") {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.path();
    write_file(dir / "file", std::string_view("a\0b", 3));
    CHECK(read_file(dir / "file") == std::string_view("a\0b", 3));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("IsError wants the code and the text", "[support]") {
  const rawimg::Error error(rawimg::Errc::Corrupt, "partition 1 ends at byte 7");
  CHECK(IsError(rawimg::Errc::Corrupt, "byte 7").match(error));
  CHECK_FALSE(IsError(rawimg::Errc::Corrupt, "byte 8").match(error));
  CHECK_FALSE(IsError(rawimg::Errc::Dirty, "byte 7").match(error));
}
