// SPDX-License-Identifier: MIT
// Watches every change to an image file, and makes the nth one fail.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <rawimg/error.h>

#include "storage/write_seam.h"

namespace rawimg::test {

class FaultSeam : public WriteSeam {
 public:
  struct Event {
    std::string what;  ///< "write", "punch", "resize", "sync"
    std::uint64_t at = 0, size = 0;
  };

  explicit FaultSeam(std::size_t fail_at = SIZE_MAX) : fail_at_(fail_at) {}  ///< counted from 0

  void before_write(ByteOffset at, ByteCount size) override {
    note({"write", at.value, size.value});
  }
  void before_punch(ByteRange range) override { note({"punch", range.start(), range.size()}); }
  void before_resize(ByteCount size) override { note({"resize", 0, size.value}); }
  void before_sync() override { note({"sync"}); }

  std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  void note(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    if (events_.size() - 1 == fail_at_) throw Error(Errc::Io, "injected fault");
  }

  mutable std::mutex mutex_;
  std::vector<Event> events_;
  std::size_t fail_at_;
};

}  // namespace rawimg::test
