// SPDX-License-Identifier: MIT
// Hard links of one source that cannot be made yet, and names that were left out. Keys are paths as
// join() writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tree/source_filter.h"

namespace rawimg {

class LinkBook {
 public:
  /// A hard link whose target has not come yet.
  struct Waiting {
    Components link;
    std::string link_key;
    std::string link_path, target_path;  ///< as the source has them, for messages
    std::uint64_t sequence = 0;
  };

  /// Nothing to look after, which holds for nearly every source nearly always.
  bool is_idle() const { return live_.empty() && skipped_.empty(); }

  void wait(const std::string& target_key, Waiting link);
  /// The links that wait for this target; they wait no more.
  std::vector<Waiting> take_waiting(const std::string& target_key);
  /// An entry has this name now: an earlier link that waits to take it has lost it, and it is not
  /// left out.
  void note_arrival(const std::string& key);

  void mark_skipped(const std::string& key) { skipped_.insert(key); }
  bool is_skipped(const std::string& key) const { return skipped_.contains(key); }

  /// The first link whose target has not come.
  std::optional<Waiting> first_waiting() const;
  void clear() { *this = {}; }

 private:
  bool is_live(const Waiting& link) const;

  std::unordered_map<std::string, std::vector<Waiting>> by_target_;
  /// by the link's name: which waiting link shall have it, for a later one replaces an earlier one
  std::unordered_map<std::string, std::uint64_t> live_;
  std::unordered_set<std::string> skipped_;
  std::uint64_t sequence_ = 0;
};

}  // namespace rawimg
