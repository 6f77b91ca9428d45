// SPDX-License-Identifier: MIT
#pragma once

#include "cli/command.h"

namespace rawimg::cli {

extern const Command kBuild, kPlan, kInit, kConvert, kSparsify, kCreate, kPartition, kFormat,
    kPopulate, kInfo, kLs, kCat, kStat, kFind, kDu, kDf, kTree, kHelp, kVersion;
extern const Command kBatch, kChmod, kChown, kCow, kCp, kEdit, kFstab, kGem5, kGem5img, kHostname,
    kInittab, kLn, kMkdir, kMknod, kMv, kPasswdCommand, kRecover, kRm, kRmdir, kSerial, kTee,
    kTouch, kTruncate, kUndo, kXattr;

}  // namespace rawimg::cli
