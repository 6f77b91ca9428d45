// SPDX-License-Identifier: MIT
// Copying files from the host or an image into an image, and from an image to the host: what cp
// does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/transaction.h>

#include "edit/edit.h"
#include "edit/mode_change.h"
#include "edit/owner_names.h"

namespace rawimg::cli {

/// A file that is copied, wherever it is.
class CopySource {
 public:
  virtual ~CopySource() = default;
  /// Type and metadata; a symlink's target as link_target.
  virtual const Entry& meta() const = 0;
  /// Names in a directory, sorted.
  virtual std::vector<std::string> names() const = 0;
  /// A name in it; symlinks are themselves, or with `follow` what they lead to.
  virtual std::unique_ptr<CopySource> child(const std::string& name, bool follow) const = 0;
  /// What is data; between the pieces are holes.
  virtual void read(const Transaction::ContentSink& sink) const = 0;
  /// The same for two names of one file; empty when there is but one name, and it is no directory.
  virtual std::string identity() const = 0;
  /// The file system of the host that it is in; 0 in an image.
  virtual std::uint64_t device() const { return 0; }
  virtual const std::string& word() const = 0;  ///< for messages
  /// Whether it is this inode of the image that is changed.
  virtual bool is(std::uint32_t) const { return false; }
};

/// All of its content in order, zeros where holes are: for what cannot be a file with holes.
void read_without_holes(const CopySource& source,
                        const std::function<void(std::span<const std::byte>)>& sink);

std::unique_ptr<CopySource> open_host_source(const std::string& path, const std::string& word,
                                             bool follow);
/// What can be read from a FIFO or a device of the host, as a file.
std::unique_ptr<CopySource> open_host_stream(const std::string& path, const std::string& word);
/// Everything that can be read from a descriptor, as a file.
std::unique_ptr<CopySource> open_stream_source(int descriptor, const std::string& word);
std::unique_ptr<CopySource> open_source_in(const Transaction& fs, const Operand& file, bool follow);
/// In another image; keeps what it needs.
std::unique_ptr<CopySource> open_source_in(std::shared_ptr<OpenedFs> fs, const Operand& file,
                                           bool follow);

struct CopyOptions {
  bool recursive = false, follow = false, no_clobber = false, update = false, force = false,
       one_file_system = false, devices = false, dry_run = false;
  bool keep_mode = false, keep_owner = false, keep_times = false, xattrs = false,
       hard_links = false;
  std::stop_token stop = {};
  std::optional<Owner> owner;
  std::optional<ModeChange> mode;
};

/// Throws: Interrupted, when that is asked for.
void require_no_stop(const CopyOptions& options);

/// About a directory that is met again: on the way to itself where symlinks are followed.
Error seen_twice(const CopySource& source, const CopyOptions& options);

/// Source to `target` and below. Throws: Usage (a directory without -r; a directory over something
/// else), Exists, and as Transaction does.
void copy_to_image(Edit& edit, const CopySource& source, const Operand& target,
                   const CopyOptions& options, std::map<std::string, std::uint32_t>& linked);
/// A place on the host. Nothing is written over one of `images`, which are open.
struct HostTarget {
  std::string path;
  bool name_from_image = false;  ///< its last component: it does not lead through a symlink
  std::vector<std::filesystem::path> images = {};
};

/// Nothing is made through a symlink below `target`; device nodes and sockets only with
/// options.devices, else those in a directory are left out. What was left out or could not be kept
/// is added to `warnings`; `say` gets a line for every file.
void copy_to_host(const CopySource& source, const HostTarget& target, const CopyOptions& options,
                  std::vector<Warning>& warnings,
                  const std::function<void(const std::string&)>& say);

}  // namespace rawimg::cli
