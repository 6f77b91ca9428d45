// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <thread>

namespace rawimg::cli {

/// SIGINT, SIGTERM and SIGHUP end the process at once, unless a StoppableJob lives: then the first
/// becomes a stop request and the second ends the process. One in a process.
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

/// A job that has something to tidy up, and looks at the stop token. One at a time.
class StoppableJob {
 public:
  /// `unfinished`: a file that goes when a second signal ends the process; empty: none.
  explicit StoppableJob(const std::filesystem::path& unfinished = {});
  ~StoppableJob();
  StoppableJob(const StoppableJob&) = delete;
  StoppableJob& operator=(const StoppableJob&) = delete;
};

}  // namespace rawimg::cli
