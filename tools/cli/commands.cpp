// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "cli/find_command.h"
#include "cmd/all.h"

namespace rawimg::cli {

std::span<const Command* const> commands() {
  static constexpr std::array kAll{
      &kBuild,   &kPlan,     &kInit,    &kCreate, &kPartition, &kFormat,   &kPopulate,
      &kConvert, &kSparsify, &kInfo,    &kLs,     &kCat,       &kStat,     &kFind,
      &kDu,      &kDf,       &kTree,    &kCp,     &kMv,        &kRm,       &kMkdir,
      &kRmdir,   &kLn,       &kChmod,   &kChown,  &kTouch,     &kTruncate, &kMknod,
      &kXattr,   &kTee,      &kEdit,    &kFstab,  &kInittab,   &kHostname, &kPasswdCommand,
      &kSerial,  &kGem5,     &kGem5img, &kCow,    &kBatch,     &kRecover,  &kUndo,
      &kHelp,    &kVersion};
  return kAll;
}

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Command* command) { return command->name == name; });
  return it == all.end() ? nullptr : *it;
}

}  // namespace rawimg::cli
