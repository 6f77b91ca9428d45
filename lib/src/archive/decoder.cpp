// SPDX-License-Identifier: MIT
#include "archive/decoder.h"

#include <archive.h>

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/tar_header.h"

namespace rawimg {
namespace {

using namespace std::string_view_literals;

enum class Method { Xz, Lzma, Lzip, Gzip, Zstd, Bzip2, Lz4, Compress, NotRead };

struct Magic {
  std::string_view bytes;
  Method method;
  std::string_view name;
};

constexpr std::array kMagics{
    Magic{"\xFD"
          "7zXZ\0"sv,
          Method::Xz, "xz"},
    Magic{"\x1F\x8B"sv, Method::Gzip, "gzip"},
    Magic{"\x28\xB5\x2F\xFD"sv, Method::Zstd, "zstd"},
    Magic{"BZh"sv, Method::Bzip2, "bzip2"},
    Magic{"\x04\x22\x4D\x18"sv, Method::Lz4, "lz4"},
    Magic{"\x02\x21\x4C\x18"sv, Method::Lz4, "lz4"},
    Magic{"LZIP"sv, Method::Lzip, "lzip"},
    Magic{"\x1F\x9D"sv, Method::Compress, "compress"},
    Magic{"LRZI"sv, Method::NotRead, "lrzip"},
    Magic{"\x89LZO\0\r\n\x1A\n"sv, Method::NotRead, "lzop"},
    Magic{"\x1F\xA0"sv, Method::NotRead, "compress -H"},
    Magic{"\x1F\x1E"sv, Method::NotRead, "pack"},
};

/// A skippable frame, with which zstd and lz4 files may begin; zstd's are the ones in use (pzstd).
bool is_skippable_frame(std::string_view first) {
  return first.size() >= 4 && (static_cast<unsigned char>(first[0]) & 0xF0) == 0x50 &&
         first.substr(1, 3) == "\x2A\x4D\x18"sv;
}

/// .lzma has no magic: properties below 225, a dictionary of 2^n or 2^n + 2^(n-1) bytes, and a
/// length that is unknown or from 1 byte to below 256 GiB, which is about what xz(1) goes by.
bool is_lzma_alone(std::string_view first) {
  constexpr std::size_t kHeader = 13;
  constexpr std::uint64_t kUnknown = UINT64_MAX, kLongest = 1ULL << 38;
  if (first.size() < kHeader || static_cast<unsigned char>(first[0]) >= 225) return false;
  const auto little_endian = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i > 0; --i)
      value = value << 8 | static_cast<unsigned char>(first[at + i - 1]);
    return value;
  };
  const std::uint64_t dictionary = little_endian(1, 4), length = little_endian(5, 8);
  const bool known_size = std::has_single_bit(dictionary) ||
                          (dictionary % 3 == 0 && std::has_single_bit(dictionary / 3)) ||
                          dictionary == UINT32_MAX;
  return known_size && dictionary >= 4096 &&
         (length == kUnknown || (length != 0 && length < kLongest));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const Magic* find_magic(std::string_view first) {
  static constexpr Magic kSkippable{""sv, Method::Zstd, "zstd"}, kAlone{""sv, Method::Lzma, "lzma"};
  const auto found = std::ranges::find_if(
      kMagics, [&](const Magic& magic) { return first.starts_with(magic.bytes); });
  if (found != kMagics.end()) return &*found;
  if (is_skippable_frame(first)) return &kSkippable;
  return is_lzma_alone(first) ? &kAlone : nullptr;
}

class PlainDecoder : public Decoder {
 public:
  explicit PlainDecoder(StoredInput& input) : input_(input) {}
  std::size_t decode(std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size()) {  // a pipe gives 64 KiB or less at a time
      const std::size_t n = input_.read(out.subspan(done));
      if (n == 0) break;
      done += n;
    }
    return done;
  }
  bool knows_its_end() const override { return false; }

 private:
  StoredInput& input_;
};

}  // namespace

std::string_view compression_name(std::span<const std::byte> first) {
  const Magic* magic = find_magic(as_text(first));
  return magic != nullptr ? magic->name : std::string_view{};
}

std::unique_ptr<Decoder> make_decoder(StoredInput& input, const DecoderLimits& limits) {
  const auto first = input.peek(kTarBlock);
  // A tar archive begins with the name of its first member, which may look like any magic; its
  // checksum is the stronger sign.
  if (first.size() >= kTarBlock && TarHeader(first).checksum_fits())
    return std::make_unique<PlainDecoder>(input);
  const Magic* magic = find_magic(as_text(first));
  if (magic == nullptr) return std::make_unique<PlainDecoder>(input);
  switch (magic->method) {
    case Method::Xz:
      return make_lzma_decoder(input, LzmaFormat::Xz, limits);
    case Method::Lzma:
      return make_lzma_decoder(input, LzmaFormat::Alone, limits);
    case Method::Lzip:
      return make_lzma_decoder(input, LzmaFormat::Lzip, limits);
    case Method::Gzip:
      return make_gzip_decoder(input);
    case Method::Zstd:
      return make_zstd_decoder(input, limits);
    case Method::Bzip2:
      return make_libarchive_decoder(input, ARCHIVE_FILTER_BZIP2, magic->name);
    case Method::Lz4:
      return make_libarchive_decoder(input, ARCHIVE_FILTER_LZ4, magic->name);
    case Method::Compress:
      return make_libarchive_decoder(input, ARCHIVE_FILTER_COMPRESS, magic->name);
    case Method::NotRead:
      break;
  }
  throw Error(Errc::BadInput,
              fmt::format("it is compressed with {}, which is not read here", magic->name))
      .with_path(input.name())
      .with_hint("decompress it first");
}

}  // namespace rawimg
