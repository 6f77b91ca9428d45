// SPDX-License-Identifier: MIT
#include "cli/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "../tools/cli/run.h"
#include "support/tar_writer.h"

namespace rawimg::test {

CliResult run_rawimg(const std::vector<std::string>& words, const CliSurroundings& around) {
  std::ostringstream out, err;
  std::ofstream file;
  if (!around.output_file.empty()) file.open(around.output_file);
  const int opened = open(around.input_file.empty() ? "/dev/null" : around.input_file.c_str(),
                          O_RDONLY | O_CLOEXEC);
  cli::Streams io{.in = around.input_descriptor >= 0 ? around.input_descriptor : opened,
                  .out = around.output_file.empty() ? static_cast<std::ostream&>(out) : file,
                  .err = err,
                  .out_is_terminal = around.terminal,
                  .err_is_terminal = false,
                  .stop = {},
                  .environment = [&](const char* name) -> std::optional<std::string> {
                    const auto it = around.environment.find(name);
                    if (it == around.environment.end()) return std::nullopt;
                    return it->second;
                  },
                  .stop_signal = [] { return 0; },
                  .reader_is_gone = [] { return false; }};
  const int code = cli::run(words, io);
  close(opened);
  return {code, out.str(), err.str()};
}

std::string small_tar() {
  TarWriter tar;
  tar.entry({.name = "./", .type = '5', .mode = 0755, .mtime = 1'600'000'000});
  tar.entry({.name = "./etc/", .type = '5', .mode = 0755, .mtime = 1'600'000'000});
  tar.entry({.name = "./etc/fstab", .mode = 0644, .uid = 1000, .gid = 1001, .mtime = 1'600'000'001},
            "/dev/vda1 / ext2 noatime 0 1\n");
  tar.entry({.name = "./link", .type = '2', .mode = 0777, .link = "etc/fstab"});
  tar.entry({.name = "./null", .type = '3', .mode = 0666, .device_major = 1, .device_minor = 3});
  tar.entry({.name = "./odd\x1B\xFC", .mode = 04755}, "x");
  return tar.finish();
}

}  // namespace rawimg::test
