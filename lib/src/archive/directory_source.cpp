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

#include "base/descriptor.h"
#include "base/text.h"
#include "storage/host_file.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPiece = 1u << 20;

/// An open file, of which what is data is read piece by piece.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : path_(path),
        descriptor_(
            ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {
    if (descriptor_.get() < 0) throw host_error(errno, "open", path);
    if (fstat(descriptor_.get(), &before_) != 0) throw host_error(errno, "read", path);
  }

  const struct stat& status() const { return before_; }
  std::optional<DataChunk> read() {
    if (at_ == end_ && !find_data()) {
      require_unchanged();
      return std::nullopt;
    }
    const std::uint64_t size = std::min(kPiece, end_ - at_);
    const auto buffer = std::make_shared_for_overwrite<std::byte[]>(size);
    std::uint64_t done = 0;
    while (done < size) {
      const ssize_t n = pread(descriptor_.get(), buffer.get() + done, size - done,
                              static_cast<off_t>(at_ + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw host_error(errno, "read", path_);
      if (n == 0) break;
      done += static_cast<std::uint64_t>(n);
    }
    if (done < size) throw changed();
    return DataChunk{std::exchange(at_, at_ + size), std::span(buffer.get(), size), buffer};
  }

 private:
  bool find_data() {
    const auto size = static_cast<std::uint64_t>(before_.st_size);
    const auto data = next_data(descriptor_.get(), end_, size);
    if (data) at_ = data->start(), end_ = data->end();
    return data.has_value();
  }
  void require_unchanged() const {
    struct stat now {};
    if (fstat(descriptor_.get(), &now) != 0 || !same_content(before_, now)) throw changed();
  }
  Error changed() const {
    return Error(Errc::Io, fmt::format("{} changed while it was read", quote(path_)))
        .with_path(path_);
  }

  const std::string& path_;
  Descriptor descriptor_;
  struct stat before_ {};
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
    file_.reset();
    if (options_.stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
    if (!begun_) {
      begun_ = true;
      return take_entry(".", root_ + "/.");
    }
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = std::move(level.names[level.next++]), path = level.path + "/" + name;
      const std::string on_host = root_ + path.substr(1);
      if (!is_left_out(name, on_host)) return take_entry(path, on_host);
    }
    return nullptr;
  }

  std::optional<DataChunk> next_chunk() override {
    if (!file_) return std::nullopt;
    if (options_.stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
    std::optional<DataChunk> chunk = file_->read();
    if (chunk) read_bytes_ += chunk->bytes.size();
    return chunk;
  }

  const std::string& name() const override { return name_; }
  Position position() const override { return {read_bytes_, std::nullopt}; }

 private:
  struct Level {
    std::string path;  // as entries have it: "./usr"
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  const Entry* take_entry(const std::string& path, const std::string& on_host) {
    on_host_ = on_host;
    struct stat status {};
    if (fstatat(AT_FDCWD, on_host.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      throw host_error(errno, "read", on_host);
    if (S_ISREG(status.st_mode)) {
      file_.emplace(on_host_);  // what is open is what counts from here on
      status = file_->status();
    }
    entry_ = host_entry(on_host, status, on_host);
    entry_.path = path;
    entry_.atime = std::nullopt;
    if (entry_.uid == options_.root_for_uid) entry_.uid = 0;
    if (entry_.gid == options_.root_for_gid) entry_.gid = 0;
    if (S_ISDIR(status.st_mode)) {
      levels_.push_back({path, {}, 0});
      if (!options_.one_file_system || status.st_dev == device_)
        levels_.back().names = names_in(on_host, on_host);
    } else if (status.st_nlink > 1) {
      link_to_earlier(status);
    }
    return &entry_;
  }

  void link_to_earlier(const struct stat& status) {
    const auto [first, is_first] =
        linked_.emplace(std::pair(status.st_dev, status.st_ino), entry_.path);
    if (is_first) return;
    file_.reset();
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
  std::optional<OpenFile> file_;
  std::uint64_t read_bytes_ = 0;
};

}  // namespace

std::unique_ptr<EntrySource> open_directory(const fs::path& directory,
                                            const DirectoryOptions& options) {
  return std::make_unique<DirectorySource>(directory, options);
}

}  // namespace rawimg
