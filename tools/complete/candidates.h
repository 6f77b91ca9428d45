// SPDX-License-Identifier: MIT
// What may stand in place of the word that is being typed, from the tables of the commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rawimg::cli {

struct OptionSpec;

struct Candidate {
  std::string word;  ///< the whole word; one that ends with / : or = goes on
  std::string help = {};
};

struct Completion {
  std::vector<Candidate> candidates = {};
  std::size_t front = 0;    ///< bytes of the word that are the same in all of them, and as typed
  bool host_files = false;  ///< a file of the host fits, too
};

/// `words` are those between "rawimg" and `word`. Never fails: what cannot be read has no
/// candidates.
Completion complete(const std::vector<std::string>& words, const std::string& word);

/// The values that help lists: "ext2, ext3 or ext4 (default: ext2)". None, where it tells something
/// else.
std::vector<std::string> listed_values(const OptionSpec& option);
/// The verbs of a noun: "list|add|set IMG ...", "init FILE | new FILE".
std::vector<std::string> listed_verbs(std::string_view synopsis);

}  // namespace rawimg::cli
