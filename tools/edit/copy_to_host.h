// SPDX-License-Identifier: MIT
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "edit/copy.h"

namespace rawimg::cli {

/// Who has chosen the last name of a path: no name that an image gives leads through a symlink.
enum class NamedBy { User, Image };

/// Copies files of an image to the host. One for all sources of a command, because hard links lead
/// from one to another.
class HostCopier {
 public:
  /// What was left out or could not be kept is added to `warnings`; `say` is called for every file,
  /// with what makes its line.
  HostCopier(const CopyOptions& options, std::vector<Warning>& warnings,
             std::function<void(const std::function<std::string()>&)> say)
      : options_(options), warnings_(warnings), say_(std::move(say)) {}

  /// An image that is open is not overwritten, nor what takes back its changes.
  void protect(const std::filesystem::path& image);

  /// Source to `target` and below. Nothing is made through a symlink below it; device nodes and
  /// sockets only with options.devices, else those in a directory are left out. With
  /// options.dry_run all but writing is done. Throws: Usage, Exists, Io, Unsupported.
  void copy(const CopySource& source, const std::string& target, NamedBy named_by);

 private:
  struct Spot;
  struct Made;
  struct Level;
  using FileId = std::pair<std::uint64_t, std::uint64_t>;  ///< device, inode
  struct Protected {
    FileId image, directory;
    std::string name;
  };
  struct Copied {
    std::shared_ptr<const Descriptor> top;
    std::vector<std::string> names;  ///< from there on
    FileId id;
  };

  Spot open_spot(std::string path, NamedBy named_by);
  void copy_any(const CopySource& source, const Spot& spot);
  bool stays(const CopySource& source, const Spot& spot) const;
  void refuse_node(const CopySource& source);
  void copy_regular(const CopySource& source, const Spot& spot);
  /// As a dry run sees it. Throws: Io.
  void require_may_write(const Spot& spot, bool in_place) const;
  void copy_node(const CopySource& source, const Spot& spot);
  void write_content(const CopySource& source, int file, const std::string& path);
  void make_room(const Spot& spot);
  void require_unprotected(const Spot& spot, const struct stat* there) const;
  void forget(const struct stat& there);
  bool link_to_earlier(const CopySource& source, const Spot& spot);
  Descriptor find_earlier(const Copied& earlier) const;
  void remember(const CopySource& source, const Spot& spot);
  void finish(const CopySource& source, const Made& made);
  void set_owner(const Entry& meta, const Made& made);
  void set_xattrs(const Entry& meta, const Made& made);
  void set_mode(const Entry& meta, const Made& made);
  void set_times(const Entry& meta, const Made& made);
  Level open_level(const CopySource& source, std::unique_ptr<CopySource> owned, const Spot& spot);
  void close_level(const Level& level);
  void copy_tree(const CopySource& top, const Spot& spot);
  void say(const CopySource& source, const Spot& spot);

  const CopyOptions& options_;
  std::vector<Warning>& warnings_;
  std::function<void(const std::function<std::string()>&)> say_;
  std::vector<Protected> protected_;
  std::shared_ptr<const Descriptor> top_;     // the directory that the target is in
  std::vector<std::string> way_;              // from there to where we are
  std::map<std::string, Copied> linked_;      // what hard links can lead to
  std::map<FileId, std::string> identities_;  // and whose copy a file is
};

}  // namespace rawimg::cli
