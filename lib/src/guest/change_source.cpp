// SPDX-License-Identifier: MIT
#include <span>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/guest_files.h>

#include "base/text.h"

namespace rawimg {
namespace {

struct Item {
  Entry entry;
  std::shared_ptr<const std::string> content = nullptr;
};

class ChangeSource : public EntrySource {
 public:
  explicit ChangeSource(std::vector<Item> items) : items_(std::move(items)) {}

  const Entry* next() override {
    if (at_ == items_.size()) return nullptr;
    given_ = false;
    return &items_[at_++].entry;
  }
  std::optional<DataChunk> next_chunk() override {
    const Item& item = items_[at_ - 1];
    if (std::exchange(given_, true) || !item.content || item.content->empty()) return std::nullopt;
    return DataChunk{0, std::as_bytes(std::span(*item.content)), item.content};
  }
  const std::string& name() const override { return name_; }
  Position position() const override { return {}; }

 private:
  std::string name_ = "preparation";
  std::vector<Item> items_;
  std::size_t at_ = 0;
  bool given_ = true;
};

Entry entry_of(const std::string& path, FileType type, std::uint16_t permissions, Timestamp time) {
  Entry entry;
  entry.path = path;
  entry.type = type;
  entry.permissions = permissions;
  entry.mtime = time;
  return entry;
}

Item with_content(Entry entry, const std::string& content) {
  entry.size_bytes = content.size();
  return {std::move(entry), std::make_shared<const std::string>(content)};
}

GuestFile require_file(const GuestFiles& files, const std::string& path,
                       GuestFiles::Follow follow) {
  if (auto file = files.find(path, follow)) return *file;
  throw Error(Errc::NotFound, fmt::format("there is no {}", quote(path))).with_path(path);
}

Item edited(const GuestChange& change, const GuestFiles& files, Timestamp time) {
  const GuestFile file = require_file(files, change.path, GuestFiles::Follow::All);
  Entry entry = entry_of(file.path, FileType::Regular, file.permissions, time);
  entry.uid = file.uid;
  entry.gid = file.gid;
  entry.xattrs = file.xattrs;
  return with_content(std::move(entry), change.content);
}

Item put_aside(const GuestChange& change, const GuestFiles& files, Timestamp time) {
  const GuestFile file = require_file(files, change.path, GuestFiles::Follow::AllButLast);
  if (file.type == FileType::Directory)
    throw Error(Errc::Unsupported, fmt::format("{} is a directory", quote(change.path)))
        .with_path(change.path);
  Entry entry = entry_of(change.target, file.type, file.permissions, time);
  if (file.type == FileType::Symlink) {
    entry.link_target = file.link_target;
    return {std::move(entry)};
  }
  entry.is_hard_link = true;  // the other name is about to go
  entry.link_target = change.path;
  return {std::move(entry)};
}

Item item_of(const GuestChange& change, const GuestFiles& files, Timestamp time) {
  using Kind = GuestChange::Kind;
  switch (change.kind) {
    case Kind::Edit:
      return edited(change, files, time);
    case Kind::File:
      return with_content(entry_of(change.path, FileType::Regular, change.permissions, time),
                          change.content);
    case Kind::Symlink: {
      Item item{entry_of(change.path, FileType::Symlink, 0777, time)};
      item.entry.link_target = change.target;
      return item;
    }
    case Kind::Directory:
      return {entry_of(change.path, FileType::Directory, 0755, time)};
    case Kind::Aside:
      return put_aside(change, files, time);
    case Kind::Remove:
    case Kind::RemoveDirectory:
      break;
  }
  throw Error(Errc::Unsupported,
              fmt::format("{} cannot be taken away while the image is built", quote(change.path)))
      .with_path(change.path);
}

}  // namespace

std::unique_ptr<EntrySource> make_change_source(const std::vector<GuestChange>& changes,
                                                const GuestFiles& files, Timestamp time) {
  std::vector<Item> items;
  for (const GuestChange& change : changes) items.push_back(item_of(change, files, time));
  return std::make_unique<ChangeSource>(std::move(items));
}

}  // namespace rawimg
