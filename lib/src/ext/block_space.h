// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace rawimg {

struct BlockRun {
  std::uint64_t start = 0, count = 0;
  std::uint64_t end() const { return start + count; }
  bool operator==(const BlockRun&) const = default;
};

/// Where content goes: free runs in ascending order, consumed by one cursor, so that consecutive
/// files are one sequential write and the layout depends on nothing but the order of requests. Runs
/// that are given back, or added late, are used when the cursor has come to the end.
class BlockSpace {
 public:
  explicit BlockSpace(std::vector<BlockRun> free_runs) : runs_(std::move(free_runs)) {}

  /// 1 to `want` blocks back to back; a count of 0 when nothing is left.
  BlockRun take(std::uint64_t want) {
    while (next_ < runs_.size() && runs_[next_].count == 0) ++next_;
    if (next_ == runs_.size()) return {};
    BlockRun& run = runs_[next_];
    const BlockRun taken{run.start, std::min(want, run.count)};
    run.start += taken.count;
    run.count -= taken.count;
    taken_ += taken.count;
    return taken;
  }

  void give_back(BlockRun run) {
    taken_ -= run.count;
    runs_.push_back(run);
  }
  void add(BlockRun run) {
    if (run.count != 0) runs_.push_back(run);
  }

  /// What is still free, in the order of use.
  std::vector<BlockRun> left() const {
    return {runs_.begin() + static_cast<std::ptrdiff_t>(next_), runs_.end()};
  }
  std::uint64_t taken() const { return taken_; }

 private:
  std::vector<BlockRun> runs_;
  std::size_t next_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace rawimg
