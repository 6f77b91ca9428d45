// SPDX-License-Identifier: MIT
// The changes that a model makes, as system calls on a directory: what a real kernel makes of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <rawimg/entry.h>

namespace rawimg::test {

/// One change below a directory, and whether it can be made.
struct KernelStep {
  std::string what;
  bool succeeds = true;
  std::function<bool(const std::string& root)> run;  ///< false: the kernel refuses it
};

// `path` begins with a slash and is below the root of the replay.
KernelStep kernel_make(const std::string& path, const Entry& meta, const std::string& content);
KernelStep kernel_remove(const std::string& path, FileType type);
KernelStep kernel_rename(const std::string& from, const std::string& to);
KernelStep kernel_link(const std::string& from, const std::string& to);
KernelStep kernel_set_size(const std::string& path, std::uint64_t size);
KernelStep kernel_write(const std::string& path, const std::string& content);
KernelStep kernel_set_xattrs(const std::string& path, const std::vector<Xattr>& xattrs);
/// Owner and, unless it is a symlink, permissions.
KernelStep kernel_set_metadata(const std::string& path, const Entry& meta);

/// Makes them all. Throws: std::runtime_error that names the first that the kernel sees otherwise.
void replay(const std::vector<KernelStep>& steps, const std::string& root);

}  // namespace rawimg::test
