// SPDX-License-Identifier: MIT
#include <rawimg/directory_source.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/stop.h"
#include "base/text.h"
#include "storage/host_file.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPiece = 1u << 20;

/// Reads what is data in a file, piece by piece.
class ContentOf {
 public:
  ContentOf(HostFile file, const std::string& path)
      : path_(path),
        file_(std::move(file)),
        descriptor_(file_.descriptor()),
        size_(static_cast<std::uint64_t>(file_.status().st_size)) {}

  std::optional<DataChunk> read() {
    if (at_ == end_ && !find_data()) {
      file_.require_unchanged();
      return std::nullopt;
    }
    const std::uint64_t size = std::min(kPiece, end_ - at_);
    const auto buffer = std::make_shared_for_overwrite<std::byte[]>(size);
    std::uint64_t done = 0;
    while (done < size) {
      const ssize_t n =
          pread(descriptor_, buffer.get() + done, size - done, static_cast<off_t>(at_ + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw host_error(errno, "read", path_);
      if (n == 0) break;
      done += static_cast<std::uint64_t>(n);
    }
    if (done < size) throw changed_while_read(path_);
    return DataChunk{std::exchange(at_, at_ + size), std::span(buffer.get(), size), buffer};
  }

 private:
  bool find_data() {
    const auto data = next_data(descriptor_, end_, size_);
    if (data) at_ = data->start(), end_ = data->end();
    return data.has_value();
  }

  const std::string& path_;
  HostFile file_;
  int descriptor_;
  std::uint64_t size_;
  std::uint64_t at_ = 0, end_ = 0;  // of the data that is being read
};

class DirectorySource : public EntrySource {
 public:
  DirectorySource(const fs::path& directory, const DirectoryOptions& options)
      : name_(directory.string()), root_(directory.native()), options_(options) {
    struct stat status {};
    if (stat(root_.c_str(), &status) != 0) throw host_error(errno, "open", root_);
    if (!S_ISDIR(status.st_mode)) throw host_error(ENOTDIR, "open", root_);
    while (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
    device_ = status.st_dev;
  }

  const Entry* next() override {
    content_.reset();
    require_no_stop(options_.stop);
    if (!begun_) {
      begun_ = true;
      return take_entry(AT_FDCWD, root_ + "/.", ".", root_ + "/.");
    }
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = std::move(level.names[level.next++]), path = level.path + "/" + name;
      const std::string on_host = root_ + path.substr(1);
      if (!is_left_out(name, on_host))
        return take_entry(level.directory.descriptor(), name, path, on_host);
    }
    return nullptr;
  }

  std::optional<DataChunk> next_chunk() override {
    if (!content_) return std::nullopt;
    require_no_stop(options_.stop);
    std::optional<DataChunk> chunk = content_->read();
    if (chunk) read_bytes_ += chunk->bytes.size();
    return chunk;
  }

  const std::string& name() const override { return name_; }
  Position position() const override { return {read_bytes_, std::nullopt}; }

 private:
  struct Level {
    HostFile directory;
    std::string path;  // as entries have it: "./usr"
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  const Entry* take_entry(int directory, const std::string& name, const std::string& path,
                          const std::string& on_host) {
    on_host_ = on_host;
    HostFile file(directory, name, on_host, HostLinks::AreThemselves);
    const struct stat status = file.status();
    entry_ = file.entry();
    entry_.path = path;
    entry_.atime = std::nullopt;
    if (entry_.uid == options_.root_for_uid) entry_.uid = 0;
    if (entry_.gid == options_.root_for_gid) entry_.gid = 0;
    if (S_ISREG(status.st_mode)) content_.emplace(std::move(file), on_host_);
    if (S_ISDIR(status.st_mode)) {
      std::vector<std::string> names;
      if (!options_.one_file_system || status.st_dev == device_) names = file.names();
      levels_.push_back({std::move(file), path, std::move(names)});
    } else if (status.st_nlink > 1) {
      link_to_earlier(status);
    }
    return &entry_;
  }

  void link_to_earlier(const struct stat& status) {
    const auto [first, is_first] =
        linked_.emplace(std::pair(status.st_dev, status.st_ino), entry_.path);
    if (is_first) return;
    content_.reset();
    entry_.is_hard_link = true;
    entry_.link_target = first->second;
    entry_.size_bytes = 0;
    entry_.xattrs.clear();
  }

  bool is_left_out(const std::string& name, const std::string& on_host) const {
    return std::any_of(options_.leave_out.begin(), options_.leave_out.end(),
                       [&](const fs::path& file) {
                         std::error_code error;
                         return file.filename() == name && fs::equivalent(file, on_host, error);
                       });
  }

  std::string name_, root_, on_host_;
  DirectoryOptions options_;
  dev_t device_ = 0;
  bool begun_ = false;
  std::vector<Level> levels_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  Entry entry_;
  std::optional<ContentOf> content_;
  std::uint64_t read_bytes_ = 0;
};

}  // namespace

std::unique_ptr<EntrySource> open_directory(const fs::path& directory,
                                            const DirectoryOptions& options) {
  return std::make_unique<DirectorySource>(directory, options);
}

}  // namespace rawimg
