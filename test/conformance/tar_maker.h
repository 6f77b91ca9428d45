// SPDX-License-Identifier: MIT
// A tarball becomes a filesystem by whichever tool: how the rows of A are tried.
#pragma once

#include "conformance/conformance.h"

namespace rawimg::conformance {

using test::TarHeaderSpec;
using test::TarWriter;

struct Making {
  int mib = 16;
  std::string type = "ext2", block_size = "1024";
  Words rawimg_words = {}, mke2fs_words = {}, genext2fs_words = {};
  std::string tar_name = "in.tar";
  std::chrono::seconds timeout{20};
};

/// Runs the tool on `bench.path(making.tar_name)`; mke2fs gets the directory that GNU tar makes of
/// it. Only for those that make filesystems.
test::Outcome make(Bench& bench, Tool tool, const Making& making);
inline bool makes(Tool tool) { return tool != Tool::Debugfs && tool != Tool::E2tools; }

using Check = std::function<std::string(const Found&)>;
/// The tarball is to become a clean filesystem that `check` has nothing to say about.
Row from_tar(std::string id, std::string behaviour, TarWriter tar, Check check, Making making = {},
             std::string note = {});
/// The tarball is to be refused.
Row refuses(std::string id, std::string behaviour, TarWriter tar, std::string note = {});
/// Refusing it is as good as making something sound of it.
Row refuses_or(std::string id, std::string behaviour, TarWriter tar, Check check,
               std::string note = {});

TarHeaderSpec file(std::string name, std::int64_t size = 0);
TarHeaderSpec directory(std::string name, std::int64_t mode = 0755);
TarHeaderSpec link(std::string name, std::string target, char type = '2');

Rows tar_rows_order();  ///< order, duplicates, links
Rows tar_rows_shape();  ///< sizes, metadata, limits, where it goes

}  // namespace rawimg::conformance
