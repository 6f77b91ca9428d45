// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <rawimg/observer.h>

#include "cli/args.h"
#include "cli/output.h"
#include "cli/streams.h"

namespace rawimg::cli {

/// Shows a job's progress on standard error and keeps its warnings. The clock is asked here, never
/// in the library.
class ConsoleObserver : public Observer {
 public:
  /// Reads --quiet and --progress. Throws: Usage.
  ConsoleObserver(std::string command, const Args& args, Streams& io);
  ~ConsoleObserver() override;  ///< clears the bar

  void progress(const Progress& now) override;
  void warning(const Warning& warning) override;
  bool keep_measuring() override;

  const std::vector<Warning>& warnings() const { return warnings_; }
  double seconds() const;
  /// What a job says at its end, unless it was not wanted: a line for people, or for `--progress
  /// json` the result.
  void finished(const std::string& line, const Json& result);

 private:
  enum class Mode { Bar, Lines, JsonLines, None };
  using Clock = std::chrono::steady_clock;
  void clear_bar();

  std::string command_;
  Streams& io_;
  Mode mode_ = Mode::None;
  bool quiet_ = false, json_result_ = false, bar_shown_ = false;
  Clock::time_point start_ = Clock::now(), last_ = start_;
  std::optional<Clock::time_point> measuring_since_;
  bool total_known_ = false;
  std::vector<Warning> warnings_;
};

}  // namespace rawimg::cli
