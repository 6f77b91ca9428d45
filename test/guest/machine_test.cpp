// SPDX-License-Identifier: MIT
#include <rawimg/machine.h>

#include <catch2/catch.hpp>

#include "guest/guest_tree.h"

using namespace rawimg;
using namespace rawimg::test;

TEST_CASE("a program that is cut short is told from a whole one", "[guest]") {
  const auto put = [](std::string& to, std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) to[at + i] = static_cast<char>(value >> (8 * i) & 0xFF);
  };
  for (const unsigned bits : {32U, 64U}) {
    CAPTURE(bits);
    const bool is_64 = bits == 64;
    const std::size_t word = is_64 ? 8 : 4, entry = is_64 ? 56 : 32;
    std::string program = elf_head(62, bits);
    program.resize(64 + entry + 100);
    put(program, is_64 ? 32 : 28, 64, word);
    put(program, is_64 ? 54 : 42, entry, 2);
    put(program, is_64 ? 56 : 44, 1, 2);
    put(program, 64, 1, 4);
    put(program, 64 + (is_64 ? 8 : 4), 64 + entry, word);
    put(program, 64 + (is_64 ? 32 : 16), 100, word);
    CHECK(is_whole_program(program));
    CHECK(is_whole_program(program + "symbols"));
    for (const std::size_t size : {program.size() - 1, 64 + entry - 1, std::size_t{64},
                                   std::size_t{is_64 ? 63U : 51U}, std::size_t{20}, std::size_t{0}})
      CHECK_FALSE(is_whole_program(std::string_view(program).substr(0, size)));
    put(program, 64 + (is_64 ? 8 : 4), UINT64_MAX, word);
    CHECK_FALSE(is_whole_program(program));
    put(program, is_64 ? 32 : 28, UINT64_MAX, word);
    CHECK_FALSE(is_whole_program(program));
  }
  CHECK_FALSE(is_whole_program("#!/bin/sh\n"));
}

TEST_CASE("an ELF program says which processor it is for", "[guest][machine]") {
  struct Row {
    unsigned number, bits;
    const char* text;
    std::optional<Architecture> architecture;
  };
  const auto row = GENERATE(values<Row>({{3, 32, "32-bit x86", Architecture::X86},
                                         {62, 64, "x86-64", Architecture::X86},
                                         {62, 32, "x86-64 with 32-bit pointers", Architecture::X86},
                                         {40, 32, "32-bit ARM", Architecture::Arm},
                                         {183, 64, "64-bit ARM", Architecture::Arm},
                                         {243, 64, "64-bit RISC-V", Architecture::Riscv},
                                         {243, 32, "32-bit RISC-V", Architecture::Riscv},
                                         {8, 32, "ELF machine 8, 32 bits", std::nullopt}}));
  CAPTURE(row.text);
  for (const unsigned type : {2U, 3U}) {
    const auto machine = machine_of_program(elf_head(row.number, row.bits, type));
    REQUIRE(machine);
    CHECK(to_text(*machine) == row.text);
    CHECK(architecture_of(*machine) == row.architecture);
  }
}

TEST_CASE("a big-endian ELF header is read in its order", "[guest][machine]") {
  std::string head(64, '\0');
  head.replace(0, 4,
               "\x7F"
               "ELF");
  head[4] = 1;
  head[5] = 2;
  head[17] = 2;
  head[19] = 8;
  CHECK(machine_of_program(head) == Machine{8, 32, true});
}

TEST_CASE("an ELF header of 19 bytes is none, and one of 20 is enough", "[guest][machine]") {
  const std::string head = elf_head(62);
  for (std::size_t size = 0; size < kElfHeadBytes; ++size) {
    CAPTURE(size);
    CHECK_FALSE(machine_of_program(head.substr(0, size)));
  }
  CHECK(machine_of_program(head.substr(0, kElfHeadBytes)) == Machine{62, 64});
}

TEST_CASE("what is no program has no processor", "[guest][machine]") {
  CHECK_FALSE(machine_of_program(elf_head(62, 64, 1)));  // an object file
  CHECK_FALSE(machine_of_program(elf_head(62, 64, 4)));  // a core
  CHECK_FALSE(machine_of_program("#!/bin/sh\nexec true          \n"));
  CHECK_FALSE(machine_of_program("!<arch>\nlibm5.a/                 "));
  std::string head = elf_head(62);
  head[4] = 3;
  CHECK_FALSE(machine_of_program(head));
  head = elf_head(62);
  head[5] = 0;
  CHECK_FALSE(machine_of_program(head));
}

namespace {

std::string bz_image(unsigned version, unsigned flags) {
  std::string head(kKernelHeadBytes, '\0');
  head.replace(510, 2, "\x55\xAA");
  head.replace(514, 4, "HdrS");
  head[518] = static_cast<char>(version & 0xFF);
  head[519] = static_cast<char>(version >> 8);
  head[566] = static_cast<char>(flags);
  return head;
}

}  // namespace

TEST_CASE("an architecture has the names of gem5, uname and Debian", "[guest][machine]") {
  for (const char* word : {"x86", "X86", "x86_64", "amd64", "i386", "i686"})
    CHECK(parse_architecture(word) == Architecture::X86);
  for (const char* word : {"arm", "ARM", "aarch64", "arm64", "armhf"})
    CHECK(parse_architecture(word) == Architecture::Arm);
  for (const char* word : {"riscv", "RISCV", "riscv64"})
    CHECK(parse_architecture(word) == Architecture::Riscv);
  for (const char* word : {"", "x8", "x866", "arm64 ", "mips", "sparc64"})
    CHECK_FALSE(parse_architecture(word));
}

TEST_CASE("a kernel says which processor it is for", "[guest][machine]") {
  CHECK(machine_of_kernel(bz_image(0x20F, 0x3F)) == Machine{62, 64});
  CHECK(machine_of_kernel(bz_image(0x20F, 0)) == Machine{3, 32});
  CHECK(machine_of_kernel(bz_image(0x20B, 1)) == Machine{3, 32});  // before 2.12 there are no flags
  std::string image(kKernelHeadBytes, '\0');
  CHECK_FALSE(machine_of_kernel(image));
  image.replace(56, 4, "ARM\x64");
  CHECK(machine_of_kernel(image) == Machine{183, 64});
  image.replace(56, 4, "RSC\x05");
  CHECK(machine_of_kernel(image) == Machine{243, 64});
  CHECK(machine_of_kernel(elf_head(183)) == Machine{183, 64});
  CHECK_FALSE(machine_of_kernel(bz_image(0x20F, 1).substr(0, 567)));
  CHECK_FALSE(machine_of_kernel(""));
}
