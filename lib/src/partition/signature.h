// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <rawimg/partition_table.h>

namespace rawimg {

/// Bytes at a place that tell what a file or partition holds.
struct Signature {
  std::uint64_t at;  ///< byte from the start
  std::string_view magic;
  DiskKind kind;
  std::string_view name;
};

/// Those with a fixed place, the more specific first. None lies behind kSignatureReach.
std::span<const Signature> signatures();
inline constexpr std::uint64_t kSignatureReach = 0x10000 + 4096;

/// Those whose place depends on the size: RAID members and the like keep theirs at the end.
std::vector<Signature> end_signatures(ByteCount size);

/// Whether a disk that has a good partition table, too, is to be taken for what the signature says:
/// a container around a disk, or a label that uses the MBR as a cover.
bool outranks_mbr(const Signature& signature);

bool holds(std::span<const std::byte> bytes, std::uint64_t at, std::string_view magic);

/// "ext4 filesystem" and so on, from the feature words of a superblock whose magic was found.
/// `head` begins with the filesystem.
std::string_view ext_name(std::span<const std::byte> head);

}  // namespace rawimg
