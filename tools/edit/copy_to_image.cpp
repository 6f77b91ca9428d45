// SPDX-License-Identifier: MIT
#include <set>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "edit/copy.h"

namespace rawimg::cli {
namespace {

Error same_file(const CopySource& source, const Operand& target) {
  return Error(Errc::Exists, fmt::format("{} and {} are the same file", quote(source.word()),
                                         quote(target.word)));
}

class ImageCopier {
 public:
  ImageCopier(Edit& edit, const CopyOptions& options, std::map<std::string, std::uint32_t>& linked)
      : edit_(edit), options_(options), linked_(linked) {}

  void copy(const CopySource& source, const Operand& target) {
    if (source.meta().type != FileType::Directory) return copy_file(source, target);
    copy_tree(source, target);
  }

 private:
  /// Without -p a file is root's, and only root may write it.
  Entry meta_for(const CopySource& source) const {
    Entry meta = source.meta();
    if (!options_.keep_mode && meta.type != FileType::Symlink)
      meta.permissions &= static_cast<std::uint16_t>(~022U & 01777);
    if (!options_.keep_owner) meta.uid = meta.gid = 0;
    if (!options_.keep_times) {
      meta.mtime = edit_.now();
      meta.atime = std::nullopt;
    }
    if (!options_.xattrs) meta.xattrs.clear();
    if (options_.owner) {
      meta.uid = options_.owner->uid.value_or(meta.uid);
      meta.gid = options_.owner->gid.value_or(meta.gid);
    }
    if (options_.mode && meta.type != FileType::Symlink)
      meta.permissions = options_.mode->apply(meta.permissions, meta.type == FileType::Directory);
    return meta;
  }

  /// What a copy over something that exists changes beside the content: nothing, or all.
  void restore(std::uint32_t inode, const Entry& meta) {
    MetadataChange change;
    if (options_.keep_mode || options_.mode) change.permissions = meta.permissions;
    if (options_.keep_owner || options_.owner) change.uid = meta.uid, change.gid = meta.gid;
    if (options_.keep_times) change.mtime = meta.mtime, change.atime = meta.atime;
    if (change.permissions || change.uid || change.mtime) edit_.fs().change(inode, change);
    if (options_.xattrs) edit_.fs().set_xattrs(inode, meta.xattrs);
  }

  void write(const CopySource& source, std::uint32_t inode) {
    const bool sized = source.meta().size_bytes != 0;  // a stream has none
    const auto produce = [&](const Transaction::ContentSink& sink) {
      source.read([&](const DataChunk& chunk) {
        require_no_stop(options_);
        sink(chunk);
      });
    };
    try {
      edit_.fs().write_file(inode, sized ? std::optional(source.meta().size_bytes) : std::nullopt,
                            produce);
    } catch (const Error& error) {
      if (error.code() != Errc::NoSpace) throw;
      const std::string size =
          sized ? fmt::format(", which has {},", human_size(source.meta().size_bytes)) : "";
      throw error.in(fmt::format("{}{} does not fit", quote(source.word()), size));
    }
  }

  bool link_to_earlier(const CopySource& source, const Transaction::Place& place) {
    if (!options_.hard_links || source.identity().empty()) return false;
    const auto earlier = linked_.find(source.identity());
    if (earlier == linked_.end()) return false;
    edit_.fs().link(place.directory, place.name, earlier->second);
    return true;
  }

  bool is_newer(std::uint32_t there, const CopySource& source) const {
    return edit_.fs().inode(there).mtime >= source.meta().mtime;
  }

  void copy_file(const CopySource& source, const Operand& target) {
    require_no_stop(options_);
    const Entry meta = meta_for(source);
    const bool plain = meta.type == FileType::Regular;
    // Content goes where a symlink of the image leads; anything else takes the name.
    auto there = edit_.find(target, plain ? ExtFs::Follow::All : ExtFs::Follow::AllButLast);
    if (there && (options_.no_clobber || (options_.update && is_newer(*there, source)))) return;
    if (there && source.is(*there)) throw same_file(source, target);
    if (there && edit_.is_directory(*there))
      throw Error(Errc::Exists, fmt::format("{} is a directory, and {} is none", quote(target.word),
                                            quote(source.word())));
    if (!there && target.path.ends_with('/'))
      throw Error(Errc::NotFound, fmt::format("{} is not a directory", quote(target.word)));
    const Transaction::Place place = edit_.place(target);
    if (there && (!plain || edit_.fs().inode(*there).type != FileType::Regular)) {
      edit_.fs().unlink(place.directory, place.name);
      there = std::nullopt;
    }
    if (!there && link_to_earlier(source, place)) return;
    const std::uint32_t inode = there ? *there : edit_.fs().make(place.directory, place.name, meta);
    if (plain) write(source, inode);  // which takes the times and security.capability
    if (there) restore(inode, meta);
    if (!there && plain && !meta.xattrs.empty()) edit_.fs().set_xattrs(inode, meta.xattrs);
    if (!there && plain && options_.keep_times) restore_times(inode, meta);
    if (options_.hard_links && !source.identity().empty())
      linked_.emplace(source.identity(), inode);
    edit_.say(fmt::format("{} -> {}", quote(source.word()), quote(target.word)));
  }

