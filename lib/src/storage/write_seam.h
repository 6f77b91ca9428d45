// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <rawimg/units.h>

namespace rawimg {

/// Sees every change to an image file before it is made. Throwing an Error makes that change fail
/// in its place: tests inject faults and record crash points here. Called from whichever thread
/// makes the change, one at a time for data (the writer thread) and metadata (the job's thread), so
/// it must lock.
class WriteSeam {
 public:
  virtual ~WriteSeam() = default;
  virtual void before_write(ByteOffset at, ByteCount size) = 0;
  virtual void before_punch(ByteRange) {}
  virtual void before_resize(ByteCount) {}
  virtual void before_sync() {}
};

}  // namespace rawimg
