// SPDX-License-Identifier: MIT
// Runs a program without a shell and keeps what it said. Programs are found on PATH, then in the
// sbin directories, which an unprivileged user's PATH lacks.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rawimg::test {

/// What to run and in which surroundings.
struct Command {
  std::vector<std::string> argv;
  std::string input = {};                  ///< bytes on stdin, then end of file
  std::filesystem::path input_file = {};   ///< stdin from here instead
  std::filesystem::path output_file = {};  ///< stdout goes here instead (made or truncated)
  std::optional<std::vector<std::string>> environment =
      {};                                ///< "NAME=value"; absent: the test's own
  std::filesystem::path directory = {};  ///< working directory; empty: the test's own
  std::optional<uid_t> user = {};  ///< run as this user and the group of that number (root only)
  std::vector<std::pair<__rlimit_resource_t, rlim_t>> limits = {};
  std::chrono::milliseconds timeout = std::chrono::seconds(120);
};

/// How it ended.
struct Outcome {
  int exit_code = -1;  ///< -1: ended by `signal`
  int signal = 0;
  bool timed_out = false;  ///< `signal` is then the SIGKILL that the harness sent
  std::string out, err;
  std::uint64_t peak_kib = 0;  ///< largest resident set

  bool ok() const { return exit_code == 0; }
  std::string text() const;  ///< all of it, for a failure message
};

/// A program that runs while the test goes on. Its destructor kills what still runs.
class Process {
 public:
  /// Throws: NotRun when there is no such program; std::runtime_error when it cannot be started.
  explicit Process(Command command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Writes to stdin (Command::input is not sent by then) and leaves it open; false: the program
  /// has closed it or died.
  bool feed(std::string_view bytes);
  /// Sends a signal to the program itself.
  void send_signal(int number);
  bool running();
  /// Sends what is left of Command::input, closes stdin, and waits; past the timeout the whole
  /// process group is killed.
  Outcome wait();

 private:
  void start(const std::string& program, int error_report);
  void pump(bool with_input);
  void read_from(int& fd, std::string& into);
  void write_input();
  void reap();

  Command command_;
  std::chrono::steady_clock::time_point deadline_;
  pid_t pid_ = -1;
  int exit_event_ = -1, in_ = -1, out_ = -1, err_ = -1;
  std::size_t sent_ = 0;
  bool ended_ = false;
  Outcome outcome_;
};

/// Starts and waits.
Outcome run(Command command);
/// run() for the common case.
Outcome run(std::vector<std::string> argv);

/// Where a program is. Throws: NotRun that names it.
std::filesystem::path find_program(const std::string& name);

}  // namespace rawimg::test
