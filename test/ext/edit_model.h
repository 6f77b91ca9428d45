// SPDX-License-Identifier: MIT
// Random changes, made to a filesystem in transactions and to a model of it in RAM.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <rawimg/transaction.h>

#include "ext/kernel_replay.h"

namespace rawimg::test {

/// What an inode holds, as the model has it.
struct ModelInode {
  Entry meta;
  std::string content;
  std::map<std::string, std::shared_ptr<ModelInode>> children;
  std::size_t names = 0;
};

class EditModel {
 public:
  explicit EditModel(unsigned seed) : random_(seed), root_(std::make_shared<ModelInode>()) {
    root_->meta.type = FileType::Directory;
  }

  /// What a kernel would have to do since the last call, to come to the same.
  std::vector<KernelStep> take_steps() { return std::exchange(steps_, {}); }

  /// One random change, the same in both; what must fail in the model must fail in the transaction.
  void step(Transaction& transaction);
  EditModel copy() const;  ///< with inodes of its own
  /// Path, metadata, content of everything, as text; lost+found left out.
  std::string listing() const;
  static std::string listing(const ExtFs& fs);
  /// What a reader sees of a filesystem of `bytes` at `offset`, who may not write and finds it in
  /// the middle of a commit.
  static std::string listing_past_crash(const std::string& image, std::uint64_t offset,
                                        std::uint64_t bytes);
  /// The same of a mounted filesystem.
  static std::string listing_of_directory(const std::string& directory);

 private:
  using Node = std::shared_ptr<ModelInode>;
  struct Where {
    Node directory;
    std::uint32_t number = 0;
    std::string path;  ///< empty for the root
  };

  std::uint64_t pick(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  Where random_directory(const Transaction& transaction);
  std::string random_name(const Where& where, bool existing);
  std::string random_content();
  std::vector<Xattr> random_xattrs();
  Entry random_meta(FileType type);

  void note(KernelStep step) { steps_.push_back(std::move(step)); }
  void note_failing(KernelStep step) {
    step.succeeds = false;
    steps_.push_back(std::move(step));
  }
  void make(Transaction& transaction);
  void remove(Transaction& transaction);
  void move(Transaction& transaction);
  void link(Transaction& transaction);
  void change_file(Transaction& transaction);
  void change_metadata(Transaction& transaction);

  std::mt19937_64 random_;
  Node root_;
  std::vector<KernelStep> steps_;
};

}  // namespace rawimg::test
