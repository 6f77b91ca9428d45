// SPDX-License-Identifier: MIT
#pragma once

#include "cli/signals.h"
#include "cli/streams.h"

namespace rawimg::cli {

/// The real process around a command: its streams, its signals.
class Process {
 public:
  Process();
  Streams streams();
  /// The exit code, unless standard output was a pipe that nobody reads any more: then the process
  /// ends by SIGPIPE, as others do.
  int finish(int code);

 private:
  /// First of all: a closed standard stream would give its number to the next file that is opened,
  /// and messages would go into an image, or input come from our own pipe. What takes its place can
  /// neither be read nor written: to use it is an error, as it would be without us.
  struct StandardDescriptors {
    StandardDescriptors();
  } standard_descriptors_;
  SignalStop stop_;
};

}  // namespace rawimg::cli
