// SPDX-License-Identifier: MIT
// How a long job tells its caller how far it is and what it had to leave out. The library never
// prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#pragma GCC visibility push(default)

namespace rawimg {

/// Something that was not done as asked but did not stop the job.
struct Warning {
  /// stable, for machines: "skipped-unsupported", "times-without-fractions", ...
  std::string code;
  std::string path;     ///< the entry it is about (raw bytes), or empty
  std::string message;  ///< for people
};

struct Progress {
  enum class Stage { Reading, Measuring, Writing, Syncing };
  Stage stage = Stage::Reading;
  std::uint64_t entries = 0;                 ///< entries taken so far
  std::uint64_t bytes_read = 0;              ///< of the sources, as they are stored (compressed)
  std::optional<std::uint64_t> bytes_total;  ///< of the same, when every source's size is known
  std::uint64_t content_bytes = 0;           ///< file content taken so far
};

/// Called from the thread that runs the job only. An exception from a callback ends the job as if
/// the step had failed.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void progress(const Progress&) {}
  virtual void warning(const Warning&) {}
  /// Asked while a job that has run out of space reads on only to say how much it would need; false
  /// ends that early ("at least").
  virtual bool keep_measuring() { return true; }
};

}  // namespace rawimg

#pragma GCC visibility pop
