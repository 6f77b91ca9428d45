// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <thread>

namespace rawimg::cli {

/// Turns SIGINT, SIGTERM and SIGHUP into a stop request; a second one ends the process at once. One in a process.
class SignalStop {
 public:
  SignalStop();
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// The signal that came, or 0.
  static int received();

 private:
  std::stop_source source_;
  std::thread thread_;
};

/// The file that a process which is ended at once takes with it. Empty: none.
void remove_when_killed(const std::filesystem::path& file);

}  // namespace rawimg::cli
