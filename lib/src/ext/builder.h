// SPDX-License-Identifier: MIT
// Fills an ext filesystem in one pass. Content goes to disk as it comes, in long sequential runs;
// inodes, names, block maps, xattr blocks and bitmaps stay in RAM and are written once, by
// finish(). Knows inodes and directories, not paths: the rules of the tree are the caller's.
//
// Two ways to start:
//   format last   the window holds nothing yet. Content goes only into blocks that hold no
//                 metadata whatever the inode count turns out to be; finish() makes the filesystem.
//   populate      the window holds a filesystem. Content goes into its free blocks; finish() adds
//                 the rest as one transaction.
//
// When space runs out, the builder goes on counting without writing; finish() then throws NoSpace
// and says what would do. Thread rule: one thread; the writing happens on a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/ext_options.h>
#include <rawimg/transaction.h>
#include <rawimg/window.h>

namespace rawimg {

/// An inode under construction. Values are dense, grow in the order of add(), and are never reused.
enum class NodeId : std::uint32_t {};

/// What an inode says about itself; size, links and blocks come from the content and the names.
struct NodeMeta {
  FileType type = FileType::Regular;
  std::uint16_t permissions = 0;
  std::uint32_t uid = 0, gid = 0;
  Timestamp mtime, atime, ctime, birthtime;
  std::uint32_t device_major = 0, device_minor = 0;
};

/// The names, asked for once, by finish().
class NameTree {
 public:
  struct Name {
    std::string_view name;
    NodeId node;
  };
  virtual ~NameTree() = default;
  /// The directories, every parent before its children, the root first.
  virtual std::vector<NodeId> directories() const = 0;
  virtual NodeId parent(NodeId directory) const = 0;  ///< the root is its own parent
  /// Fills `out` with the names in a directory, in the order they shall have where order is free
  /// (sorted by bytes for determinism). The views stay valid until the next call.
  virtual void names(NodeId directory, std::vector<Name>& out) const = 0;
  /// For messages: a path of the node, escaped for people.
  virtual std::string describe(NodeId node) const = 0;
};

/// all-zero blocks become holes | only the source's holes | none at all
enum class HolePolicy { Zeros, Source, None };

struct BuilderOptions {
  HolePolicy holes = HolePolicy::Zeros;  ///< swap files never get holes
  // Of populate, as in TransactionOptions:
  Durability durability = Durability::NoSync;
  std::uint64_t keep_undo_bytes = 0;
  bool dry_run = false;  ///< nothing is written; finish() throws what it would throw
};

class ExtBuilder {
 public:
  /// Format last. Throws: Usage, NoSpace (the window is too small for any such filesystem), like
  /// make_ext.
  static ExtBuilder format_last(const Window& where, const ExtOptions& options,
                                BuilderOptions builder = {});
  /// Into a filesystem that is clean and has features that may be written. Throws: what
  /// Transaction::begin throws.
  static ExtBuilder populate(const Window& where, BuilderOptions builder = {});

  ExtBuilder(ExtBuilder&&) noexcept;
  ExtBuilder& operator=(ExtBuilder&&) noexcept;
  /// without finish(): the format-last window holds garbage; a populated filesystem is as it was
  ~ExtBuilder();

  // Format last: both exist from the start, as directories of 0755 and 0700 and 0:0; the caller's
  // NameTree decides whether and where lost+found is named.
  static constexpr NodeId kRoot{0};
  static constexpr NodeId kLostFound{1};

  // Populate: what is there already. An inode becomes a node when the directory that names it is
  // read, which has to be done before that directory is given to finish().
  struct ImportedName {
    std::string name;
    NodeId node;
    bool is_directory;
  };
  bool imports() const;
  /// The names in a directory that was there before, sorted; from the second time on, and for new
  /// directories, none. Throws: Corrupt, Io.
  std::vector<ImportedName> import_names(NodeId directory);
  bool is_new(NodeId node) const;  ///< not imported

  ExtType type() const;
  std::uint32_t block_size() const;
  std::uint32_t inode_size() const;
  /// The options as decided, as text: the same for the same options and size.
  std::string options_text() const;

  /// A new inode without content. Throws: Unsupported (a time, device number or type that the
  /// format cannot hold; names what and the limits). Guarantee: strong.
  NodeId add(const NodeMeta& meta);
  /// Replaces the metadata; the type must stay. Errors and guarantee like add.
  void set_meta(NodeId node, const NodeMeta& meta);
  /// Valid until the next add. Throws: Corrupt, Io, of an imported one.
  const NodeMeta& meta(NodeId node) const;
  /// Whether the times just given lost fractions of seconds, because inodes have 128 bytes.
  bool drops_fractions(const NodeMeta& meta) const;
  /// Replaces all xattrs; sorted by name, each once. Throws: Unsupported (namespace unknown to ext,
  /// name over 255 bytes, too large for the inode and one block, malformed ACL). Strong.
  void set_xattrs(NodeId node, std::span<const Xattr> xattrs);
  /// Throws: Unsupported when the target is empty or does not fit one block (block size - 1 bytes).
  /// Strong.
  void set_symlink(NodeId node, std::string_view target);
  /// As set; empty for what is not a symlink. Valid until the next set_symlink.
  std::string_view symlink_target(NodeId node) const;

  /// Content of a regular file, one file at a time: begin, chunks in ascending order, end. Throws:
  /// Unsupported (begin: the size passes what block maps can hold; nothing has changed then),
  /// BadInput (chunks out of order or past the size), NoSpace (the host is full), Io. After any
  /// other failure than that of begin the whole builder is unusable.
  void begin_content(NodeId node, std::uint64_t size_bytes);
  void append(const DataChunk& chunk);
  void end_content();
  /// Bytes of a file's content or of a symlink's target.
  std::uint64_t size_of(NodeId node) const;

  /// The inode is not wanted any more; its blocks serve later files, unless it was there before.
  /// The caller names it nowhere.
  void remove(NodeId node);

  /// The image is full, what comes is only counted.
  bool is_full() const;

  struct Finish {
    std::int64_t created = 1;  ///< seconds, 1 to 2^32-1
    Uuid uuid{}, hash_seed{};  ///< format last only, unless the options gave them
    /// false: the source was not read to its end, so figures in NoSpace are "at least"
    bool counting_complete = true;
  };
  /// Links each directory's names, writes all metadata and returns; content and metadata are in the
  /// page cache (durability NoSync). Throws: NoSpace (blocks or inodes; says how many are needed,
  /// how many there are, and what size would do), Unsupported (too many links, too large a
  /// directory; names it), Io. Guarantee: format last: none; populate: strong, as
  /// Transaction::commit.
  ExtSummary finish(const NameTree& names, const Finish& how);
  Transaction::Result committed() const;  ///< by finish(), after populate
  bool lost_kept_undo() const;            ///< as Transaction::lost_kept_undo

  struct State;

 private:
  explicit ExtBuilder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rawimg
