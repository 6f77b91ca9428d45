// SPDX-License-Identifier: MIT
#include "cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace rawimg::cli {
namespace {

bool reader_is_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

unsigned terminal_columns(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

Process::StandardDescriptors::StandardDescriptors() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0)
      (void)!open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
}

Process::Process() {
  std::ios::sync_with_stdio(false);
  std::signal(SIGPIPE, SIG_IGN);  // an image under construction is cleaned up first
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error like a full disk
}

Streams Process::streams() {
  return {.in = STDIN_FILENO,
          .out = std::cout,
          .err = std::cerr,
          .out_is_terminal = isatty(STDOUT_FILENO) == 1,
          .err_is_terminal = isatty(STDERR_FILENO) == 1,
          .stop = stop_.token(),
          .environment = [](const char* name) -> std::optional<std::string> {
            const char* value = std::getenv(name);
            if (value == nullptr) return std::nullopt;
            return value;
          },
          .stop_signal = [] { return SignalStop::received(); },
          .reader_is_gone = reader_is_gone,
          .out_columns = terminal_columns(STDOUT_FILENO)};
}

int Process::finish(int code) {
  if (!std::cout.good() && reader_is_gone()) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  return code;
}

}  // namespace rawimg::cli
