// SPDX-License-Identifier: MIT
#include "boot/initrd.h"

#include <array>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {

std::set<std::string> libraries_of(const std::filesystem::path& program) {
  std::set<std::string> found;
  const Outcome outcome = run({"ldd", program.string()});
  // ldd fails for a static program, which is the answer "none".
  if (!outcome.ok()) return found;
  std::istringstream words(outcome.out);
  for (std::string word; words >> word;) {
    if (word.front() == '/') found.insert(word);
  }
  return found;
}

void Initrd::add_entry(const std::string& path, unsigned mode, std::string_view bytes) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos)
    add_directory(path.substr(0, slash));
  if (!have_.insert(path).second)
    throw std::runtime_error("'" + path + "' is in the initrd already");
  std::array<char, 111> header{};
  std::snprintf(header.data(), header.size(),
                "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", next_inode_++, mode,
                0u, 0u, 1u, 1u, static_cast<unsigned>(bytes.size()), 0u, 0u, 0u, 0u,
                static_cast<unsigned>(path.size() + 1), 0u);
  const auto pad = [this] { bytes_.append((4 - bytes_.size() % 4) % 4, '\0'); };
  bytes_.append(header.data()).append(path).push_back('\0');
  pad();
  bytes_.append(bytes);
  pad();
}

void Initrd::add_directory(const std::string& path) {
  if (path.empty() || have_.count(path) != 0) return;
  add_entry(path, 040755, {});
}

void Initrd::add_bytes(const std::string& path, std::string_view bytes, unsigned mode) {
  add_entry(path, 0100000 | mode, bytes);
}

void Initrd::add_file(const std::string& path, const std::filesystem::path& from) {
  add_bytes(path, read_file(from), 0755);
}

void Initrd::add_symlink(const std::string& path, const std::string& target) {
  add_entry(path, 0120777, target);
}

void Initrd::add_program(const std::string& path, const std::string& name) {
  const auto program = find_program(name);
  add_file(path, program);
  for (const std::string& library : libraries_of(program)) {
    if (have_.count(library.substr(1)) == 0) add_file(library.substr(1), library);
  }
}

std::string Initrd::finish() {
  add_entry("TRAILER!!!", 0, {});
  return std::move(bytes_);
}

}  // namespace rawimg::test
