// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "base/zeros.h"
#include "cli/input.h"
#include "edit/copy.h"
#include "storage/host_file.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kPiece = 1u << 20;

void read_all(int descriptor, const std::string& word, std::uint64_t at, std::uint64_t end,
              const Transaction::ContentSink& sink, const std::stop_token& stop = {}) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kPiece, end - at));
  while (at < end) {
    const auto wanted = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - at));
    const std::size_t n = read_some(descriptor, wanted, stop, quote(word));
    if (n == 0) return;
    sink({at, std::span<const std::byte>(buffer).first(n), nullptr});
    at += n;
  }
}

class HostSource : public CopySource {
 public:
  HostSource(const HostSource* in, const std::string& name, std::string word, ExtFs::Follow follow)
      : word_(std::move(word)),
        file_(in != nullptr ? in->file_.descriptor() : AT_FDCWD, name, word_,
              follow == ExtFs::Follow::All ? HostLinks::AreFollowed : HostLinks::AreThemselves),
        meta_(file_.entry()) {}

  const Entry& meta() const override { return meta_; }
  std::string word() const override { return word_; }
  std::string identity() const override {
    const struct stat& status = file_.status();
    return status.st_nlink > 1 || S_ISDIR(status.st_mode)
               ? fmt::format("{}:{}", status.st_dev, status.st_ino)
               : "";
  }
  std::uint64_t device() const override { return file_.status().st_dev; }
  bool is_file(const HostFileId& file) const override {
    return HostFileId{file_.status().st_dev, file_.status().st_ino} == file;
  }

  std::vector<std::string> names() const override { return file_.names(); }
  std::unique_ptr<CopySource> child(const std::string& name, ExtFs::Follow follow) const override {
    return std::make_unique<HostSource>(this, name, word_ + "/" + name, follow);
  }

  /// Holes are passed over.
  void read(const Transaction::ContentSink& sink) const override {
    const int file = file_.descriptor();
    const std::uint64_t size = meta_.size_bytes;
    if (size == 0) read_all(file, word_, 0, UINT64_MAX, sink);  // /proc has sizes of 0
    for (auto data = next_data(file, 0, size); data; data = next_data(file, data->end(), size)) {
      if (lseek(file, static_cast<off_t>(data->start()), SEEK_SET) < 0)
        throw host_error(errno, "read", word_);
      read_all(file, word_, data->start(), data->end(), sink);
    }
    file_.require_unchanged();
  }

 private:
  std::string word_;
  HostFile file_;
  Entry meta_;
};

class StreamSource : public CopySource {
 public:
  StreamSource(int descriptor, std::string word, std::stop_token stop)
      : descriptor_(descriptor), word_(std::move(word)), stop_(std::move(stop)) {
    meta_.permissions = 0644;
  }
  StreamSource(Descriptor owned, std::string word, std::stop_token stop)
      : descriptor_(owned.get()),
        owned_(std::move(owned)),
        word_(std::move(word)),
        stop_(std::move(stop)) {
    meta_.permissions = 0644;
  }
  const Entry& meta() const override { return meta_; }
  std::string word() const override { return word_; }
  std::string identity() const override { return ""; }
  std::vector<std::string> names() const override { return {}; }
  std::unique_ptr<CopySource> child(const std::string&, ExtFs::Follow) const override {
    return nullptr;
  }
  void read(const Transaction::ContentSink& sink) const override {
    read_all(descriptor_, word_, 0, UINT64_MAX, sink, stop_);
  }

 private:
  int descriptor_;
  std::optional<Descriptor> owned_;
  std::string word_;
  std::stop_token stop_;
  Entry meta_;
};

/// In a filesystem of an image.
class ImageSource : public CopySource {
 public:
  ImageSource(const ExtReader& fs, std::shared_ptr<OpenedFs> keep, std::uint32_t inode,
              const Operand& named)
      : ImageSource(fs, std::move(keep), inode, nullptr, named.path, named.word) {}
  /// `name` in a directory.
  ImageSource(const ImageSource& in, std::uint32_t inode, const std::string& name)
      : ImageSource(in.fs_, in.keep_, inode, &in, name, name) {}

