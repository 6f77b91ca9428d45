// SPDX-License-Identifier: MIT
#include <rawimg/convert.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/partition_table.h>
#include <rawimg/recovery.h>

#include "archive/decoded_stream.h"
#include "base/stop.h"
#include "base/text.h"
#include "storage/sparse_copy.h"

namespace rawimg {
namespace {

/// Into a new file, which reads as zeros where nothing is written.
class Copy {
 public:
  Copy(const std::filesystem::path& to, const ConvertOptions& options)
      : options_(options),
        image_(options.dry_run ? NewImage(to, options.replace, NewImage::DryRun{})
                               : NewImage(to, options.replace, options.lock)) {
    if (options.part_created && !options.dry_run) options.part_created(image_.part_path());
  }

  bool share(const ImageFile& from) {
    return !options_.dry_run && share_blocks(from, image_.file());
  }
  void put(std::uint64_t at, std::span<const std::byte> bytes) {
    in_runs(at, bytes, [&](std::uint64_t from, std::span<const std::byte> run, bool zeros) {
      if (zeros) return;
      data_ += run.size();
      // The first bytes tell what the file is.
      if (!options_.dry_run || from < kCopyPiece) image_.file().write_at(ByteOffset{from}, run);
    });
  }
  ConvertResult finish(const std::string& name, std::uint64_t size, bool shared) {
    if (size == 0)
      throw Error(Errc::BadInput, fmt::format("{} is empty: it holds no image", quote(name)))
          .with_path(name);
    image_.file().resize(ByteCount{size});
    const DiskIdentity disk = identify_disk(image_.file());
    if (disk.kind == DiskKind::OtherFormat)
      throw Error(Errc::Unsupported,
                  fmt::format("{} holds no raw image, but: {}", quote(name), disk.name))
          .with_path(name);
    require_no_stop(options_.stop);
    image_.commit(options_.durability);
    return {ByteCount{size}, ByteCount{data_}, shared};
  }

 private:
  const ConvertOptions& options_;
  NewImage image_;
  std::uint64_t data_ = 0;
};

}  // namespace

ConvertResult convert(int descriptor, const std::string& name, const std::filesystem::path& to,
                      const ConvertOptions& options) {
  DecodedStream stream(descriptor, name, {.threads = options.threads, .stop = options.stop});
  Copy copy(to, options);
  std::uint64_t at = 0;
  const auto take = [&] {
    return with_context(quote(name), [&] { return stream.take(kCopyPiece); });
  };
  while (const auto piece = take()) {
    copy.put(at, piece->bytes);
    at += piece->bytes.size();
  }
  return copy.finish(name, at, false);
}

ConvertResult convert(const std::filesystem::path& from, const std::filesystem::path& to,
                      const ConvertOptions& options) {
  ImageFile image = ImageFile::open(from, Access::ReadOnly, options.lock);
  const std::string name = from.string();
  // A copy would have the mark of an interrupted change, and no undo file beside it.
  require_whole(image);
  std::vector<std::byte> first(std::min<std::uint64_t>(image.size().value, 512));
  image.read_at(ByteOffset{0}, first);
  if (!compression_name(first).empty()) return convert(image.descriptor(), name, to, options);
  Copy copy(to, options);
  const bool shared = copy.share(image);
  if (!shared)
    read_data(image, options.stop,
              [&](std::uint64_t at, std::span<const std::byte> bytes) { copy.put(at, bytes); });
  return copy.finish(name, image.size().value, shared);
}

ByteCount sparsify(ImageFile& image, Sparsify how, const std::stop_token& stop) {
  const std::uint64_t before = image.allocated().value;
  std::uint64_t zeros = 0;
  read_data(image, stop, [&](std::uint64_t at, std::span<const std::byte> bytes) {
    in_runs(at, bytes, [&](std::uint64_t from, std::span<const std::byte> run, bool are_zeros) {
      if (!are_zeros) return;
      zeros += run.size();
      if (how == Sparsify::Now) image.punch({ByteOffset{from}, ByteCount{run.size()}});
    });
  });
  if (how == Sparsify::DryRun) return ByteCount{zeros};
  return ByteCount{before - std::min(before, image.allocated().value)};
}

}  // namespace rawimg
