// SPDX-License-Identifier: MIT
// Which processor a program or a kernel is for, from its first bytes, which may be anything. Knows
// no files. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace rawimg {

/// The families that gem5's m5 is built for.
enum class Architecture { X86, Arm, Riscv };
std::string_view to_text(Architecture architecture);  ///< "x86", "arm", "riscv"
/// Those words in any case, and what uname -m and Debian say: "aarch64", "amd64". Nothing for
/// another word.
std::optional<Architecture> parse_architecture(std::string_view word);

/// A processor, as programs name it.
struct Machine {
  std::uint16_t number = 0;  ///< ELF's e_machine
  unsigned bits = 0;         ///< 32 or 64
  bool is_big_endian = false;

  bool operator==(const Machine&) const = default;
};
/// "x86-64", "64-bit ARM", "ELF machine 8, 32 bits".
std::string to_text(const Machine& machine);
/// Nothing for a processor of no family here: those are all little-endian.
std::optional<Architecture> architecture_of(const Machine& machine);

inline constexpr std::size_t kElfHeadBytes = 20;       ///< all that of_program looks at
inline constexpr std::size_t kKernelHeadBytes = 1024;  ///< all that of_kernel looks at

/// Of an ELF program (executable or position-independent, little- or big-endian); nothing for
/// anything else: a script, an object file, an archive, a header that is cut short.
std::optional<Machine> machine_of_program(std::string_view head);
/// Whether all that an ELF program's headers say is to be loaded is there: a download that was cut
/// short is not.
bool is_whole_program(std::string_view bytes);
/// Of a Linux kernel: an ELF vmlinux, a bzImage, an Image of ARM or RISC-V; nothing for anything
/// else, also for one that is compressed as a whole.
std::optional<Machine> machine_of_kernel(std::string_view head);

}  // namespace rawimg

#pragma GCC visibility pop
