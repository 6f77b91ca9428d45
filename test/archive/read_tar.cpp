// SPDX-License-Identifier: MIT
#include "archive/read_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <stdexcept>

namespace rawimg::test {
namespace {

void require_ok(int code, archive* a, const char* doing) {
  if (code < ARCHIVE_OK)
    throw std::runtime_error(std::string("libarchive cannot ") + doing + ": " +
                             (archive_error_string(a) ? archive_error_string(a) : "?"));
}

la_ssize_t append(archive*, void* self, const void* data, std::size_t size) {
  static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

MemoryFile::MemoryFile(std::string_view bytes) : descriptor_(memfd_create("test", MFD_CLOEXEC)) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n <= 0) throw std::runtime_error("cannot write a file in memory");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  lseek(descriptor_, 0, SEEK_SET);
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

std::vector<ReadEntry> read_all(EntrySource& source) {
  std::vector<ReadEntry> all;
  while (const Entry* entry = source.next()) {
    ReadEntry read{*entry, {}, {}};
    while (const auto chunk = source.next_chunk()) {
      if (chunk->offset < read.content.size() || chunk->bytes.empty())
        throw std::runtime_error("chunks overlap, go back, or are empty");
      read.content.resize(chunk->offset);
      read.content.append(reinterpret_cast<const char*>(chunk->bytes.data()), chunk->bytes.size());
      if (!read.data.empty() && read.data.back().first + read.data.back().second == chunk->offset)
        read.data.back().second += chunk->bytes.size();
      else
        read.data.emplace_back(chunk->offset, chunk->bytes.size());
    }
    if (read.content.size() > entry->size_bytes)
      throw std::runtime_error("more content than the entry's size");
    if (entry->size_bytes <= 64u << 20) read.content.resize(entry->size_bytes);
    all.push_back(std::move(read));
  }
  return all;
}

std::vector<ReadEntry> read_tar(std::string_view bytes, const TarOptions& options) {
  const MemoryFile file(bytes);
  const auto source = open_tar(file.descriptor(), "test.tar", options);
  return read_all(*source);
}

ReadEntry read_one(std::string_view bytes) {
  auto all = read_tar(bytes);
  if (all.size() != 1) throw std::runtime_error("not one entry but " + std::to_string(all.size()));
  return std::move(all.front());
}

std::optional<std::string> xattr_of(const Entry& entry, std::string_view name) {
  for (const Xattr& xattr : entry.xattrs)
    if (xattr.name == name) return xattr.value;
  return std::nullopt;
}

std::string compress(std::string_view bytes, const std::string& filter) {
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  archive* const a = writer.get();
  std::string out;
  require_ok(archive_write_add_filter_by_name(a, filter.c_str()), a, "add the filter");
  require_ok(archive_write_set_format_raw(a), a, "write raw");
  require_ok(archive_write_set_bytes_per_block(a, 0), a, "write without blocks");
  require_ok(archive_write_open(a, &out, nullptr, append, nullptr), a, "open");
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_pathname(entry.get(), "data");
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  require_ok(archive_write_header(a, entry.get()), a, "write the header");
  if (archive_write_data(a, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size()))
    throw std::runtime_error("libarchive cannot write the data");
  require_ok(archive_write_close(a), a, "close");
  return out;
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(generator() & 0xFF);
  return bytes;
}

}  // namespace rawimg::test
