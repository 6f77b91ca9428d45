// SPDX-License-Identifier: MIT
#include "cli/verification.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "cli/input.h"

namespace rawimg::cli {
namespace {

// Gentoo's have 1 to 4 KiB, the SHA256SUMS of a whole mirror directory a few hundred.
constexpr std::size_t kMostBytes = 1u << 20;
constexpr std::array kBeside{".DIGESTS", ".DIGESTS.asc", ".sha256"};

std::string read_list(const std::string& file, const std::stop_token& stop) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (descriptor.get() < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(file))).with_path(file);
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t n = read_some(
             descriptor.get(), std::as_writable_bytes(std::span(buffer)), stop, quote(file))) {
    text.append(buffer.data(), n);
    if (text.size() > kMostBytes)
      throw Error(Errc::BadInput,
                  fmt::format("it has more than {} bytes: it is no list of digests", kMostBytes));
  }
  return text;
}

std::string find_list(const std::string& tarball) {
  std::string looked_for;
  for (const char* ending : kBeside) {
    const std::string file = tarball + ending;
    std::error_code error;
    if (std::filesystem::exists(file, error)) return file;
    looked_for += (looked_for.empty() ? "" : ", ") + quote(file);
  }
  if (std::error_code error; !std::filesystem::exists(tarball, error))
    throw errno_error(ENOENT, fmt::format("cannot open {}", quote(tarball))).with_path(tarball);
  throw Error(Errc::Io, fmt::format("{}: there are no digests beside it: looked for {}",
                                    quote(tarball), looked_for))
      .with_path(tarball)
      .with_hint("--verify=FILE names a list of digests that is elsewhere");
}

/// 128 digits without a heading are SHA-512 or BLAKE2b: Arch Linux's b2sums.txt, a .b2.
DigestKind kind_of_128_digits(const std::string& list_file) {
  const std::string name = to_lower(std::filesystem::path(list_file).filename().string());
  return name.find("b2sum") != std::string::npos || name.ends_with(".b2") ? DigestKind::Blake2b
                                                                          : DigestKind::Sha512;
}

}  // namespace

ExpectedDigest read_published_digest(const std::string& tarball, const std::string& file,
                                     const std::stop_token& stop) {
  const bool is_stream = tarball == "-";
  if (is_stream && file.empty())
    throw Error(Errc::Usage, "standard input has no digests beside it")
        .with_hint("--verify=FILE names a list of them");
  const std::string list_file = file.empty() ? find_list(tarball) : file;
  try {
    const DigestList list =
        DigestList::parse(read_list(list_file, stop), kind_of_128_digits(list_file));
    const std::vector<ExpectedDigest> digests = list.of(
        is_stream ? list.only_tarball() : std::filesystem::path(tarball).filename().string());
    return *std::max_element(digests.begin(), digests.end(),
                             [](const ExpectedDigest& a, const ExpectedDigest& b) {
                               return a.kind < b.kind;  // in that order
                             });
  } catch (const Error& error) {
    if (error.code() != Errc::BadInput) throw;
    throw error.in(quote(list_file)).with_path(list_file);
  }
}

}  // namespace rawimg::cli
