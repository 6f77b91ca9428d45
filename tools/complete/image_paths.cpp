// SPDX-License-Identifier: MIT
#include "complete/image_paths.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>
#include <rawimg/recovery.h>

#include "base/errno_error.h"

namespace rawimg::cli {
namespace {

// A directory that is larger is none that anybody completes names in.
constexpr std::uint64_t kLargestDirectory = 32u << 20;
// So many names are shown; of more, the shell still gets the longest beginning that all have.
constexpr std::size_t kMostNames = 2000;
// Each may lead through directories of any size.
constexpr std::size_t kMostSymlinks = 200;

ImageFile open_without_lock(const std::filesystem::path& name) {
  // a FIFO of that name must not make the shell wait
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) throw errno_error(errno, "cannot open");
  ImageFile image = ImageFile::adopt(file, name, Access::ReadOnly);
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(Errc::Unsupported, "not a regular file");
  return image;
}

/// Where a symlink of a directory leads to.
bool leads_to_directory(const ExtFs& fs, const std::string& path) {
  try {
    return fs.type(fs.resolve(path)) == FileType::Directory;
  } catch (const Error&) {
    return false;  // it leads nowhere
  }
}

std::vector<DirEntry> names_in(const ExtFs& fs, const std::string& directory,
                               std::string_view beginning) {
  const std::uint32_t number = fs.resolve(directory);
  if (fs.inode(number).size_bytes > kLargestDirectory) return {};
  std::vector<DirEntry> names = fs.read_directory(number);
  std::erase_if(names, [&](const DirEntry& entry) { return !entry.name.starts_with(beginning); });
  std::sort(names.begin(), names.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  // the first and the last of all have the beginning that all have
  if (names.size() > kMostNames) names.erase(names.begin() + kMostNames - 1, names.end() - 1);
  return names;
}

std::vector<std::string> find_paths(ImageFile& image, const Address& address,
                                    std::string_view typed) {
  const FoundWindow found = find_filesystem(image, address);
  const auto recovered = read_recovered(found.window);
  const ExtFs fs = ExtFs::open(recovered ? found.window.through(*recovered) : found.window,
                               DirtyJournal::Ignore);
  const std::size_t name_at = address.path.rfind('/') + 1;
  const std::string directory = address.path.substr(0, name_at);
  const std::string_view front = typed.substr(0, typed.size() - address.path.size() + name_at);
  std::vector<std::string> paths;
  std::size_t symlinks = 0;
  for (const DirEntry& entry :
       names_in(fs, directory, std::string_view(address.path).substr(name_at))) {
    const FileType type = entry.type ? *entry.type : fs.type(entry.inode);
    const bool opens =
        type == FileType::Directory || (type == FileType::Symlink && symlinks++ < kMostSymlinks &&
                                        leads_to_directory(fs, directory + entry.name));
    paths.push_back(fmt::format("{}{}{}", front, entry.name, opens ? "/" : ""));
  }
  return paths;
}

/// Slots, and where only one filesystem can be meant, a path without one.
std::vector<std::string> find_slots(ImageFile& image, std::string_view typed, Behind behind) {
  std::vector<std::string> texts;
  const std::string_view slash = behind == Behind::SlotAndPath ? "/" : "";
  if (!has_partition_table(image)) {
    if (probe_ext(Window(image))) texts.push_back(fmt::format("0{}", slash));
  } else {
    for (const Partition& partition : PartitionTable::read(image).partitions())
      texts.push_back(fmt::format("{}{}", partition.slot, slash));
  }
  if (behind == Behind::SlotAndPath) {
    try {
      (void)find_filesystem(image, Address{});
      texts.push_back("/");
    } catch (const Error&) {  // none, or several
    }
  }
  std::erase_if(texts, [&](const std::string& text) { return !text.starts_with(typed); });
  return texts;
}

}  // namespace

bool holds_image(const std::filesystem::path& name) {
  const DiskKind kind = identify_disk(open_without_lock(name)).kind;
  return kind == DiskKind::Mbr || kind == DiskKind::Gpt || kind == DiskKind::Filesystem;
}

std::vector<std::string> find_behind_colon(const Address& address, std::string_view typed,
                                           Behind behind) {
  ImageFile image = open_without_lock(address.image);
  std::vector<std::string> texts;
  if (address.path.empty() && !address.offset)
    texts = find_slots(image, typed, behind);
  else if (!address.path.empty() && behind == Behind::SlotAndPath)
    texts = find_paths(image, address, typed);
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace rawimg::cli
