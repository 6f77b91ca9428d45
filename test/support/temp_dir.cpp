// SPDX-License-Identifier: MIT
#include "support/temp_dir.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

namespace rawimg::test {
namespace {

std::filesystem::path default_parent() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  throw std::system_error(errno, std::generic_category(),
                          std::string(what) + " '" + file.string() + "'");
}

}  // namespace

TempDir::TempDir(const std::filesystem::path& parent) {
  std::string name = ((parent.empty() ? default_parent() : parent) / "rawimg-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("cannot make a directory", name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) fail("cannot open", file);
  constexpr std::size_t kPiece = 4u << 20;
  std::string bytes;
  for (std::size_t size = 0; in; bytes.resize(size)) {
    bytes.resize(size + kPiece);
    in.read(&bytes[size], kPiece);
    size += static_cast<std::size_t>(in.gcount());
  }
  if (in.bad()) fail("cannot read", file);
  return bytes;
}

void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) fail("cannot write", file);
}

}  // namespace rawimg::test
