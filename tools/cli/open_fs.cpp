// SPDX-License-Identifier: MIT
#include "cli/open_fs.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ostream>
#include <stop_token>
#include <utility>

#include <fmt/format.h>

#include "base/errno_error.h"
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

namespace {

/// Waits in short stretches: a verb that holds the lock of another image can be stopped.
ImageFile open_to_read(const std::filesystem::path& path, LockPolicy lock,
                       const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kStretch{200};
  for (auto left = lock.wait.value_or(std::chrono::milliseconds{0});; left -= kStretch) {
    if (lock.wait) lock.wait = std::min(left, kStretch);
    try {
      return ImageFile::open(path, Access::ReadOnly, lock);
    } catch (const Error& error) {
      if (error.code() != Errc::Busy || left <= kStretch) throw;
      if (stop.stop_requested())
        throw Error(Errc::Interrupted, fmt::format("interrupted; {}", error.what()));
    }
  }
}

}  // namespace

OpenedFs open_filesystem(const Address& address, const Args& args, Streams& io) {
  return open_filesystem_in(open_to_read(address.image, read_lock_policy(args), io.stop), address,
                            args, io);
}

ImageFile second_reader(const ImageFile& file) {
  const int descriptor = fcntl(file.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(file.path().string())));
  return ImageFile::adopt(descriptor, file.path(), Access::ReadOnly);
}

OpenedFs open_filesystem_in(ImageFile file, const Address& address, const Args& args, Streams& io) {
  auto image = std::make_unique<ImageFile>(std::move(file));
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
        std::move(image),          std::move(recovered),     std::move(fs), found.slot, start,
        std::move(found.warnings), std::move(found.partuuid)};
  });
}

}  // namespace rawimg::cli
