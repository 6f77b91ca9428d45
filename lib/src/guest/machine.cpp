// SPDX-License-Identifier: MIT
// Sources: elf(5); Documentation/arch/x86/boot.rst, arm64/booting.rst and
// riscv/boot-image-header.rst of Linux.
//
//   ELF      0  7F 45 4C 46   4  class (1: 32 bits, 2: 64)   5  data (1: little-endian, 2: big)
//           16  e_type (2: executable, 3: position-independent or shared)   18  e_machine
//           program headers, of 32 bits and of 64: 28, 32  e_phoff   42, 54  e_phentsize
//           44, 56  e_phnum; in each: 0  p_type (1: load)   4, 8  p_offset   16, 32  p_filesz
//   bzImage  510  55 AA   514  "HdrS"   518  version   566  xloadflags (bit 0: 64 bits; from 2.12)
//   Image    56  "ARM\x64", "RSC\x05"
#include "rawimg/machine.h"

#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::uint16_t k386 = 3, kArm = 40, kX8664 = 62, kAarch64 = 183, kRiscv = 243;

std::uint16_t half(std::string_view bytes, std::size_t at, bool is_big) {
  const unsigned first = static_cast<unsigned char>(bytes[at]),
                 second = static_cast<unsigned char>(bytes[at + 1]);
  return static_cast<std::uint16_t>(is_big ? first << 8 | second : second << 8 | first);
}

/// An integer of `size` bytes, at most 8.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size, bool is_big) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + (is_big ? i : size - 1 - i)]);
  return value;
}

bool has(std::string_view bytes, std::size_t at, std::string_view what) {
  return bytes.size() >= at + what.size() && bytes.substr(at, what.size()) == what;
}

}  // namespace

std::string_view to_text(Architecture architecture) {
  switch (architecture) {
    case Architecture::X86:
      return "x86";
    case Architecture::Arm:
      return "arm";
    case Architecture::Riscv:
      break;
  }
  return "riscv";
}

std::optional<Architecture> parse_architecture(std::string_view word) {
  // gem5's words first, then uname's and Debian's
  constexpr std::pair<std::string_view, Architecture> kWords[] = {
      {"x86", Architecture::X86},       {"arm", Architecture::Arm},
      {"riscv", Architecture::Riscv},   {"x86_64", Architecture::X86},
      {"amd64", Architecture::X86},     {"i386", Architecture::X86},
      {"i686", Architecture::X86},      {"aarch64", Architecture::Arm},
      {"arm64", Architecture::Arm},     {"armhf", Architecture::Arm},
      {"riscv64", Architecture::Riscv},
  };
  const std::string asked = to_lower(word);  // gem5 builds X86, ARM and RISCV
  for (const auto& [name, architecture] : kWords)
    if (name == asked) return architecture;
  return std::nullopt;
}

std::string to_text(const Machine& machine) {
  if (machine.is_big_endian)
    return fmt::format("{}, big-endian", to_text(Machine{machine.number, machine.bits}));
  switch (machine.number) {
    case k386:
      return "32-bit x86";
    case kX8664:
      return machine.bits == 64 ? "x86-64" : "x86-64 with 32-bit pointers";
    case kArm:
      return "32-bit ARM";
    case kAarch64:
      return "64-bit ARM";
    case kRiscv:
      return fmt::format("{}-bit RISC-V", machine.bits);
    default:
      return fmt::format("ELF machine {}, {} bits", machine.number, machine.bits);
  }
}

std::optional<Architecture> architecture_of(const Machine& machine) {
  if (machine.is_big_endian) return std::nullopt;
  switch (machine.number) {
    case k386:
    case kX8664:
      return Architecture::X86;
    case kArm:
    case kAarch64:
      return Architecture::Arm;
    case kRiscv:
      return Architecture::Riscv;
    default:
      return std::nullopt;
  }
}

std::optional<Machine> machine_of_program(std::string_view head) {
  if (head.size() < kElfHeadBytes || !has(head, 0,
                                          "\x7F"
                                          "ELF"))
    return std::nullopt;
  const char bits = head[4], data = head[5];
  if ((bits != 1 && bits != 2) || (data != 1 && data != 2)) return std::nullopt;
  const std::uint16_t type = half(head, 16, data == 2);
  if (type != 2 && type != 3) return std::nullopt;
  return Machine{half(head, 18, data == 2), bits == 2 ? 64U : 32U, data == 2};
}

bool is_whole_program(std::string_view bytes) {
  if (!machine_of_program(bytes)) return false;
  const bool is_64 = bytes[4] == 2, is_big = bytes[5] == 2;
  const std::size_t header = is_64 ? 64 : 52, word = is_64 ? 8 : 4, least = is_64 ? 56 : 32;
  if (bytes.size() < header) return false;
  const std::uint64_t table = number(bytes, is_64 ? 32 : 28, word, is_big),
                      each = number(bytes, is_64 ? 54 : 42, 2, is_big),
                      count = number(bytes, is_64 ? 56 : 44, 2, is_big);
  if (count == 0) return true;
  if (each < least || table > bytes.size() || bytes.size() - table < each * count) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view entry = bytes.substr(table + i * each, each);
    if (number(entry, 0, 4, is_big) != 1) continue;
    const std::uint64_t offset = number(entry, is_64 ? 8 : 4, word, is_big),
                        size = number(entry, is_64 ? 32 : 16, word, is_big);
    if (offset > bytes.size() || bytes.size() - offset < size) return false;
  }
  return true;
}

std::optional<Machine> machine_of_kernel(std::string_view head) {
  if (const auto elf = machine_of_program(head)) return elf;
  if (has(head, 510, "\x55\xAA") && has(head, 514, "HdrS") && head.size() >= 568) {
    const bool is_64 = half(head, 518, false) >= 0x20C && (half(head, 566, false) & 1) != 0;
    return is_64 ? Machine{kX8664, 64} : Machine{k386, 32};
  }
  if (has(head, 56, "ARM\x64")) return Machine{kAarch64, 64};
  // which RISC-V it is the header does not say; 32 bits are rare
  if (has(head, 56, "RSC\x05")) return Machine{kRiscv, 64};
  return std::nullopt;
}

}  // namespace rawimg
