// SPDX-License-Identifier: MIT
#include <csignal>

#include "cli/process.h"
#include "cli/run.h"

int main(int argc, char** argv) {
  rawimg::cli::Process process;
  rawimg::cli::Streams io = process.streams();
  const int code = rawimg::cli::run(rawimg::cli::words_of(argc, argv), io);
  return process.finish(code);
}
