// SPDX-License-Identifier: MIT
// Writes a tarball as GNU tar --format=posix does for a stage3: a pax header before every member.
// Only what the generator of the test tree needs, and nothing that the unit tests' writer shares:
// the archives of the judges come from other code than those of the unit tests.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rawimg::judge {

struct Member {
  std::string path = {};  ///< begins with "./", raw bytes
  char type = '0';        ///< ustar typeflag
  unsigned mode = 0644;
  std::uint64_t uid = 0, gid = 0;
  std::string mtime = "1700000000.123456789";  ///< as the pax record says it
  std::string link = {};
  unsigned dev_major = 0, dev_minor = 0;
  std::map<std::string, std::string> xattrs = {};
  std::string acl = {}, default_acl = {};  ///< text, numeric ids
};

class PaxWriter {
 public:
  explicit PaxWriter(std::FILE* out) : out_(out) {}

  void add(const Member& member, std::string_view content = {});
  /// A ustar member with no pax header.
  void add_plain(const Member& member, std::string_view content = {});
  /// A GNU.sparse 1.0 member: `pieces` are offset and bytes, in order.
  void add_sparse(Member member, std::uint64_t real_size,
                  const std::vector<std::pair<std::uint64_t, std::string>>& pieces);
  void finish();

 private:
  void write(std::string_view bytes);
  void write_padded(std::string_view bytes);
  void write_header(const Member& member, const std::string& name, char type, std::uint64_t size);
  void write_records(const Member& member, const std::string& extra);

  std::FILE* out_;
};

/// A tarball of these. Throws: std::runtime_error.
std::filesystem::path write_members(const std::filesystem::path& file,
                                    const std::vector<std::pair<Member, std::string>>& members);

}  // namespace rawimg::judge
