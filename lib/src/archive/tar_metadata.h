// SPDX-License-Identifier: MIT
// What the headers of one member of an archive say together.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/entry.h>

#include "archive/pax_records.h"
#include "archive/tar_header.h"

namespace rawimg {

/// What pax global headers have set for all entries behind them.
class PaxGlobals {
 public:
  /// Throws: Unsupported (a record that must not or, here, cannot be set for all entries),
  /// BadInput.
  void add(std::string_view body);
  const std::string* find(std::string_view key) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// A member's header and the extension headers in front of it.
struct TarMember {
  TarHeader header;
  std::uint64_t position = 0;  ///< of the first of these headers, in the decoded archive
  PaxRecords pax;
  std::optional<std::string> long_name, long_link;  ///< GNU's
  bool has_solaris_acl = false;
};

/// A value from the member's own records, else from the global ones; an empty own record takes the
/// global one away.
std::optional<std::string_view> pax_value(const TarMember& member, const PaxGlobals& globals,
                                          std::string_view key);

/// Throws: BadInput (empty, or with a NUL inside).
std::string path_of(const TarMember& member);
/// Bytes in the archive behind the header as the records or the header give them. Throws: BadInput.
std::uint64_t stored_size_of(const TarMember& member);
/// Everything but path, type and content. Throws: BadInput, Unsupported.
void read_metadata(const TarMember& member, const PaxGlobals& globals, Entry& entry);

}  // namespace rawimg
