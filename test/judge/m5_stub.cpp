// SPDX-License-Identifier: MIT
// Stands for gem5's m5 in a guest of QEMU: "readfile" is what the second disk begins with, up to
// the first zero byte, and "exit" powers off.
#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <cstring>

namespace {

int read_file() {
  const int disk = open("/dev/vdb", O_RDONLY | O_CLOEXEC);
  if (disk < 0) return 1;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(disk, buffer, sizeof buffer)) > 0;) {
    const size_t size = strnlen(buffer, static_cast<size_t>(n));
    if (write(STDOUT_FILENO, buffer, size) != static_cast<ssize_t>(size)) return 1;
    if (size < static_cast<size_t>(n)) return 0;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "readfile") == 0) return read_file();
  if (argc == 2 && std::strcmp(argv[1], "exit") == 0) return reboot(RB_POWER_OFF);
  return 2;
}
