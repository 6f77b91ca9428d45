// SPDX-License-Identifier: MIT
#include <rawimg/image_file.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "storage/lock.h"
#include "storage/write_seam.h"

namespace rawimg {
namespace {

static_assert(sizeof(off_t) == 8);

constexpr unsigned kMostReplaced = 100;

bool is_named(const ImageFile& file, const std::filesystem::path& path) {
  struct stat ours {
  }, named{};
  return fstat(file.descriptor(), &ours) == 0 && stat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

ByteRange part_of(ByteRange range, ByteCount file) {
  const std::uint64_t start = std::min(range.start(), file.value);
  return {ByteOffset{start}, ByteCount{std::min(range.size(), file.value - start)}};
}

struct stat stat_of(int descriptor, const std::string& name) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0)
    throw errno_error(errno, fmt::format("cannot stat {}", quote(name))).with_path(name);
  return status;
}

}  // namespace

struct ImageFile::State {
  State(int fd, std::filesystem::path file, Access how)
      : descriptor(fd), path(std::move(file)), access(how) {}
  ~State() { ::close(descriptor); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[noreturn]] void fail(int error, const char* what) const {
    throw errno_error(error, fmt::format("cannot {} {}", what, quote(path.string())))
        .with_path(path.string());
  }

  /// 0, or why the host could not.
  int make_hole(ByteRange range) {
    if (seam) seam->before_punch(range);
    while (fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<off_t>(range.start()), static_cast<off_t>(range.size())) != 0)
      if (errno != EINTR) return errno;
    return 0;
  }

  int descriptor;
  std::filesystem::path path;
  Access access;
  WriteSeam* seam = nullptr;
};

ImageFile::ImageFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageFile::ImageFile(ImageFile&&) noexcept = default;
ImageFile& ImageFile::operator=(ImageFile&&) noexcept = default;
ImageFile::~ImageFile() = default;

ImageFile ImageFile::open(const std::filesystem::path& path, Access access, LockPolicy lock) {
  for (unsigned tries = 0; tries < kMostReplaced; ++tries) {
    ImageFile file = open_unlocked(path, access);
    lock_file(file.descriptor(), path.string(), access, lock);
    // While we waited, another file may have got the name: ours would be changed for nobody.
    if (is_named(file, path)) return file;
  }
  throw Error(Errc::Busy, fmt::format("{} keeps being replaced", quote(path.string())))
      .with_path(path.string());
}

ImageFile ImageFile::open_unlocked(const std::filesystem::path& path, Access access) {
  const std::string name = path.string();
  // O_NONBLOCK: a FIFO in the image's place must not hang us; it means nothing for the regular file
  // that we require.
  const int descriptor = ::open(
      path.c_str(), (access == Access::ReadWrite ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == EISDIR)
      throw Error(Errc::Unsupported, fmt::format("{} is a directory, not an image", quote(name)))
          .with_path(name);
    const bool is_shut = access == Access::ReadWrite && errno != ENOENT;
    throw errno_error(errno,
                      fmt::format("cannot open {}{}", quote(name), is_shut ? " for writing" : ""))
        .with_path(name);
  }
  ImageFile file = adopt(descriptor, path, access);
  if (!S_ISREG(stat_of(descriptor, name).st_mode))
    throw Error(Errc::Unsupported, fmt::format("{} is not a regular file", quote(name)))
        .with_path(name)
        .with_hint("rawimg works on image files, not on devices or directories");
  return file;
}

ImageFile ImageFile::scratch(const std::filesystem::path& path, ByteCount size) {
  const int descriptor = memfd_create("rawimg", MFD_CLOEXEC);
  if (descriptor < 0) throw errno_error(errno, "cannot get memory to try it in");
  ImageFile file = adopt(descriptor, path, Access::ReadWrite);
  file.resize(size);
  return file;
}

ImageFile ImageFile::adopt(int descriptor, const std::filesystem::path& path, Access access) {
  return ImageFile(std::make_unique<State>(descriptor, path, access));
}

