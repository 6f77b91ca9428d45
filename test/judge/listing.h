// SPDX-License-Identifier: MIT
// The line that stands for one inode in a canonical listing of a tree. Shared by the programs that
// make such listings (a real kernel's view, debugfs's view), so that they can be compared as text.
// Nothing of rawimg is in here: a judge that shares code with the accused proves nothing.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rawimg::judge {

struct Node {
  std::string path;   ///< "." is the root, "./etc/fstab" a file
  char type = '?';    ///< f d l c b p s
  unsigned mode = 0;  ///< 07777
  std::uint64_t uid = 0, gid = 0;
  std::uint64_t size = 0;   ///< of files and symlinks; directories differ between filesystems
  std::uint64_t links = 0;  ///< not listed for directories, whose count may saturate
  std::int64_t mtime = 0;
  std::uint32_t mtime_ns = 0;
  std::uint64_t dev_major = 0, dev_minor = 0;
  std::string target;
  std::map<std::string, std::string> xattrs;
  std::string hash;
  std::uint64_t inode = 0;
  std::uint64_t blocks = 0;  ///< of 512 bytes; listed on request only
};

inline std::string escape(std::string_view bytes) {
  std::string text;
  for (const char raw : bytes) {
    const auto byte = static_cast<unsigned char>(raw);
    char code[5] = {raw, 0};
    if (byte <= 0x20 || byte >= 0x7F || byte == '\\')
      std::snprintf(code, sizeof code, "\\x%02x", byte);
    text += code;
  }
  return text;
}

inline std::string hex(std::string_view bytes) {
  std::string text;
  for (const char raw : bytes) {
    char code[3];
    std::snprintf(code, sizeof code, "%02x", static_cast<unsigned char>(raw));
    text += code;
  }
  return text;
}

/// A digest of a file's content: of its non-zero 4 KiB pieces and where they are, so that holes and
/// written zeros are the same and need not be read. Not cryptographic: it is against mistakes, and
/// must be quick in an emulated machine.
class ContentHash {
 public:
  static constexpr std::size_t kPiece = 4096;

  /// `piece` is the piece at `offset` (a multiple of kPiece), padded with zeros by the caller at
  /// the end of the file.
  void add(std::uint64_t offset, const unsigned char (&piece)[kPiece]) {
    std::uint64_t words[kPiece / 8];
    std::memcpy(words, piece, kPiece);
    std::uint64_t any = 0;
    for (const auto word : words) any |= word;
    if (any == 0) return;
    mix(offset);
    for (const auto word : words) mix(word);
  }

  std::string text() const {
    char code[33];
    std::snprintf(code, sizeof code, "%016llx%016llx", static_cast<unsigned long long>(a_),
                  static_cast<unsigned long long>(b_));
    return code;
  }

 private:
  void mix(std::uint64_t word) {
    a_ = (a_ ^ word) * 0x9E3779B97F4A7C15ull;
    a_ ^= a_ >> 29;
    b_ = (b_ + word) * 0xD6E8FEB86659FD93ull;
    b_ ^= b_ >> 32;
  }
  std::uint64_t a_ = 0x243F6A8885A308D3ull, b_ = 0x13198A2E03707344ull;
};

/// `first_name` is the smallest path of the same inode: it shows which names are links of each
/// other.
inline std::string to_line(const Node& node, const std::string& first_name, bool with_blocks) {
  char head[256];
  std::snprintf(head, sizeof head, " %c %04o %llu:%llu %lld.%09u", node.type, node.mode,
                static_cast<unsigned long long>(node.uid),
                static_cast<unsigned long long>(node.gid), static_cast<long long>(node.mtime),
                node.mtime_ns);
  std::string line = escape(node.path) + head;
  if (node.type == 'f' || node.type == 'l') line += " size=" + std::to_string(node.size);
  if (node.type != 'd') line += " links=" + std::to_string(node.links);
  if (node.type == 'c' || node.type == 'b')
    line += " dev=" + std::to_string(node.dev_major) + ":" + std::to_string(node.dev_minor);
  if (node.type == 'l') line += " target=" + escape(node.target);
  if (node.type == 'f') line += " hash=" + node.hash;
  if (with_blocks) line += " blocks=" + std::to_string(node.blocks);
  if (node.type != 'd' && first_name != node.path) line += " same-as=" + escape(first_name);
  for (const auto& [name, value] : node.xattrs) line += " xattr:" + escape(name) + "=" + hex(value);
  return line + "\n";
}

/// All lines, sorted by the bytes of the path, and a last one that shows that nothing was cut off.
std::string to_listing(std::vector<Node> nodes, bool with_blocks);

}  // namespace rawimg::judge
