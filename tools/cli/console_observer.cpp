// SPDX-License-Identifier: MIT
#include "cli/console_observer.h"

#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"

namespace rawimg::cli {
namespace {

constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::seconds kLineEvery{10};
// reading on only to say how large the image should be
constexpr std::chrono::seconds kMeasurePipe{60};

std::string_view stage_name(Progress::Stage stage) {
  switch (stage) {
    case Progress::Stage::Reading:
      return "reading";
    case Progress::Stage::Measuring:
      return "measuring";
    case Progress::Stage::Writing:
      return "writing metadata";
    case Progress::Stage::Syncing:
      break;
  }
  return "syncing";
}

std::string describe(const Progress& now, double seconds) {
  std::string text = fmt::format("{}: {} entries, {}", stage_name(now.stage), now.entries,
                                 human_size(now.content_bytes));
  if (now.bytes_total && *now.bytes_total != 0)
    text = fmt::format(
        "{:3.0f} % {}",
        100.0 * static_cast<double>(now.bytes_read) / static_cast<double>(*now.bytes_total), text);
  return fmt::format("{}, {:.0f} s", text, seconds);
}

}  // namespace

ConsoleObserver::ConsoleObserver(std::string command, const Args& args, Streams& io)
    : command_(std::move(command)),
      io_(io),
      quiet_(args.has("quiet")),
      json_result_(args.has("json")) {
  const std::string mode = args.value("progress").value_or("auto");
  constexpr std::array<std::string_view, 5> kModes{"auto", "bar", "lines", "json", "none"};
  if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end())
    throw Error(
        Errc::Usage,
        fmt::format("progress mode {}: it can be auto, bar, lines, json or none", quote(mode)));
  if (mode == "bar" || (mode == "auto" && io.err_is_terminal))
    mode_ = Mode::Bar;
  else if (mode == "lines" || mode == "auto")
    mode_ = Mode::Lines;
  else if (mode == "json")
    mode_ = Mode::JsonLines;
  if (quiet_) mode_ = Mode::None;
}

ConsoleObserver::~ConsoleObserver() { clear_bar(); }

void ConsoleObserver::clear_bar() {
  if (bar_shown_) io_.err << "\r\x1B[K" << std::flush;
  bar_shown_ = false;
}

double ConsoleObserver::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void ConsoleObserver::progress(const Progress& now) {
  total_known_ = now.bytes_total.has_value();
  const Clock::time_point time = Clock::now();
  if (mode_ == Mode::None || time - last_ < (mode_ == Mode::Lines ? Clock::duration(kLineEvery)
                                                                  : Clock::duration(kBarEvery)))
    return;
  last_ = time;
  if (mode_ == Mode::Bar) {
    io_.err << "\r\x1B[K" << describe(now, seconds()) << std::flush;
    bar_shown_ = true;
  } else if (mode_ == Mode::Lines) {
    io_.err << "rawimg " << command_ << ": " << describe(now, seconds()) << std::endl;
  } else {
    Json json{{"progress", stage_name(now.stage)},
              {"entries", now.entries},
              {"bytes_read", now.bytes_read},
              {"content_bytes", now.content_bytes},
              {"seconds", seconds()}};
    if (now.bytes_total) json["bytes_total"] = *now.bytes_total;
    io_.err << json.dump() << std::endl;
  }
}

void ConsoleObserver::warning(const Warning& warning) {
  clear_bar();
  warnings_.push_back(warning);
  if (mode_ == Mode::JsonLines)
    io_.err << Json{{"warning", to_json(warning)}}.dump() << std::endl;
  else
    io_.err << "rawimg " << command_ << ": warning: " << warning.message << std::endl;
}

bool ConsoleObserver::keep_measuring() {
  if (!measuring_since_) {
    measuring_since_ = Clock::now();
    clear_bar();
    if (!quiet_ && mode_ != Mode::JsonLines)
      io_.err << "rawimg " << command_
              << ": no space is left; reading on only to say how much would do" << std::endl;
  }
  return total_known_ || Clock::now() - *measuring_since_ < kMeasurePipe;
}

void ConsoleObserver::finished(const std::string& line, const Json& result) {
  clear_bar();
  if (mode_ == Mode::JsonLines)
    io_.err << Json{{"finished", result}}.dump() << std::endl;
  else if (!quiet_ && !json_result_)
    io_.err << line << std::endl;
}

}  // namespace rawimg::cli
