// SPDX-License-Identifier: MIT
#include <array>

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

}  // namespace rawimg::cli
