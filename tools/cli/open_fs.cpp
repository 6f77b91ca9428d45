// SPDX-License-Identifier: MIT
#include "cli/open_fs.h"

#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/output.h"

namespace rawimg::cli {

Error with_image(const Error& error, const std::filesystem::path& image, std::uint64_t start) {
  const std::string name = image.string();
  const bool is_of_host = error.code() == Errc::Io && !error.path().empty();
  const bool is_clear = std::string_view(error.what()).find(name) != std::string_view::npos ||
                        is_of_host || error.code() == Errc::Usage ||
                        error.code() == Errc::Interrupted;
  Error named = is_clear ? error : error.in(quote(name));
  constexpr std::string_view kPlaceholder = " IMG";
  std::string hint = error.hint();
  const std::size_t at = hint.find(kPlaceholder, hint.find(": e2fsck"));
  if (at == std::string::npos) return named;
  const std::string device = start == 0 ? name : fmt::format("{}?offset={}", name, start);
  return std::move(named).with_hint(
      hint.replace(at, kPlaceholder.size(), " " + shell_word(device)));
}

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
    const std::uint64_t start = found.window.range().start();
    ExtFs fs = about_image(address.image, start, [&] {
      return ExtFs::open(recovered ? found.window.through(*recovered) : found.window,
                         args.has("ignore-journal") ? DirtyJournal::Ignore : DirtyJournal::Refuse);
    });
    return OpenedFs{
        std::move(image),         std::move(recovered), std::move(fs), found.slot, start,
        std::move(found.warnings)};
  });
}

}  // namespace rawimg::cli
