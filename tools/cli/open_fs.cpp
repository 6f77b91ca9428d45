// SPDX-License-Identifier: MIT
#include "cli/open_fs.h"

namespace rawimg::cli {

OpenedFs open_filesystem(const Address& address, const Args& args) {
  auto image = std::make_unique<ImageFile>(
      ImageFile::open(address.image, Access::ReadOnly, read_lock_policy(args)));
  const FoundWindow found = find_filesystem(*image, address);
  ExtFs fs = ExtFs::open(found.window,
                         args.has("ignore-journal") ? DirtyJournal::Ignore : DirtyJournal::Refuse);
  return {std::move(image), std::move(fs), found.slot};
}

}  // namespace rawimg::cli
