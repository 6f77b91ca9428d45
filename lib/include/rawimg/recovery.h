// SPDX-License-Identifier: MIT
// What an interrupted transaction left behind: IMG.rawimg-undo beside the image. Its format and the
// cases are told in lib/src/ext/undo_file.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/image_file.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// Behind the name of an image: the undo file of a transaction that runs, and one that is kept.
inline constexpr std::string_view kUndoSuffix = ".rawimg-undo", kKeptSuffix = ".rawimg-kept";

struct Recovery {
  enum class Outcome {
    Nothing,     ///< there was nothing to do
    RolledBack,  ///< the filesystem is what it was before the transaction
    Finished,    ///< the transaction had come to its end, or had not begun to write: only its undo
                 ///< file was left
    SetAside  ///< an undo file that does not belong to what is in the image was renamed to .stale,
              ///< or .stale.2 and so on; none is replaced
  };
  Outcome outcome = Outcome::Nothing;
  std::string message;  ///< for people; empty for Nothing
};

enum class Recover {
  Now,
  DryRun  ///< nothing is written; what is returned or thrown is what would be
};

/// Brings an image back to a whole state after a transaction was interrupted in it. `image` must be
/// open for writing, but for a dry run. Can itself be interrupted and repeated. Throws: Dirty
/// (marked by a transaction, and the undo file is damaged or of another one; nothing was written),
/// Io, NoSpace. Does not check: whether a filesystem is marked when there is no undo file; opening
/// it does.
Recovery recover(ImageFile& image, Durability durability = Durability::Sync,
                 Recover what = Recover::Now);

/// For those who copy the bytes of an image, and with them the mark of an interrupted change.
/// Throws: Dirty (there is one; nothing was written), Io.
void require_whole(ImageFile& image);

/// For those who only read: what the window holds once recover() has been there, null when that is
/// what is in the file. Writes nothing. Throws: Io.
std::unique_ptr<const WindowReader> read_recovered(const Window& where);

struct UndoOptions {
  Durability durability = Durability::Sync;
  Recover what = Recover::Now;
  std::optional<ByteRange> filesystem = std::nullopt;  ///< its window, if only its change is meant
};
/// Takes back the last transaction whose undo file was kept (IMG.rawimg-kept), as a transaction;
/// its own undo file is kept instead, so that the same again brings the change back. Where a
/// transaction was interrupted, that was the last one: it is recovered, which is returned, and no
/// other is taken back. Throws: NotFound (none was kept, or not of this filesystem), Mismatch (what
/// it would write over was changed since), BadInput (the file is damaged), Io, NoSpace. Guarantee:
/// strong. Does not check: content of files that somebody else has written in place.
Recovery undo_last(ImageFile& image, const UndoOptions& options = {});

}  // namespace rawimg

#pragma GCC visibility pop