  const Entry& meta() const override { return meta_; }
  std::string word() const override { return joined(&ImageSource::word_); }
  std::string identity() const override {
    if (info_.links < 2 && info_.type != FileType::Directory) return "";
    if (!keep_) return fmt::format(":{}", info_.number);
    struct stat image {};  // which has several names, and may have several filesystems
    if (fstat(keep_->image->descriptor(), &image) != 0) throw host_error(errno, "read", word());
    return fmt::format("{}:{}:{}:{}", image.st_dev, image.st_ino, keep_->start, info_.number);
  }
  bool is(std::uint32_t inode) const override { return !keep_ && info_.number == inode; }
  bool leads_to(std::uint32_t inode) const override {
    if (keep_ || info_.type != FileType::Symlink) return false;
    return fs_.look_up(joined(&ImageSource::path_)) == inode;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const DirEntry& entry : fs_.read_directory(info_.number)) names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
      throw Error(Errc::Corrupt,
                  fmt::format("{} has the name {} twice", quote(word()), quote(*twice)))
          .with_path(word());
    return names;
  }
  std::unique_ptr<CopySource> child(const std::string& name, ExtFs::Follow follow) const override {
    const std::uint32_t inode = follow == ExtFs::Follow::All
                                    ? fs_.resolve(joined(&ImageSource::path_) + "/" + name)
                                    : fs_.find(info_.number, name).value_or(0);
    return std::make_unique<ImageSource>(*this, inode, name);
  }
  void read(const Transaction::ContentSink& sink) const override {
    fs_.read_data(info_.number, [&](std::uint64_t at, std::span<const std::byte> bytes) {
      sink({at, bytes, nullptr});
    });
  }

 private:
  ImageSource(const ExtReader& fs, std::shared_ptr<OpenedFs> keep, std::uint32_t inode,
              const ImageSource* in, std::string path, std::string word)
      : fs_(fs),
        keep_(std::move(keep)),
        info_(fs.inode(inode)),
        in_(in),
        path_(std::move(path)),
        word_(std::move(word)) {
    meta_.type = info_.type;
    meta_.permissions = info_.permissions;
    meta_.uid = info_.uid;
    meta_.gid = info_.gid;
    meta_.mtime = info_.mtime;
    meta_.atime = info_.atime;
    meta_.size_bytes = info_.size_bytes;
    meta_.device_major = info_.device_major;
    meta_.device_minor = info_.device_minor;
    meta_.link_target = info_.symlink_target;
    meta_.xattrs = info_.xattrs;
  }
  /// The parts of this file and of the directories that it is in. An image can nest them so deep
  /// that whole paths at every level would take all memory.
  std::string joined(const std::string ImageSource::*part) const {
    std::vector<const ImageSource*> line;
    for (const ImageSource* at = this; at != nullptr; at = at->in_) line.push_back(at);
    std::string text;
    for (auto at = line.rbegin(); at != line.rend(); ++at)
      text += (text.empty() ? "" : "/") + (*at)->*part;
    return text;
  }

  const ExtReader& fs_;
  std::shared_ptr<OpenedFs> keep_;
  InodeInfo info_;
  const ImageSource* in_;    // the directory that it was found in
  std::string path_, word_;  // as named; below a directory, the name
  Entry meta_;
};

}  // namespace

void read_without_holes(const CopySource& source,
                        const std::function<void(std::span<const std::byte>)>& sink) {
  std::uint64_t done = 0;
  source.read([&](const DataChunk& chunk) {
    put_zeros(chunk.offset - done, sink);
    sink(chunk.bytes);
    done = chunk.offset + chunk.bytes.size();
  });
  put_zeros(std::max(source.meta().size_bytes, done) - done, sink);
}

void require_not_too_deep(const CopySource& directory, std::size_t levels) {
  constexpr std::size_t kMost = 900;
  if (levels > kMost)
    throw Error(Errc::Unsupported,
                fmt::format("{} is nested more than {} deep", quote(directory.word()), kMost));
}

Warning trust_lost(const std::string& word) {
  return {"trust-lost", word,
          fmt::format("{}: setuid, setgid and capabilities are left out, because the copy belongs "
                      "to somebody else",
                      quote(word))};
}

std::unique_ptr<CopySource> open_host_source(const std::string& path, const std::string& word,
                                             ExtFs::Follow follow) {
  return std::make_unique<HostSource>(nullptr, path, word, follow);
}

std::unique_ptr<CopySource> open_host_stream(const std::string& path, const std::string& word,
                                             const std::stop_token& stop) {
  // A FIFO without a writer does not block so; it is waited for where that can be interrupted.
  Descriptor stream(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (stream.get() < 0) throw host_error(errno, "open", word);
  wait_for_input(stream.get(), stop, quote(word));
  fcntl(stream.get(), F_SETFL, fcntl(stream.get(), F_GETFL) & ~O_NONBLOCK);
  return std::make_unique<StreamSource>(std::move(stream), word, stop);
}

std::unique_ptr<CopySource> open_stream_source(int descriptor, const std::string& word,
                                               const std::stop_token& stop) {
  return std::make_unique<StreamSource>(descriptor, word, stop);
}

std::unique_ptr<CopySource> open_source_in(const Transaction& fs, const Operand& file,
                                           ExtFs::Follow follow) {
  const std::uint32_t inode = fs.resolve(file.path, follow);
  return std::make_unique<ImageSource>(fs, nullptr, inode, file);
}

std::unique_ptr<CopySource> open_source_in(std::shared_ptr<OpenedFs> fs, const Operand& file,
                                           ExtFs::Follow follow) {
  const std::uint32_t inode = fs->fs.resolve(file.path, follow);
  const ExtReader& reader = fs->fs;
  return std::make_unique<ImageSource>(reader, std::move(fs), inode, file);
}

}  // namespace rawimg::cli
