// SPDX-License-Identifier: MIT
#include "ext/undo_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/endian.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "ext/libext2fs.h"
#include "storage/host_file.h"
#include "storage/sync_directory.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic("rawimg undo 1\n\0\0", 16);
constexpr std::size_t kIdAt = 16, kSignedFrom = 48, kHeader = 96, kRange = 80,
                      kFixed = kHeader + kSuperblockSize;
constexpr std::uint64_t kPiece = 1u << 20, kMostRanges = 1u << 24;

struct Header {
  std::array<char, 16> magic;
  std::array<std::uint8_t, 32> id;
  LittleEndian<std::uint64_t> image_bytes, window_start, window_size, ranges, payload, zero;
};
static_assert(sizeof(Header) == kHeader);

/// A file of ours that goes when it does not come to its end.
class NewFile {
 public:
  explicit NewFile(const fs::path& path)
      : path_(path),
        descriptor_(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0 && errno == EEXIST)
      throw Error(Errc::Exists, fmt::format("{} exists", quote(path.string())))
          .with_path(path.string());
    if (descriptor_ < 0)
      throw errno_error(errno, fmt::format("cannot create {}", quote(path.string())))
          .with_path(path.string());
  }
  ~NewFile() {
    ::close(descriptor_);
    if (!done_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) { write_all(descriptor_, bytes, path_.string()); }
  void finish(Durability durability) {
    if (durability == Durability::Sync) {
      if (fsync(descriptor_) != 0)
        throw errno_error(errno, fmt::format("cannot sync {}", quote(path_.string())))
            .with_path(path_.string());
      sync_directory_of(path_);
    }
    done_ = true;
  }

 private:
  const fs::path& path_;
  int descriptor_;
  bool done_ = false;
};

Sha256::Value digest_of(std::span<const std::byte> bytes) {
  Sha256 digest;
  digest.add(bytes);
  return digest.finish();
}

uid_t owner_of(const ImageFile& image) {
  struct stat own {};
  if (fstat(image.descriptor(), &own) != 0)
    throw errno_error(errno, fmt::format("cannot read {}", quote(image.path().string())));
  return own.st_uid;
}

bool is_trusted(uid_t user, const ImageFile& image) {
  return user == geteuid() || user == 0 || user == owner_of(image);
}

void require_trusted_owner(const struct stat& undo, const fs::path& path, const ImageFile& image) {
  if (!is_trusted(undo.st_uid, image))
    throw Error(Errc::Dirty, fmt::format("{} belongs to user {}, and the image to user {}",
                                         quote(path.string()), undo.st_uid, owner_of(image)))
        .with_path(path.string())
        .with_hint("if it is right, give it to the image's owner; else remove it");
}

/// The real file's name, so that an image has one undo file, whichever symlink it is opened by.
fs::path beside(const ImageFile& image, std::string_view suffix) {
  std::error_code error;
  fs::path real = fs::canonical(image.path(), error);
  if (error) real = image.path();
  return real += suffix;
}

std::uint64_t payload_of(std::span<const UndoFile::Range> ranges) {
  std::uint64_t bytes = 0;
  for (const UndoFile::Range& range : ranges) bytes += range.size;
  return bytes;
}

/// Calls action(at, bytes) for the range, at most 1 MiB at a time.
template <class Read, class Action>
void in_pieces(std::uint64_t at, std::uint64_t size, Read read, Action action) {
  std::vector<std::byte> buffer;
  for (std::uint64_t done = 0; done < size; done += buffer.size()) {
    buffer.resize(std::min(kPiece, size - done));
    read(at + done, std::span(buffer));
    action(at + done, std::span<const std::byte>(buffer));
  }
}

}  // namespace

SuperblockBytes marked_superblock(const SuperblockBytes& before, std::span<const std::uint8_t> id) {
  ext2_super_block super;
  static_assert(sizeof super == kSuperblockSize);
  std::memcpy(&super, before.data(), sizeof super);
  super.s_feature_incompat |= ext2fs_cpu_to_le32(kUnusableMark);
  if (!id.empty())
    std::memcpy(super.s_reserved, id.data(), std::min(id.size(), sizeof super.s_reserved));
  if (super.s_feature_ro_compat & ext2fs_cpu_to_le32(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM))
    super.s_checksum =
        ext2fs_cpu_to_le32(ext2fs_crc32c_le(~0U, reinterpret_cast<const unsigned char*>(&super),
                                            offsetof(ext2_super_block, s_checksum)));
  SuperblockBytes marked;
  std::memcpy(marked.data(), &super, sizeof super);
  return marked;
}

