// SPDX-License-Identifier: MIT
#include <rawimg/cow_file.h>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/stop.h"
#include "base/text.h"
#include "storage/cow_format.h"
#include "storage/sparse_copy.h"

namespace rawimg {
namespace {

/// Where to look next: the first byte from `at` on that is data in one of the two.
std::uint64_t next_of_both(const ImageFile& a, const ImageFile& b, std::uint64_t at,
                           std::uint64_t size) {
  const auto in_a = next_data(a.descriptor(), at, size), in_b = next_data(b.descriptor(), at, size);
  return std::min(in_a ? in_a->start() : size, in_b ? in_b->start() : size);
}

/// Collects records, and writes them some at a time. The header and the first record come last:
/// what is not finished begins with zeros, as all that is left over does (NewImage).
class RecordWriter {
 public:
  explicit RecordWriter(ImageFile* file) : file_(file) {}

  void add(std::uint64_t sector, std::span<const std::byte> content) {
    ++count_;
    if (file_ == nullptr) return;
    CowSector record;
    record.sector = sector;
    std::memcpy(record.content, content.data(), kSectorSize);
    if (count_ == 1)
      first_ = record;
    else
      pending_.push_back(record);
    if (pending_.size() == kAtOnce) flush();
  }
  std::uint64_t finish() {
    if (file_ == nullptr) return count_;
    flush();
    CowHeader header;
    std::memcpy(header.magic, kCowMagic.data(), sizeof header.magic);
    header.major_version = kCowMajor;
    header.minor_version = kCowMinor;
    header.count = count_;
    const std::array<iovec, 2> head{iovec{&header, sizeof header},
                                    iovec{&first_, count_ == 0 ? 0 : sizeof first_}};
    file_->write_gather(ByteOffset{0}, head);
    return count_;
  }

 private:
  static constexpr std::size_t kAtOnce = 2016;  // about 1 MiB

  void flush() {
    if (pending_.empty()) return;
    const std::uint64_t before = count_ - pending_.size();
    file_->write_at(ByteOffset{sizeof(CowHeader) + before * sizeof(CowSector)},
                    std::as_bytes(std::span(pending_)));
    pending_.clear();
  }

  ImageFile* file_;
  CowSector first_{};
  std::vector<CowSector> pending_;
  std::uint64_t count_ = 0;
};

void require_comparable(const ImageFile& base, const ImageFile& changed) {
  const std::uint64_t size = base.size().value, other = changed.size().value;
  const std::string a = quote(base.path().string()), b = quote(changed.path().string());
  if (size != other)
    throw Error(Errc::Mismatch,
                fmt::format("{} has {} bytes and {} has {}: a COW file is about images of one "
                            "length",
                            a, size, b, other))
        .with_path(changed.path().string());
  const std::size_t rest = size % kSectorSize;
  std::array<std::byte, kSectorSize> in_a, in_b;
  base.read_at(ByteOffset{size - rest}, std::span(in_a).first(rest));
  changed.read_at(ByteOffset{size - rest}, std::span(in_b).first(rest));
  if (std::memcmp(in_a.data(), in_b.data(), rest) != 0)
    throw Error(Errc::Unsupported,
                fmt::format("{} and {} differ in their last {} bytes, which are no whole sector: a "
                            "COW file cannot say so",
                            a, b, rest))
        .with_path(changed.path().string());
}

}  // namespace

std::uint64_t make_cow(const ImageFile& base, const ImageFile& changed, ImageFile* layer,
                       const std::stop_token& stop) {
  require_comparable(base, changed);
  const std::uint64_t end = base.size().value / kSectorSize * kSectorSize;
  RecordWriter writer(layer);
  std::vector<std::byte> old(kCopyPiece), now(kCopyPiece);
  for (std::uint64_t at = 0; (at = next_of_both(base, changed, at, end)) < end;) {
    require_no_stop(stop);
    at -= at % kSectorSize;
    const std::size_t length = std::min(kCopyPiece - at % kCopyPiece, end - at);
    base.read_at(ByteOffset{at}, std::span(old).first(length));
    changed.read_at(ByteOffset{at}, std::span(now).first(length));
    for (std::size_t from = 0; from < length; from += kSectorSize)
      if (std::memcmp(old.data() + from, now.data() + from, kSectorSize) != 0)
        writer.add((at + from) / kSectorSize, std::span(now).subspan(from, kSectorSize));
    at += length;
  }
  return writer.finish();
}

}  // namespace rawimg
