// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <stop_token>
#include <string>

namespace rawimg::cli {

/// What a command sees of the process. Tests make their own.
struct Streams {
  int in = 0;  ///< a descriptor: archives are streamed from it
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false, err_is_terminal = false;
  std::stop_token stop;
  std::function<std::optional<std::string>(const char*)> environment;
  std::function<int()> stop_signal;      ///< the signal that asked to stop, or 0
  std::function<bool()> reader_is_gone;  ///< whether `out` is a pipe that nobody reads any more
  unsigned out_columns = 0;              ///< of the terminal that `out` is; 0: unknown

  /// The same, with results kept elsewhere.
  Streams with_output(std::ostream& kept) const {
    return {in, kept, err, false, err_is_terminal, stop, environment, stop_signal, reader_is_gone};
  }
};

}  // namespace rawimg::cli
