// SPDX-License-Identifier: MIT
// Keeps every change to an image file in the order in which it is made, so that a test can put any
// part of them on a copy, as a power cut would have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "storage/write_seam.h"

namespace rawimg::test {

class RecordingSeam : public WriteSeam {
 public:
  struct Write {
    std::uint64_t at = 0;
    std::string bytes;
  };
  /// What may reach the disk in any order: all between two syncs.
  using Epoch = std::vector<Write>;

  explicit RecordingSeam(std::filesystem::path image) : image_(std::move(image)) {}

  void before_write(ByteOffset at, ByteCount size) override {
    settle();
    epochs_.back().push_back({at.value, std::string(size.value, '\0')});
    pending_ = true;
  }
  void before_punch(ByteRange range) override {
    settle();
    epochs_.back().push_back({range.start(), std::string(range.size(), '\0')});
  }
  void before_sync() override {
    settle();
    epochs_.emplace_back();
  }

  /// Call when all has been written.
  const std::vector<Epoch>& epochs() {
    settle();
    return epochs_;
  }

 private:
  /// The seam is asked before a write: what was written is read back when the next one comes.
  void settle() {
    if (!pending_) return;
    pending_ = false;
    Write& last = epochs_.back().back();
    std::ifstream in(image_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(last.at));
    in.read(last.bytes.data(), static_cast<std::streamsize>(last.bytes.size()));
  }

  std::filesystem::path image_;
  std::vector<Epoch> epochs_{1};
  bool pending_ = false;
};

}  // namespace rawimg::test
