// SPDX-License-Identifier: MIT
#include "edit/file_content.h"

#include <array>
#include <span>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/input.h"
#include "edit/place.h"

namespace rawimg::cli {

void require_modest(std::uint64_t size, const std::string& name, std::uint64_t most) {
  if (size > most)
    throw Error(Errc::Unsupported, fmt::format("{} has more than {} bytes", name, most))
        .with_hint("rawimg cp takes files of any size");
}

std::string read_descriptor(int descriptor, const std::string& name, const std::stop_token& stop,
                            std::uint64_t most) {
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t n =
             read_some(descriptor, std::as_writable_bytes(std::span(buffer)), stop, name)) {
    text.append(buffer.data(), n);
    require_modest(text.size(), name, most);
  }
  return text;
}

std::string read_content(const Edit& edit, std::uint32_t inode) {
  std::string text;
  require_modest(edit.fs().inode(inode).size_bytes, "it");
  edit.fs().read_file(inode, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

void write_content(Edit& edit, const Operand& file, const std::string& content) {
  const auto inode = find_or_make_regular(edit, file);
  if (!inode) return;
  edit.fs().write_file(*inode, content.size(), [&](const Transaction::ContentSink& sink) {
    if (!content.empty()) sink({0, std::as_bytes(std::span(content)), nullptr});
  });
}

}  // namespace rawimg::cli
