// SPDX-License-Identifier: MIT
#include "cli/input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/stop.h"

namespace rawimg::cli {
namespace {

Error input_error(int number, const std::string& name) {
  return errno_error(number, fmt::format("cannot read {}", name));
}

}  // namespace

void wait_for_input(int descriptor, const std::stop_token& stop, const std::string& name) {
  const Descriptor wake(eventfd(0, EFD_CLOEXEC));
  if (wake.get() < 0) throw input_error(errno, name);
  const std::stop_callback on_stop(stop, [&] {
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one);  // its only failure is a full counter
  });
  std::array<pollfd, 2> waits{pollfd{descriptor, POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
  while (poll(waits.data(), waits.size(), -1) < 0)
    if (errno != EINTR) throw input_error(errno, name);
  require_no_stop(stop);
}

std::size_t read_some(int descriptor, std::span<std::byte> out, const std::stop_token& stop,
                      const std::string& name) {
  for (;;) {
    if (stop.stop_possible()) wait_for_input(descriptor, stop, name);
    const ssize_t n = ::read(descriptor, out.data(), out.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw input_error(errno, name);
  }
}

std::string read_line(int descriptor, const std::stop_token& stop) {
  std::string line;
  char c = 0;
  const auto read_byte = [&] {
    return read_some(descriptor, std::as_writable_bytes(std::span(&c, 1)), stop, "standard input");
  };
  while (read_byte() != 0 && c != '\n') line += c;
  return line;
}

}  // namespace rawimg::cli
