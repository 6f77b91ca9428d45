// SPDX-License-Identifier: MIT
// Sources into a filesystem: the rules of the tree (DESIGN.md section 4) on one side, the builder
// on the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/ext_options.h>
#include <rawimg/guest_files.h>
#include <rawimg/image_path.h>
#include <rawimg/observer.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// A source and how its paths become paths of the image: strip, then exclude, then put below `at`.
struct SourceSpec {
  std::unique_ptr<EntrySource> source;
  ImagePath at;                   ///< made with 0755 0:0 where missing
  unsigned strip_components = 0;  ///< entries with fewer components are left out
  /// globs (`*` also matches `/`, as in GNU tar); tried against the path after stripping and its
  /// every trailing part; one that begins with `/` or `./` against the whole path only; a match
  /// leaves out all below, too
  std::vector<std::string> excludes;
};

enum class OnUnsupported { Stop, Skip };

/// What comes behind all sources and depends on what they have brought.
struct Amendment {
  /// Whether the content of files of this name (the last component) has to be known; of other
  /// programs (ELF) the first bytes are.
  std::function<bool(std::string_view name)> reads;
  /// Asked once, when the sources have ended; its entries count as later ones. `time` is that of
  /// the superblock.
  std::function<std::unique_ptr<EntrySource>(const GuestFiles& files, Timestamp time)> make;
};

struct PopulateOptions {
  OnUnsupported on_unsupported = OnUnsupported::Stop;
  /// time of the superblock and of implied directories; default: the newest mtime of the sources,
  /// else 1
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> clamp_mtime;  ///< times after this become this
  // Of populate(), as in TransactionOptions; build_ext leaves syncing to its caller.
  Durability durability = Durability::Sync;
  std::uint64_t keep_undo_bytes = 0;
  bool dry_run = false;  ///< populate(): nothing is written, everything else happens;
                         ///< build_ext(): content is not written
  std::stop_token stop;
  std::optional<Amendment> amendment;
};

struct PopulateResult {
  ExtSummary filesystem;
  std::uint64_t entries = 0;  ///< entries taken from the sources
  /// what the image holds, without lost+found, and the root if it has an entry; populate(): has got
  std::uint64_t files = 0, directories = 0, symlinks = 0, hard_links = 0, others = 0;
  std::uint64_t content_bytes = 0;
  /// entries left out because the filesystem cannot store them (OnUnsupported::Skip)
  std::uint64_t skipped = 0;
  std::int64_t epoch = 1;  ///< as decided
  /// 32 bits derived from the sorted metadata, the options and the slot: a disk id
  std::uint32_t metadata_id = 0;
  bool undo_kept = false;  ///< populate(): undo_last() can take it back
};

/// Format last: makes a filesystem that fills the window and holds what the sources yield. UUID and
/// hash seed are derived from the sorted metadata, `options` and `slot` unless given. Guarantee:
/// none (the caller's NewImage makes it strong). Throws: BadInput, Unsupported, NoSpace, Mismatch,
/// Io, Interrupted, and everything a source throws.
PopulateResult build_ext(const Window& where, const ExtOptions& options, unsigned slot,
                         std::vector<SourceSpec> sources, const PopulateOptions& how,
                         Observer& observer);

/// Into a filesystem, which may hold something: its entries count as earlier ones. One transaction.
/// Guarantee: strong, as Transaction::commit. Throws: like build_ext, and what Transaction::begin
/// throws.
PopulateResult populate(const Window& where, std::vector<SourceSpec> sources,
                        const PopulateOptions& how, Observer& observer);

}  // namespace rawimg

#pragma GCC visibility pop
