// SPDX-License-Identifier: MIT
#include <rawimg/convert.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/partition_table.h>
#include <rawimg/recovery.h>

#include "archive/decoded_stream.h"
#include "base/text.h"
#include "base/zeros.h"
#include "storage/host_file.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kPiece = 1u << 20, kBlock = 4096;

/// Calls action(offset, bytes, are zeros) for runs of blocks that are zeros, or are not. Blocks are
/// those of the file, in which the bytes begin at `at`.
template <class Action>
void in_runs(std::uint64_t at, std::span<const std::byte> bytes, Action action) {
  const auto block_at = [&](std::size_t from) {
    return bytes.subspan(
        from, std::min<std::uint64_t>(kBlock - (at + from) % kBlock, bytes.size() - from));
  };
  for (std::size_t begin = 0; begin < bytes.size();) {
    const bool zeros = is_zeros(block_at(begin));
    std::size_t end = begin + block_at(begin).size();
    while (end < bytes.size() && is_zeros(block_at(end)) == zeros) end += block_at(end).size();
    action(at + begin, bytes.subspan(begin, end - begin), zeros);
    begin = end;
  }
}

void require_no_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
}

/// Calls action(offset, bytes) for what is data, at most 1 MiB at a time.
template <class Action>
void read_data(const ImageFile& image, const std::stop_token& stop, Action action) {
  const std::uint64_t size = image.size().value;
  std::vector<std::byte> buffer(kPiece);
  for (auto data = next_data(image.descriptor(), 0, size); data;
       data = next_data(image.descriptor(), data->end(), size)) {
    for (std::uint64_t from = data->start(); from < data->end();) {
      require_no_stop(stop);
      const auto piece =
          std::span(buffer).first(std::min(kPiece - from % kPiece, data->end() - from));
      image.read_at(ByteOffset{from}, piece);
      action(from, std::span<const std::byte>(piece));
      from += piece.size();
    }
  }
}

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
    return !options_.dry_run && ioctl(image_.file().descriptor(), FICLONE, from.descriptor()) == 0;
  }
  void put(std::uint64_t at, std::span<const std::byte> bytes) {
    in_runs(at, bytes, [&](std::uint64_t from, std::span<const std::byte> run, bool zeros) {
      if (zeros) return;
      data_ += run.size();
      // The first bytes tell what the file is.
      if (!options_.dry_run || from < kPiece) image_.file().write_at(ByteOffset{from}, run);
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

/// A copy would have the mark of an interrupted change, and no undo file beside it.
void require_whole(ImageFile& image) {
  const Recovery::Outcome outcome = recover(image, Durability::NoSync, Recover::DryRun).outcome;
  if (outcome != Recovery::Outcome::RolledBack && outcome != Recovery::Outcome::Finished) return;
  throw Error(Errc::Dirty,
              fmt::format("a change of {} was interrupted", quote(image.path().string())))
      .with_path(image.path().string())
      .with_hint("run 'rawimg recover " + shell_word(image.path().string()) + "' first");
}

}  // namespace

ConvertResult convert(int descriptor, const std::string& name, const std::filesystem::path& to,
                      const ConvertOptions& options) {
  DecodedStream stream(descriptor, name, {.threads = options.threads, .stop = options.stop});
  Copy copy(to, options);
  std::uint64_t at = 0;
  const auto take = [&] { return with_context(quote(name), [&] { return stream.take(kPiece); }); };
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