fs::path undo_path(const ImageFile& image) { return beside(image, kUndoSuffix); }
fs::path kept_path(const ImageFile& image) { return beside(image, kKeptSuffix); }

bool may_be_undone(const fs::path& path, const ImageFile& image) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         is_trusted(status.st_uid, image);
}

std::uint64_t UndoFile::payload_bytes() const { return payload_of(ranges_); }

std::vector<std::byte> UndoFile::head() const {
  Header header{};
  std::copy(kMagic.begin(), kMagic.end(), header.magic.begin());
  header.id = id_;
  header.image_bytes = image_bytes_;
  header.window_start = window_.start();
  header.window_size = window_.size();
  header.ranges = ranges_.size();
  header.payload = payload_bytes();
  std::vector<std::byte> bytes(kFixed + ranges_.size() * kRange);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::copy(after_.begin(), after_.end(), bytes.begin() + kHeader);
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    std::byte* to = bytes.data() + kFixed + i * kRange;
    const LittleEndian<std::uint64_t> at = ranges_[i].at, size = ranges_[i].size;
    std::memcpy(to, &at, 8);
    std::memcpy(to + 8, &size, 8);
    std::memcpy(to + 16, ranges_[i].before.data(), 32);
    std::memcpy(to + 48, ranges_[i].after.data(), 32);
  }
  return bytes;
}

Error UndoFile::damaged(const std::string& why) const {
  const std::string path = file_->path().string();
  return Error(Errc::BadInput, fmt::format("{} is damaged: {}", quote(path), why)).with_path(path);
}

UndoFile UndoFile::write(const fs::path& path, const Window& where,
                         std::span<const ByteRange> ranges, const WindowReader& after,
                         Durability durability) {
  UndoFile undo;
  undo.window_ = where.range();
  undo.image_bytes_ = where.file().size().value;
  const auto read_before = [&](std::uint64_t at, std::span<std::byte> out) {
    where.read_at(at, out);
  };
  const auto read_after = [&](std::uint64_t at, std::span<std::byte> out) {
    after.read_at(at, out);
  };
  read_before(kSuperblockAt, undo.before_);
  read_after(kSuperblockAt, undo.after_);
  for (const ByteRange& range : ranges) {
    Sha256 before, behind;
    in_pieces(range.start(), range.size(), read_before,
              [&](std::uint64_t, auto bytes) { before.add(bytes); });
    in_pieces(range.start(), range.size(), read_after,
              [&](std::uint64_t, auto bytes) { behind.add(bytes); });
    undo.ranges_.push_back({range.start(), range.size(), before.finish(), behind.finish(), 0});
  }
  std::vector<std::byte> head = undo.head();
  undo.id_ = digest_of(std::span(head).subspan(kSignedFrom));

  NewFile file(path);
  head = undo.head();  // with the id
  file.write(head);
  for (const ByteRange& range : ranges)
    in_pieces(range.start(), range.size(), read_before,
              [&](std::uint64_t, auto bytes) { file.write(bytes); });
  const Sha256::Value trailer = digest_of(std::span(head).first(kFixed));
  file.write(std::as_bytes(std::span(trailer)));
  file.finish(durability);
  return undo;
}

