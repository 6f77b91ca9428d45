// SPDX-License-Identifier: MIT
#include "cli/open_fs.h"

#include <ostream>

#include "base/text.h"
#include "cli/output.h"

namespace rawimg::cli {

OpenedFs open_filesystem(const Address& address, const Args& args, Streams& io) {
  auto image = std::make_unique<ImageFile>(
      ImageFile::open(address.image, Access::ReadOnly, read_lock_policy(args)));
  const std::string name = address.image.string();
  return about(name, [&] {
    FoundWindow found = find_filesystem(*image, address);
    for (const Warning& warning : found.warnings)
      io.err << "rawimg: warning: " << warning.message << '\n';
    auto recovered = read_recovered(found.window);
    if (recovered)
      io.err << "rawimg: " << quote(name)
             << ": a change was interrupted; what 'rawimg recover' would make of it is shown\n";
    ExtFs fs =
        ExtFs::open(recovered ? found.window.through(*recovered) : found.window,
                    args.has("ignore-journal") ? DirtyJournal::Ignore : DirtyJournal::Refuse);
    return OpenedFs{std::move(image), std::move(recovered), std::move(fs), found.slot,
                    std::move(found.warnings)};
  });
}

}  // namespace rawimg::cli
