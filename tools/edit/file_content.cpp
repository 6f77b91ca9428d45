// SPDX-License-Identifier: MIT
#include "edit/file_content.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "edit/place.h"

namespace rawimg::cli {
namespace {

constexpr std::uint64_t kMost = 1u << 30;

}  // namespace

void require_modest(std::uint64_t size, const std::string& name) {
  if (size > kMost)
    throw Error(Errc::Unsupported, fmt::format("{} has more than {} bytes", quote(name), kMost))
        .with_hint("rawimg cp takes files of any size");
}

std::string read_descriptor(int descriptor, const std::string& name) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, fmt::format("cannot read {}", name));
    text.append(buffer.data(), static_cast<std::size_t>(n));
    require_modest(text.size(), name);
  }
}

std::string read_content(const Edit& edit, std::uint32_t inode) {
  std::string text;
  require_modest(edit.fs().inode(inode).size_bytes, "the file");
  edit.fs().read_file(inode, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

void write_content(Edit& edit, const Operand& file, const std::string& content) {
  const std::uint32_t inode = find_or_make_regular(edit, file);
  edit.fs().write_file(inode, content.size(), [&](const Transaction::ContentSink& sink) {
    if (!content.empty()) sink({0, std::as_bytes(std::span(content)), nullptr});
  });
}

}  // namespace rawimg::cli
