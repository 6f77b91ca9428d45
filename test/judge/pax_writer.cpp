// SPDX-License-Identifier: MIT
#include "judge/pax_writer.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace rawimg::judge {
namespace {

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

void put_octal(char* field, std::size_t width, std::uint64_t value) {
  // What does not fit is in a pax record.
  const std::uint64_t limit = 1ull << (3 * (width - 1));
  std::snprintf(field, width, "%0*llo", static_cast<int>(width - 1),
                static_cast<unsigned long long>(value < limit ? value : 0));
}

}  // namespace

void PaxWriter::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), out_) != bytes.size()) {
    std::perror("make_rootfs: write");
    std::exit(1);
  }
}

void PaxWriter::write_padded(std::string_view bytes) {
  write(bytes);
  write(std::string((512 - bytes.size() % 512) % 512, '\0'));
}

void PaxWriter::write_header(const Member& member, const std::string& name, char type,
                             std::uint64_t size) {
  std::array<char, 512> block{};
  std::strncpy(block.data(), name.c_str(), 100);
  put_octal(&block[100], 8, member.mode);
  put_octal(&block[108], 8, member.uid);
  put_octal(&block[116], 8, member.gid);
  put_octal(&block[124], 12, size);
  put_octal(&block[136], 12,
            member.mtime.front() == '-' ? 0 : std::strtoull(member.mtime.c_str(), nullptr, 10));
  block[156] = type;
  std::strncpy(&block[157], type == 'x' ? "" : member.link.c_str(), 100);
  std::memcpy(&block[257], "ustar\00000", 8);
  put_octal(&block[329], 8, member.dev_major);
  put_octal(&block[337], 8, member.dev_minor);
  std::memset(&block[148], ' ', 8);
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  std::snprintf(&block[148], 8, "%06o", sum);
  write({block.data(), block.size()});
}

void PaxWriter::write_records(const Member& member, const std::string& extra) {
  std::string records = extra;
  if (member.path.size() > 100 && extra.find("GNU.sparse.name") == std::string::npos)
    records += record("path", member.path);
  if (member.link.size() > 100) records += record("linkpath", member.link);
  if (member.uid > 07777777) records += record("uid", std::to_string(member.uid));
  if (member.gid > 07777777) records += record("gid", std::to_string(member.gid));
  records += record("mtime", member.mtime) + record("atime", "1700000001.5") +
             record("ctime", "1700000002.25");
  for (const auto& [name, value] : member.xattrs) records += record("SCHILY.xattr." + name, value);
  if (!member.acl.empty()) records += record("SCHILY.acl.access", member.acl);
  if (!member.default_acl.empty()) records += record("SCHILY.acl.default", member.default_acl);
  Member header;
  header.mtime = member.mtime;
  write_header(header, "./PaxHeaders/member", 'x', records.size());
  write_padded(records);
}

void PaxWriter::add(const Member& member, std::string_view content) {
  write_records(member, {});
  write_header(member, member.path, member.type, content.size());
  write_padded(content);
}

void PaxWriter::add_plain(const Member& member, std::string_view content) {
  write_header(member, member.path, member.type, content.size());
  write_padded(content);
}

void PaxWriter::add_sparse(Member member, std::uint64_t real_size,
                           const std::vector<std::pair<std::uint64_t, std::string>>& pieces) {
  // GNU tar ends the map with an empty piece at the end of the file, when a hole is there.
  std::string map = std::to_string(pieces.size() + 1) + "\n";
  std::string data;
  for (const auto& [offset, bytes] : pieces) {
    map += std::to_string(offset) + "\n" + std::to_string(bytes.size()) + "\n";
    data += bytes;
  }
  map += std::to_string(real_size) + "\n0\n";
  map.resize((map.size() + 511) / 512 * 512, '\0');
  write_records(member, record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
                            record("GNU.sparse.name", member.path) +
                            record("GNU.sparse.realsize", std::to_string(real_size)));
  write_header(member, "./GNUSparseFile.0/file", '0', map.size() + data.size());
  write(map);
  write_padded(data);
}

void PaxWriter::finish() {
  write(std::string(10240, '\0'));
  if (std::fflush(out_) != 0) {
    std::perror("make_rootfs: write");
    std::exit(1);
  }
}

std::filesystem::path write_members(const std::filesystem::path& file,
                                    const std::vector<std::pair<Member, std::string>>& members) {
  std::FILE* out = std::fopen(file.c_str(), "wb");
  if (out == nullptr) throw std::runtime_error("cannot make " + file.string());
  PaxWriter writer(out);
  for (const auto& [member, content] : members) writer.add(member, content);
  writer.finish();
  if (std::fclose(out) != 0) throw std::runtime_error("cannot write " + file.string());
  return file;
}

}  // namespace rawimg::judge