  void restore_times(std::uint32_t inode, const Entry& meta) {
    MetadataChange change;
    change.mtime = meta.mtime;
    change.atime = meta.atime;
    edit_.fs().change(inode, change);
  }

  std::uint32_t copy_directory(const CopySource& source, const Operand& target) {
    const Entry meta = meta_for(source);
    if (const auto there = edit_.find(target)) {
      if (!edit_.is_directory(*there))
        throw Error(Errc::Exists, fmt::format("{} is not a directory, and {} is one",
                                              quote(target.word), quote(source.word())));
      if (options_.keep_mode || options_.keep_owner || options_.keep_times) restore(*there, meta);
      return *there;
    }
    const Transaction::Place place = edit_.place(target);
    const std::uint32_t inode = edit_.fs().make(place.directory, place.name, meta);
    edit_.say(fmt::format("{} -> {}", quote(source.word()), quote(target.word)));
    return inode;
  }

  /// Depth first without recursion. Times of directories are set when all is in them.
  void copy_tree(const CopySource& top, const Operand& target) {
    if (!options_.recursive)
      throw Error(Errc::Usage, fmt::format("{} is a directory", quote(top.word())))
          .with_hint("-r copies it with all that is in it");
    require_outside(top, target);
    struct Level {
      const CopySource* source;
      std::unique_ptr<CopySource> owned;
      Operand target;
      std::uint32_t inode;
      std::vector<std::string> names;  // still to go, the next one last
    };
    std::set<std::string> seen;
    const auto open = [&](const CopySource& source, std::unique_ptr<CopySource> owned,
                          const Operand& at) {
      require_no_stop(options_);
      if (!seen.insert(source.identity()).second) throw seen_twice(source, options_);
      std::vector<std::string> names = source.names();
      const std::uint32_t inode = copy_directory(source, at);
      return Level{&source, std::move(owned), at, inode, {names.rbegin(), names.rend()}};
    };
    std::vector<Level> levels;
    levels.push_back(open(top, nullptr, target));
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.names.empty()) {
        if (options_.keep_times) restore_times(level.inode, meta_for(*level.source));
        if (options_.follow) seen.erase(level.source->identity());
        levels.pop_back();
        continue;
      }
      const std::string name = std::move(level.names.back());
      level.names.pop_back();
      std::unique_ptr<CopySource> child = level.source->child(name, options_.follow);
      const Operand below = Edit::below(level.target, name);
      if (child->meta().type != FileType::Directory) {
        copy_file(*child, below);
        continue;
      }
      const CopySource& directory = *child;
      if (levels.size() > kMostDeep)
        throw Error(Errc::Unsupported, fmt::format("{} is nested more than {} deep",
                                                   quote(directory.word()), kMostDeep));
      levels.push_back(open(directory, std::move(child), below));
      if (options_.one_file_system && directory.device() != top.device())
        levels.back().names.clear();  // where something is mounted
    }
  }

  /// A directory that is copied below itself would be in the copy, too.
  void require_outside(const CopySource& source, const Operand& target) const {
    const auto there = edit_.find(target);
    if (there && source.is(*there)) throw same_file(source, target);
    std::uint32_t at = there && edit_.is_directory(*there) ? *there : edit_.place(target).directory;
    for (;;) {
      if (source.is(at))
        throw Error(Errc::Exists, fmt::format("{} cannot be copied into itself, {}",
                                              quote(source.word()), quote(target.word)));
      const std::uint32_t parent = edit_.fs().parent(at);
      if (parent == at) return;
      at = parent;
    }
  }

  static constexpr std::size_t kMostDeep = 20'000;
  Edit& edit_;
  const CopyOptions& options_;
  std::map<std::string, std::uint32_t>& linked_;
};

}  // namespace

void require_no_stop(const CopyOptions& options) {
  if (options.stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
}

Error seen_twice(const CopySource& source, const CopyOptions& options) {
  if (options.follow)
    return Error(Errc::Unsupported,
                 fmt::format("{} leads to a directory that it is in", quote(source.word())))
        .with_path(source.word());
  return Error(Errc::Corrupt, fmt::format("{} is a directory with two names", quote(source.word())))
      .with_path(source.word());
}

void copy_to_image(Edit& edit, const CopySource& source, const Operand& target,
                   const CopyOptions& options, std::map<std::string, std::uint32_t>& linked) {
  ImageCopier(edit, options, linked).copy(source, target);
}

}  // namespace rawimg::cli
