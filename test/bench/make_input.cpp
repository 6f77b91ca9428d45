// SPDX-License-Identifier: MIT
// Tarballs for benchmarks, on standard output:
//   make_input files N DIRECTORIES    N empty files, spread over so many directories
//   make_input big BYTES              one file of bytes that are not zeros
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "judge/pax_writer.h"

using rawimg::judge::Member;
using rawimg::judge::PaxWriter;

namespace {

void write_files(PaxWriter& tar, std::uint64_t count, std::uint64_t directories) {
  for (std::uint64_t d = 0; d < directories; ++d) {
    const std::string directory = "./d" + std::to_string(d) + "/";
    tar.add_plain({.path = directory, .type = '5', .mode = 0755});
    for (std::uint64_t i = d; i < count; i += directories)
      tar.add_plain({.path = directory + "file" + std::to_string(i)});
  }
}

/// The header is PaxWriter's, the content is written behind it: it may be larger than memory.
void write_big(std::uint64_t bytes) {
  char header[512] = "big";
  std::snprintf(header + 100, 8, "0000644");
  std::snprintf(header + 108, 8, "0000000");
  std::snprintf(header + 116, 8, "0000000");
  header[124] = '\x80';  // base 256
  for (int i = 0; i < 8; ++i)
    header[124 + 11 - i] = static_cast<char>(static_cast<unsigned char>(bytes >> (8 * i)));
  std::snprintf(header + 136, 12, "00000000001");
  header[156] = '0';
  std::snprintf(header + 257, 8, "ustar  ");
  unsigned sum = 8 * ' ';
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  std::snprintf(header + 148, 8, "%06o", sum);
  header[155] = ' ';
  std::fwrite(header, 1, sizeof header, stdout);
  std::vector<std::uint32_t> piece(1u << 18);
  std::uint32_t state = 1;
  for (std::uint32_t& word : piece) word = (state = state * 1664525 + 1013904223) | 1;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t n = std::min<std::uint64_t>(bytes - done, piece.size() * 4);
    std::fwrite(piece.data(), 1, n, stdout);
    done += n;
  }
  const std::vector<char> end(1024 + (512 - bytes % 512) % 512);
  std::fwrite(end.data(), 1, end.size(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  if (kind == "files" && argc == 4) {
    PaxWriter tar(stdout);
    write_files(tar, std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
    tar.finish();
  } else if (kind == "big" && argc == 3) {
    write_big(std::strtoull(argv[2], nullptr, 10));
  } else {
    std::fprintf(stderr, "usage: make_input files N DIRECTORIES | big BYTES\n");
    return 2;
  }
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? 0 : 1;
}
