// SPDX-License-Identifier: MIT
#include "edit/copy_to_image.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/stop.h"
#include "base/text.h"
#include "cli/output.h"
#include "edit/destination.h"

namespace rawimg::cli {
namespace {

Error same_file(const CopySource& source, const Operand& target) {
  return Error(Errc::Exists, fmt::format("{} and {} are the same file", quote(source.word()),
                                         quote(target.word)));
}

bool is_capability(const Xattr& xattr) { return xattr.name == "security.capability"; }

}  // namespace

ImageCopier::ImageCopier(Edit& edit, const CopyOptions& options) : edit_(edit), options_(options) {
  for (const std::string_view suffix : {std::string_view(), kUndoSuffix, kKeptSuffix}) {
    std::filesystem::path file = edit.image().image;
    struct stat status {};
    if (stat((file += suffix).c_str(), &status) == 0)
      image_.emplace_back(status.st_dev, status.st_ino);
  }
}

bool ImageCopier::is_image(const CopySource& source) const {
  return std::any_of(image_.begin(), image_.end(),
                     [&](const HostFileId& file) { return source.is_file(file); });
}

void ImageCopier::copy(const CopySource& source, const Operand& target) {
  if (is_image(source))
    throw Error(Errc::Exists,
                fmt::format("{} is the image that is changed, or takes back its changes",
                            quote(source.word())))
        .with_path(source.word());
  if (source.meta().type == FileType::Directory) return copy_tree(source, target);
  copy_file(source, target);
}

/// Without -p a file is root's, and only root may write it; `there`: what keeps its owner.
Entry ImageCopier::meta_for(const CopySource& source, const InodeInfo* there) {
  const Entry& from = source.meta();
  Entry meta = from;
  const bool is_link = meta.type == FileType::Symlink;
  if (!options_.keep_mode && !is_link)
    meta.permissions = options_.new_mode(from) & static_cast<std::uint16_t>(~022U & 01777);
  if (!options_.keep_owner) {
    meta.uid = there != nullptr ? there->uid : 0;
    meta.gid = there != nullptr ? there->gid : 0;
  }
  if (!options_.keep_times) {
    meta.mtime = edit_.now();
    meta.atime = std::nullopt;
  }
  if (!options_.xattrs) meta.xattrs.clear();
  if (options_.owner) {
    meta.uid = options_.owner->uid.value_or(meta.uid);
    meta.gid = options_.owner->gid.value_or(meta.gid);
  }
  if (!may_keep_setuid(from, meta.uid, meta.gid)) {
    const bool had_setuid = (meta.permissions & 06000) != 0,
               had_capability = std::erase_if(meta.xattrs, is_capability) != 0;
    meta.permissions &= 01777;
    if (had_setuid || had_capability) edit_.warnings.push_back(trust_lost(source.word()));
  }
  if (options_.mode && !is_link)
    meta.permissions = options_.mode->apply(meta.permissions, meta.type);
  return meta;
}

/// What a copy over something that exists changes beside the content: nothing, or all.
void ImageCopier::restore(std::uint32_t inode, const Entry& meta) {
  MetadataChange change;
  if (options_.keep_mode || options_.mode) change.permissions = meta.permissions;
  if (options_.keep_owner || options_.owner) change.uid = meta.uid, change.gid = meta.gid;
  if (options_.keep_times) change.mtime = meta.mtime, change.atime = meta.atime;
  if (change.permissions || change.uid || change.mtime) edit_.fs().change(inode, change);
  if (options_.xattrs) edit_.fs().set_xattrs(inode, meta.xattrs);
}

void ImageCopier::restore_times(std::uint32_t inode, const Entry& meta) {
  MetadataChange change;
  change.mtime = meta.mtime;
  change.atime = meta.atime;
  edit_.fs().change(inode, change);
}

void ImageCopier::write(const CopySource& source, std::uint32_t inode) {
  const bool sized = source.meta().size_bytes != 0;  // a stream has none
  const auto produce = [&](const Transaction::ContentSink& sink) {
    source.read([&](const DataChunk& chunk) {
      require_no_stop(options_.stop);
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

/// A file is written in place, with all of its names, as cp does; but a tree that keeps its hard
/// links takes none of them from outside of it.
bool ImageCopier::must_make_room(const CopySource& source, const InodeInfo& there) const {
  return source.meta().type != FileType::Regular || there.type != FileType::Regular ||
         options_.remove_destination || (options_.hard_links && there.links > 1);
}

/// What is written over, or goes, is no copy any more that a hard link could lead to.
void ImageCopier::forget(std::uint32_t inode) {
  const auto identity = identities_.find(inode);
  if (identity == identities_.end()) return;
  linked_.erase(identity->second);
  identities_.erase(identity);
}

bool ImageCopier::link_to_earlier(const CopySource& source, const Transaction::Place& place) {
  if (!options_.hard_links || source.identity().empty()) return false;
  const auto earlier = linked_.find(source.identity());
  if (earlier == linked_.end()) return false;
  const auto there = edit_.fs().find(place.directory, place.name);
  if (there == earlier->second) return true;
  if (there) remove(place, *there);
  edit_.fs().link(place.directory, place.name, earlier->second);
  return true;
}

void ImageCopier::copy_file(const CopySource& source, const Operand& target) {
  require_no_stop(options_.stop);
  const auto named = edit_.find(target, ExtFs::Follow::AllButLast);
  if (named && options_.no_clobber) return;
  // Content goes where a symlink of the image leads; anything else takes the name. A symlink that
  // came with an earlier source leads nobody out of the destination: as in all trees that are
  // merged, what comes later takes its name.
  const bool through = source.meta().type == FileType::Regular && !options_.remove_destination &&
                       !(named && symlinks_.contains(*named));
  const auto inode = through ? edit_.find(target) : named;
  const auto there = inode ? std::optional(edit_.fs().inode(*inode)) : std::nullopt;
  if (there && options_.update && there->mtime >= source.meta().mtime) return;
  // a symlink over what it leads to would lead to itself
  if (there && (source.is(*inode) || source.leads_to(*inode))) throw same_file(source, target);
  if (there && there->type == FileType::Directory)
    throw Error(Errc::Exists, fmt::format("{} is a directory, and {} is none", quote(target.word),
                                          quote(source.word())));
  if (!there && target.path.ends_with('/'))  // says what lacks
    (void)edit_.place(Edit::below(target, base_name(source.word())));
  const Transaction::Place place = edit_.place(target);
  if (link_to_earlier(source, place)) return say(source, target);
  if (named && !inode)
    throw Error(Errc::Exists, fmt::format("{} is a symlink that leads nowhere", quote(target.word)))
        .with_path(target.path)
        .with_hint("--remove-destination replaces it");
  about(source.word(), [&] {
    if (there && !must_make_room(source, *there)) return overwrite(source, *there);
    if (named) remove(place, *named);
    make(source, place);
  });
  say(source, target);
}

void ImageCopier::remove(const Transaction::Place& place, std::uint32_t inode) {
  forget(inode);
  if (edit_.fs().inode(inode).links == 1) symlinks_.erase(inode);  // another may get its number
  edit_.fs().unlink(place.directory, place.name);
}

void ImageCopier::overwrite(const CopySource& source, const InodeInfo& there) {
  forget(there.number);
  write(source, there.number);  // which takes the times and security.capability
  restore(there.number, meta_for(source, &there));
  if (options_.hard_links && !source.identity().empty()) {
    linked_.emplace(source.identity(), there.number);
    identities_.emplace(there.number, source.identity());
  }
}

void ImageCopier::make(const CopySource& source, const Transaction::Place& place) {
  const Entry meta = meta_for(source, nullptr);
  const std::uint32_t inode = edit_.fs().make(place.directory, place.name, meta);
  if (meta.type == FileType::Regular) {
    write(source, inode);
    if (!meta.xattrs.empty()) edit_.fs().set_xattrs(inode, meta.xattrs);
    if (options_.keep_times) restore_times(inode, meta);
  }
  if (meta.type == FileType::Symlink) symlinks_.insert(inode);
  if (!options_.hard_links || source.identity().empty()) return;
  linked_.emplace(source.identity(), inode);
  identities_.emplace(inode, source.identity());
}

std::uint32_t ImageCopier::copy_directory(const CopySource& source, const Operand& target) {
  const auto there = edit_.find(target, ExtFs::Follow::AllButLast);
  if (there && !edit_.is_directory(*there))
    throw Error(Errc::Exists, fmt::format("{} is not a directory, and {} is one",
                                          quote(target.word), quote(source.word())));
  if (there) {
    const InodeInfo before = edit_.fs().inode(*there);
    if (options_.keep_mode || options_.keep_owner || options_.keep_times)
      restore(*there, meta_for(source, &before));
    return *there;
  }
  const Transaction::Place place = edit_.place(target);
  const std::uint32_t inode = about(source.word(), [&] {
    return edit_.fs().make(place.directory, place.name, meta_for(source, nullptr));
  });
  say(source, target);
  return inode;
}

/// Depth first without recursion. Times of directories are set when all is in them.
void ImageCopier::copy_tree(const CopySource& top, const Operand& target) {
  if (!options_.recursive)
    throw Error(Errc::Exists, fmt::format("{} is a directory", quote(top.word())))
        .with_hint("-r copies it with all that is in it");
  require_outside(top, target);
  struct Level {
    const CopySource* source;
    std::unique_ptr<CopySource> owned;
    std::uint32_t inode;
    std::vector<std::string> names;  // still to go, the next one last
  };
  std::set<std::string> seen;
  MovingOperand at(target);
  const auto open = [&](const CopySource& source, std::unique_ptr<CopySource> owned) {
    require_no_stop(options_.stop);
    if (!seen.insert(source.identity()).second) throw seen_twice(source, options_);
    std::vector<std::string> names = source.names();
    const std::uint32_t inode = copy_directory(source, at.operand());
    return Level{&source, std::move(owned), inode, {names.rbegin(), names.rend()}};
  };
  std::vector<Level> levels;
  levels.push_back(open(top, nullptr));
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.names.empty()) {
      if (options_.keep_times) restore_times(level.inode, level.source->meta());
      if (options_.follow == FollowLinks::All) seen.erase(level.source->identity());
      levels.pop_back();
      if (!levels.empty()) at.leave();
      continue;
    }
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    std::unique_ptr<CopySource> child = level.source->child(name, options_.for_found());
    if (is_image(*child)) {
      edit_.warnings.push_back(
          {"skipped-image", child->word(),
           fmt::format("{} is the image that is changed, or takes back its changes: left out",
                       quote(child->word()))});
      continue;
    }
    at.enter(name);
    if (child->meta().type != FileType::Directory) {
      copy_file(*child, at.operand());
      at.leave();
      continue;
    }
    const CopySource& directory = *child;
    require_not_too_deep(directory, levels.size());
    levels.push_back(open(directory, std::move(child)));
    if (options_.one_file_system && directory.device() != top.device())
      levels.back().names.clear();  // where something is mounted
  }
}

/// A directory that is copied below itself would be in the copy, too.
void ImageCopier::require_outside(const CopySource& source, const Operand& target) const {
  const auto there = edit_.find(target);
  if (there && source.is(*there)) throw same_file(source, target);
  const std::uint32_t at =
      there && edit_.is_directory(*there) ? *there : edit_.place(target).directory;
  const std::vector<std::uint32_t> line = edit_.fs().ancestry(at);
  if (std::any_of(line.begin(), line.end(), [&](std::uint32_t inode) { return source.is(inode); }))
    throw Error(Errc::Exists, fmt::format("{} cannot be copied into itself, {}",
                                          quote(source.word()), quote(target.word)));
}

void ImageCopier::say(const CopySource& source, const Operand& target) {
  edit_.say([&] { return fmt::format("{} -> {}", quote(source.word()), quote(target.word)); });
}

Error seen_twice(const CopySource& source, const CopyOptions& options) {
  if (options.follow == FollowLinks::All)
    return Error(Errc::Unsupported,
                 fmt::format("{} leads to a directory that it is in", quote(source.word())))
        .with_path(source.word());
  return Error(Errc::Corrupt, fmt::format("{} is a directory with two names", quote(source.word())))
      .with_path(source.word());
}

}  // namespace rawimg::cli
