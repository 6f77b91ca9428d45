// SPDX-License-Identifier: MIT
#include <rawimg/transaction.h>

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/text.h"
#include "ext/edit_state.h"
#include "ext/ext_error.h"

namespace rawimg {
namespace {

Superblock require_editable(const Window& where) {
  const Superblock super = Superblock::require(where);
  super.require_editable();
  return super;
}

void require_nothing_to_recover(ImageFile& image) {
  const Recovery would = recover(image, Durability::NoSync, Recover::DryRun);
  if (would.outcome == Recovery::Outcome::RolledBack ||
      would.outcome == Recovery::Outcome::Finished)
    throw Error(Errc::Dirty, fmt::format("a change of {} was interrupted, and a dry run does not "
                                         "recover it",
                                         quote(image.path().string())))
        .with_path(image.path().string())
        .with_hint(quote_command("rawimg recover " + shell_word(image.path().string())) + " does");
}

/// The window, in a state that may be changed.
Window recovered(const Window& where, const TransactionOptions& options) {
  if (options.now.seconds < 1)
    throw Error(Errc::Usage, fmt::format("a transaction at {} seconds: it must be 1 or later",
                                         options.now.seconds));
  if (options.dry_run)
    require_nothing_to_recover(where.file());
  else
    (void)recover(where.file(), options.durability);
  // All of them: a bitmap that lies elsewhere gives away what is in use.
  require_editable(where).require_descriptors(where);
  return where;
}

ExtHandle open_for_edit(WindowIo& io, const TransactionOptions& options) {
  ext2_filsys raw = nullptr;
  io.check(ext2fs_open2(io.name().c_str(), "", EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0,
                        WindowIo::manager(), &raw),
           "open the filesystem");
  ExtHandle fs(raw);
  fs->now = options.now.seconds;
  io.check(ext2fs_read_bitmaps(fs.get()), "read the bitmaps");
  return fs;
}

bool is_in(const std::vector<std::uint32_t>& inodes, std::uint32_t inode) {
  return std::find(inodes.begin(), inodes.end(), inode) != inodes.end();
}

NodeMeta meta_of(const Entry& entry, Timestamp now) {
  NodeMeta meta;
  meta.type = entry.type;
  meta.permissions = entry.permissions;
  meta.uid = entry.uid;
  meta.gid = entry.gid;
  meta.mtime = entry.mtime;
  meta.atime = entry.atime.value_or(entry.mtime);
  meta.ctime = entry.ctime.value_or(now);
  meta.birthtime = entry.birthtime.value_or(now);
  meta.device_major = entry.device_major;
  meta.device_minor = entry.device_minor;
  return meta;
}

}  // namespace

Transaction::State::State(const Window& where, const TransactionOptions& how)
    : window(recovered(where, how)),
      options(how),
      io(where, WindowIo::Content::Unknown),
      overlay(where.through(io)),
      fs(open_for_edit(io, how)),
      view(ExtFs::open(overlay)),
      super(require_editable(where)),
      kept(where, how.durability),
      space(fs.get(), io, kept) {}

void Transaction::State::set_now(Timestamp now) {
  options.now = now;
  fs->now = now.seconds;
}

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;

/// Content that was written into free blocks, and is not wanted after all, takes no room on the
/// host.
Transaction::~Transaction() {
  if (!state_ || state_->committed) return;
  try {
    for (const auto& [begin, end] : state_->written.ranges())
      state_->window.file().discard(
          {ByteOffset{state_->window.range().start() + begin * state_->block_size()},
           ByteCount{(end - begin) * state_->block_size()}});
  } catch (const Error&) {
    // They are free blocks, whatever they hold.
  }
}

Transaction Transaction::begin(const Window& where, const TransactionOptions& options) {
  return Transaction(std::make_unique<State>(where, options));
}

// Reading

ExtInfo Transaction::info() const {
  ExtInfo info = state_->view.info();
  if (state_->committed) return info;
  info.summary.free_blocks =
      ext2fs_free_blocks_count(state_->fs->super) + state_->space.given_back_blocks();
  info.summary.free_inodes =
      state_->fs->super->s_free_inodes_count + state_->space.given_back_inodes();
  return info;
}

Transaction::Place Transaction::resolve_place(std::string_view path) const {
  std::string_view rest = path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t slash = rest.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    throw Error(Errc::Usage, fmt::format("{} does not name anything in a directory", quote(path)))
        .with_path(std::string(path));
  const std::uint32_t directory =
      slash == std::string_view::npos ? EXT2_ROOT_INO : resolve(rest.substr(0, slash + 1));
  return {directory, std::string(name)};
}

InodeInfo Transaction::inode(std::uint32_t number) const { return state_->view.inode(number); }

FileType Transaction::type(std::uint32_t number) const { return state_->type(number); }

std::string Transaction::symlink_target(std::uint32_t number) const {
  return state_->symlink_target(number);
}

std::optional<std::uint32_t> Transaction::find(std::uint32_t directory,
                                               std::string_view name) const {
  return state_->find(directory, name);
}

std::vector<DirEntry> Transaction::read_directory(std::uint32_t number) const {
  return state_->read_directory(number);
}

std::uint64_t Transaction::read_data(std::uint32_t number, const DataSink& sink) const {
  return state_->view.read_data(number, sink);
}

std::vector<std::uint32_t> Transaction::ancestry(std::uint32_t directory) const {
  return state_->read_ancestry(directory);
}

// Writing

std::uint32_t Transaction::make(std::uint32_t directory, std::string_view name,
                                const Entry& entry) {
  State& s = *state_;
  s.require_absent(directory, name);
  const NodeMeta meta = meta_of(entry, s.options.now);
  const bool is_directory = entry.type == FileType::Directory,
             is_symlink = entry.type == FileType::Symlink;
  require_encodable(meta, EXT2_INODE_SIZE(s.fs->super));
  if (is_symlink && (entry.link_target.empty() || entry.link_target.size() >= s.block_size()))
    throw Error(Errc::Unsupported, fmt::format("a symlink's target of {} bytes: ext holds 1 to {}",
                                               entry.link_target.size(), s.block_size() - 1));
  if (is_symlink && entry.link_target.find('\0') != std::string::npos)
    throw Error(Errc::Unsupported, "a symlink's target with a zero byte");
  if (is_directory) s.require_room_for_link(directory, FileType::Directory);
  EditSpace::Savepoint savepoint(s.space);
  const std::uint32_t number = s.space.take_inode(directory, entry.type);
  try {
    EditInode inode = s.blank_inode(number, meta, is_directory ? 2 : 1);
    if (is_symlink) s.write_target(inode, entry.link_target);
    if (!entry.xattrs.empty())
      s.store_xattrs(inode, encode_xattrs(entry.xattrs, s.xattr_room(inode)));
    inode.write();
    if (is_directory) s.add_link(directory, FileType::Directory);
  } catch (...) {
    s.space.give_back_inode(number, entry.type);
    throw;
  }
  if (is_directory) s.new_directory(number, directory);
  s.add_name(directory, name, number, entry.type);
  savepoint.keep();
  return number;
}

void Transaction::link(std::uint32_t directory, std::string_view name, std::uint32_t inode) {
  State& s = *state_;
  s.require_absent(directory, name);
  const FileType type = s.type(inode);
  if (type == FileType::Directory)
    throw Error(Errc::Usage, "a directory cannot have a second name");
  s.add_link(inode, type);
  s.add_name(directory, name, inode, type);
}

void Transaction::unlink(std::uint32_t directory, std::string_view name) {
  state_->unlink(directory, name);
}

void Transaction::remove_directory(std::uint32_t directory, std::string_view name) {
  state_->remove_directory(directory, name);
}

void Transaction::rename(std::uint32_t directory, std::string_view name,
                         std::uint32_t new_directory, std::string_view new_name) {
  State& s = *state_;
  const std::uint32_t inode = s.require_present(directory, name);
  const FileType type = s.type(inode);
  const bool is_directory = type == FileType::Directory;
  if (is_directory && directory == EXT2_ROOT_INO && name == "lost+found")
    throw Error(Errc::Usage, "lost+found has to stay: e2fsck needs it");
  if (is_directory && is_in(s.read_ancestry(new_directory), inode))
    throw Error(Errc::Usage, fmt::format("{} cannot be moved into itself", quote(name)));
  if (const auto there = s.find(new_directory, new_name)) {
    if (*there == inode) return;  // two names of one file: POSIX leaves both
    const bool over_directory = s.type(*there) == FileType::Directory;
    if (over_directory != is_directory)
      throw Error(Errc::Usage, fmt::format("{} is {}a directory", quote(new_name),
                                           over_directory ? "" : "not "));
    if (over_directory)
      remove_directory(new_directory, new_name);
    else
      unlink(new_directory, new_name);
  }
  s.require_absent(new_directory, new_name);
  if (is_directory && directory != new_directory) {
    s.add_link(new_directory, type);
    s.drop_link(directory, type);
    EditDirectory& moved = s.open_directory(inode);
    moved.parent = new_directory;
    moved.moved = true;
  }
  s.remove_name(directory, name);
  s.add_name(new_directory, new_name, inode, type);
  EditInode moved(s.fs.get(), s.io, inode);
  moved.set_ctime(s.options.now);
  moved.write();
}

void Transaction::change(std::uint32_t number, const MetadataChange& change) {
  state_->change(number, change);
}

bool Transaction::has_changes() const { return state_->changed; }

bool Transaction::lost_kept_undo() const { return state_->kept.is_lost(); }

}  // namespace rawimg
