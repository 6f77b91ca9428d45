// SPDX-License-Identifier: MIT
// fstab and inittab as stage3 tarballs have had them: the entries and their blanks are the
// distribution's, the prose between them is ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rawimg::test {

struct TextFile {
  const char* name;
  std::string text;
};

/// Gentoo's four eras.
std::vector<TextFile> fstabs();
/// sysvinit 2.88 and 2.98-r1 (as it comes, and as the ebuild makes it for each architecture).
std::vector<TextFile> sysvinit_inittabs();
/// busybox's own style: a small hand-made system, buildroot's.
std::vector<TextFile> busybox_inittabs();

/// `text` with its one `from` replaced. Throws: std::runtime_error when there is not exactly one.
std::string replaced(std::string text, std::string_view from, std::string_view to);
std::vector<std::string> lines_of(std::string_view text);

}  // namespace rawimg::test
