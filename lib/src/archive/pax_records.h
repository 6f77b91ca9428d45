// SPDX-License-Identifier: MIT
// The records of pax extension headers: "LENGTH key=value\n", where LENGTH counts the whole record
// in decimal. Keys and values are bytes here, whatever hdrcharset says: nothing is converted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>

namespace rawimg {

struct PaxRecord {
  std::string key, value;
};

/// Those of one entry, in their order; a later record of a key wins.
class PaxRecords {
 public:
  /// Adds the records of a header's body. Throws: BadInput (says which record and why).
  void add(std::string_view body);
  const std::string* find(std::string_view key) const;
  const std::vector<PaxRecord>& all() const { return records_; }
  bool empty() const { return records_.empty(); }

 private:
  std::vector<PaxRecord> records_;
};

/// A decimal number without sign. Throws: BadInput (something else; more than 63 bits).
std::uint64_t parse_pax_number(std::string_view text, std::string_view key);
/// Seconds with a sign and a fraction, of which nine digits are kept, rounded down. Throws:
/// BadInput.
Timestamp parse_pax_time(std::string_view text, std::string_view key);

}  // namespace rawimg