std::optional<UndoFile> UndoFile::read(const fs::path& path, const ImageFile& image) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return std::nullopt;
  if (descriptor < 0 && errno == ELOOP)
    throw Error(Errc::BadInput, fmt::format("{} is damaged: it is a symlink", quote(path.string())))
        .with_path(path.string());
  if (descriptor < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(path.string())))
        .with_path(path.string());
  UndoFile undo;
  undo.file_ =
      std::make_shared<const ImageFile>(ImageFile::adopt(descriptor, path, Access::ReadOnly));
  const ImageFile& file = *undo.file_;
  struct stat status {};
  if (fstat(descriptor, &status) != 0)
    throw errno_error(errno, fmt::format("cannot read {}", quote(path.string())))
        .with_path(path.string());
  require_trusted_owner(status, path, image);
  if (!S_ISREG(status.st_mode)) throw undo.damaged("it is not a regular file");
  const std::uint64_t length = file.size().value;
  if (length < kFixed + sizeof(Sha256::Value)) throw undo.damaged("it was never finished");
  Header header;
  file.read_at(ByteOffset{0}, std::as_writable_bytes(std::span(&header, 1)));
  if (!std::equal(kMagic.begin(), kMagic.end(), header.magic.begin()))
    throw undo.damaged("it does not begin as an undo file does");
  if (header.ranges > kMostRanges || header.ranges == 0 || header.payload > length ||
      kFixed + header.ranges * kRange + header.payload + sizeof(Sha256::Value) != length)
    throw undo.damaged("it was never finished");
  std::vector<std::byte> head(kFixed);
  file.read_at(ByteOffset{0}, head);
  Sha256::Value trailer;
  file.read_at(ByteOffset{length - sizeof trailer}, std::as_writable_bytes(std::span(trailer)));
  if (trailer != digest_of(head)) throw undo.damaged("it was never finished");
  head.resize(kFixed + header.ranges * kRange);  // not before: it may be a GiB of nothing
  file.read_at(ByteOffset{kFixed}, std::span(head).subspan(kFixed));
  if (header.id != digest_of(std::span(head).subspan(kSignedFrom)))
    throw undo.damaged("its id is not that of its content");

  undo.id_ = header.id;
  undo.image_bytes_ = header.image_bytes;
  undo.window_ = ByteRange{ByteOffset{header.window_start}, ByteCount{header.window_size}};
  std::copy_n(head.begin() + kHeader, kSuperblockSize, undo.after_.begin());
  std::uint64_t end = 0, in_file = kFixed + header.ranges * kRange;
  bool has_superblock = false;
  for (std::uint64_t i = 0; i < header.ranges; ++i) {
    const std::byte* from = head.data() + kFixed + i * kRange;
    LittleEndian<std::uint64_t> at, size;
    std::memcpy(&at, from, 8);
    std::memcpy(&size, from + 8, 8);
    Range range{at, size, {}, {}, in_file};
    std::memcpy(range.before.data(), from + 16, 32);
    std::memcpy(range.after.data(), from + 48, 32);
    if (range.at < end || range.size == 0 || range.size > undo.window_.size() ||
        range.at > undo.window_.size() - range.size)
      throw undo.damaged("its ranges are out of order");
    end = range.at + range.size;
    in_file += range.size;
    has_superblock =
        has_superblock || (range.at <= kSuperblockAt && end >= kSuperblockAt + kSuperblockSize);
    undo.ranges_.push_back(range);
  }
  if (!has_superblock || payload_of(undo.ranges_) != header.payload ||
      undo.window_.end() > undo.image_bytes_)
    throw undo.damaged("its ranges do not add up");
  undo.read_pre_images([](std::uint64_t, std::span<const std::byte>) {});  // all of it is right
  undo.overlay_pre_images(kSuperblockAt, undo.before_);
  return undo;
}

std::optional<std::uint64_t> UndoFile::claimed_start(const fs::path& path) {
  std::error_code none;
  if (!fs::is_regular_file(fs::symlink_status(path, none))) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  Header header{};
  if (!in.read(reinterpret_cast<char*>(&header), sizeof header) ||
      !std::equal(kMagic.begin(), kMagic.end(), header.magic.begin()))
    return std::nullopt;
  return header.window_start;
}

void UndoFile::read_pre_images(
    const std::function<void(std::uint64_t, std::span<const std::byte>)>& sink) const {
  for (const Range& range : ranges_) {
    const auto read = [&](std::uint64_t at, std::span<std::byte> out) {
      file_->read_at(ByteOffset{range.in_file + (at - range.at)}, out);
    };
    // Twice: nothing is handed out before all of the range is known to be right.
    Sha256 digest;
    in_pieces(range.at, range.size, read, [&](std::uint64_t, auto bytes) { digest.add(bytes); });
    if (digest.finish() != range.before)
      throw damaged(fmt::format("the pre-image of byte {} is wrong", range.at));
    in_pieces(range.at, range.size, read, sink);
  }
}

bool UndoFile::is_last_change(ImageFile& image) const {
  if (image.size().value != image_bytes_) return false;
  const Window where(image, window_);
  const auto read = [&](std::uint64_t at, std::span<std::byte> out) { where.read_at(at, out); };
  return std::all_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    Sha256 digest;
    in_pieces(range.at, range.size, read, [&](std::uint64_t, auto bytes) { digest.add(bytes); });
    return digest.finish() == range.after;
  });
}

void UndoFile::overlay_pre_images(std::uint64_t at, std::span<std::byte> bytes) const {
  const std::uint64_t end = at + bytes.size();
  auto range = std::upper_bound(ranges_.begin(), ranges_.end(), at,
                                [](std::uint64_t byte, const Range& r) { return byte < r.at; });
  if (range != ranges_.begin()) --range;
  for (; range != ranges_.end() && range->at < end; ++range) {
    const std::uint64_t begin = std::max(at, range->at),
                        behind = std::min(end, range->at + range->size);
    if (begin < behind)
      file_->read_at(ByteOffset{range->in_file + (begin - range->at)},
                     bytes.subspan(begin - at, behind - begin));
  }
}

}  // namespace rawimg
