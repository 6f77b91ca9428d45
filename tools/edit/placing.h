// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edit/copy_to_host.h"
#include "edit/destination.h"

namespace rawimg::cli {

/// Which names the operands of one command get.
class NewNames {
 public:
  enum class Operand { First, Again };
  /// Throws: Exists, where an operand before this one got the name: what a command has made itself
  /// it does not replace.
  Operand take(const cli::Operand& source, const cli::Operand& target);

 private:
  std::map<std::string, std::string> sources_;  // by the path of the target
};

/// Gives each source of cp its place in the destination.
class Placing {
 public:
  Placing(const Destination& destination, const CopyOptions& options,
          std::vector<Warning>& warnings)
      : destination_(destination), options_(options), warnings_(warnings) {}

  /// Nothing for one that was copied there already, with a warning. Throws: Usage, Exists.
  std::optional<Operand> target_for(const Operand& file, const CopySource& source);
  NamedBy named_by(const Operand& file) const;

 private:
  bool fills(const Operand& file) const;

  const Destination& destination_;
  const CopyOptions& options_;
  std::vector<Warning>& warnings_;
  NewNames names_;
};

}  // namespace rawimg::cli