const std::filesystem::path& ImageFile::path() const { return state_->path; }
Access ImageFile::access() const { return state_->access; }
int ImageFile::descriptor() const { return state_->descriptor; }
void ImageFile::set_seam(WriteSeam* seam) { state_->seam = seam; }
WriteSeam* ImageFile::seam() const { return state_->seam; }

ByteCount ImageFile::size() const {
  return {static_cast<std::uint64_t>(stat_of(state_->descriptor, state_->path.string()).st_size)};
}

ByteCount ImageFile::allocated() const {
  return {kSectorSize *
          static_cast<std::uint64_t>(stat_of(state_->descriptor, state_->path.string()).st_blocks)};
}

void ImageFile::read_at(ByteOffset at, std::span<std::byte> out) const {
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t n = pread(state_->descriptor, out.data() + done, out.size() - done,
                            static_cast<off_t>(at.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) state_->fail(errno, "read");
    if (n == 0)
      throw Error(Errc::Corrupt,
                  fmt::format("{}: it ends at byte {}, but {} bytes at byte {} are needed",
                              quote(state_->path.string()), at.value + done, out.size(), at.value))
          .with_path(state_->path.string());
    done += static_cast<std::size_t>(n);
  }
}

void ImageFile::write_at(ByteOffset at, std::span<const std::byte> bytes) {
  const iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  write_gather(at, {&piece, 1});
}

void ImageFile::write_gather(ByteOffset at, std::span<const iovec> pieces) {
  const std::uint64_t total =
      std::accumulate(pieces.begin(), pieces.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const iovec& piece) { return sum + piece.iov_len; });
  if (state_->seam) state_->seam->before_write(at, ByteCount{total});
  std::vector<iovec> rest;  // filled only after a short write
  std::uint64_t done = 0;
  while (done < total) {
    const ssize_t n = pwritev(state_->descriptor, pieces.data(), static_cast<int>(pieces.size()),
                              static_cast<off_t>(at.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) state_->fail(errno, "write");
    done += static_cast<std::uint64_t>(n);
    if (done == total) return;
    auto skip = static_cast<std::size_t>(n);
    std::vector<iovec> left;
    for (const iovec& piece : pieces) {
      const std::size_t gone = std::min(skip, piece.iov_len);
      skip -= gone;
      if (gone < piece.iov_len)
        left.push_back({static_cast<std::byte*>(piece.iov_base) + gone, piece.iov_len - gone});
    }
    rest = std::move(left);
    pieces = rest;
  }
}

void ImageFile::discard(ByteRange range) {
  range = part_of(range, size());
  if (range.size() != 0) (void)state_->make_hole(range);
}

void ImageFile::punch(ByteRange range) {
  range = part_of(range, size());
  if (range.size() == 0) return;
  const int error = state_->make_hole(range);
  if (error == 0) return;
  if (error != EOPNOTSUPP && error != ENOSYS) state_->fail(error, "punch a hole into");
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(range.size(), 1u << 20));
  for (std::uint64_t done = 0; done < range.size();) {
    const std::uint64_t n = std::min<std::uint64_t>(zeros.size(), range.size() - done);
    write_at(ByteOffset{range.start() + done}, std::span(zeros).first(n));
    done += n;
  }
}

void ImageFile::reserve(ByteRange range) {
  if (range.size() == 0) return;
  while (fallocate(state_->descriptor, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.start()),
                   static_cast<off_t>(range.size())) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return;
    state_->fail(errno, "reserve room in");
  }
}

void ImageFile::resize(ByteCount size) {
  if (state_->seam) state_->seam->before_resize(size);
  int result = -1;
  if (size.value > static_cast<std::uint64_t>(INT64_MAX))
    errno = EFBIG;
  else
    do result = ftruncate(state_->descriptor, static_cast<off_t>(size.value));
    while (result != 0 && errno == EINTR);
  if (result != 0)
    state_->fail(errno, fmt::format("set the length to {} bytes of", size.value).c_str());
}

void ImageFile::sync() {
  if (state_->seam) state_->seam->before_sync();
  if (fsync(state_->descriptor) != 0) state_->fail(errno, "sync");
}

}  // namespace rawimg
