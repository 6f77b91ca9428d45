// SPDX-License-Identifier: MIT
//
// Why not libarchive's own filters for these three: its xz filter has one thread (a stage3 has a hundred independent blocks), and its gzip and zstd filters are slower than the libraries used here
// and stop in silence at damage behind the first stream.
#include "archive/decoder.h"

#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::size_t kInputSize = 256 * 1024;
constexpr std::size_t kMagicSize = 6;
constexpr int kMaxWindowLog = 31;  // of the zstd format in 64-bit programs

/// Compressed bytes, refilled from the input as they are used.
class InputBuffer {
 public:
  explicit InputBuffer(StoredInput& input) : input_(input), bytes_(kInputSize) {}

  /// What is left; refilled when empty. Empty at the end of the input.
  std::span<const std::byte> available() {
    if (used_ == size_ && !at_end_) {
      used_ = 0;
      size_ = input_.read(bytes_);
      at_end_ = size_ == 0;
    }
    return std::span(bytes_).subspan(used_, size_ - used_);
  }
  void use(std::size_t count) { used_ += count; }
  bool at_end() { return available().empty(); }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(Errc::BadInput, fmt::format("{} at about byte {} of {}", why, input_.position() - (size_ - used_), quote(input_.name()))).with_path(input_.name());
  }
  /// A truncated stream, or a stop that looks like one.
  [[noreturn]] void fail_truncated(std::string_view what) const {
    if (input_.stopped()) throw Error(Errc::Interrupted, "interrupted");
    fail(fmt::format("the {} data is truncated: it ends", what));
  }

 private:
  StoredInput& input_;
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0, size_ = 0;
  bool at_end_ = false;
};

class PlainDecoder : public Decoder {
 public:
  explicit PlainDecoder(StoredInput& input) : input_(input) {}
  std::size_t decode(std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size()) {  // a pipe gives 64 KiB at a time
      const std::size_t n = input_.read(out.subspan(done));
      if (n == 0) break;
      done += n;
      if (!input_.total()) break;  // but whoever listens to a slow one need not wait for a full buffer
    }
    return done;
  }

 private:
  StoredInput& input_;
};

class XzDecoder : public Decoder {
 public:
  XzDecoder(StoredInput& input, const DecoderLimits& limits) : input_(input) {
    lzma_mt options{};
    options.flags = LZMA_CONCATENATED;
    options.threads = limits.threads;
    options.memlimit_threading = limits.memory_bytes;  // fewer threads rather than more memory
    options.memlimit_stop = limits.memory_bytes;
    const lzma_ret code = lzma_stream_decoder_mt(&stream_, &options);
    if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (code != LZMA_OK) throw Error(Errc::Io, fmt::format("liblzma does not start: code {}", static_cast<int>(code)));
  }
  ~XzDecoder() override { lzma_end(&stream_); }

  std::size_t decode(std::span<std::byte> out) override {
    if (ended_) return 0;
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    while (stream_.avail_out != 0 && !ended_) {
      const auto in = input_.available();
      stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
      stream_.avail_in = in.size();
      const lzma_ret code = lzma_code(&stream_, in.empty() ? LZMA_FINISH : LZMA_RUN);
      input_.use(in.size() - stream_.avail_in);
      check(code);
    }
    return out.size() - stream_.avail_out;
  }

 private:
  void check(lzma_ret code) {
    switch (code) {
      case LZMA_OK: return;
      case LZMA_STREAM_END: ended_ = true; return;
      case LZMA_BUF_ERROR: input_.fail_truncated("xz");
      case LZMA_MEM_ERROR: throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        throw Error(Errc::BadInput, fmt::format("decompressing takes {} MiB of memory, more than allowed", (lzma_memusage(&stream_) + (1u << 20) - 1) >> 20)).with_hint("allow more with --memory");
      default: input_.fail("the xz data is damaged");
    }
  }

  InputBuffer input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

class GzipDecoder : public Decoder {
 public:
  explicit GzipDecoder(StoredInput& input) : input_(input) { begin_member(); }

  std::size_t decode(std::span<std::byte> out) override {
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(out.size());
    while (state_->avail_out != 0 && !ended_) {
      if (state_->block_state == ISAL_BLOCK_FINISH && !next_member()) break;
      const auto in = input_.available();
      if (in.empty()) input_.fail_truncated("gzip");
      state_->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(in.data()));
      state_->avail_in = static_cast<std::uint32_t>(in.size());
      const int code = isal_inflate(state_.get());
      input_.use(in.size() - state_->avail_in);
      if (code == ISAL_INCORRECT_CHECKSUM) input_.fail("the gzip data is damaged: a checksum is wrong");
      if (code < 0) input_.fail("the gzip data is damaged");
    }
    return out.size() - state_->avail_out;
  }

 private:
  void begin_member() {
    std::uint8_t* const out = state_->next_out;
    const std::uint32_t room = state_->avail_out;
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;  // header, checksum and length of each member
    state_->next_out = out;
    state_->avail_out = room;
  }

  /// gzip files may be several members in a row; zeros behind the last one are padding.
  bool next_member() {
    const auto in = input_.available();
    if (in.empty()) return !(ended_ = true);
    if (in[0] == std::byte{0x1F}) {
      begin_member();
      return true;
    }
    while (!input_.at_end()) {
      const auto rest = input_.available();
      if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; })) input_.fail("there is something behind the gzip data");
      input_.use(rest.size());
    }
    return !(ended_ = true);
  }

  InputBuffer input_;
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  bool ended_ = false;
};

class ZstdDecoder : public Decoder {
 public:
  ZstdDecoder(StoredInput& input, const DecoderLimits& limits) : input_(input), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
    const int window = std::clamp(static_cast<int>(std::bit_width(limits.memory_bytes)) - 1, 10, kMaxWindowLog);
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window);
  }

  std::size_t decode(std::span<std::byte> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      const auto in = input_.available();
      ZSTD_inBuffer from{in.data(), in.size(), 0};
      const std::size_t before = to.pos;
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &to, &from);
      input_.use(from.pos);
      if (ZSTD_isError(code)) input_.fail(fmt::format("the zstd data is damaged ({})", ZSTD_getErrorName(code)));
      if (!in.empty()) in_frame_ = code != 0;
      if (in.empty() && to.pos == before) {
        if (in_frame_) input_.fail_truncated("zstd");
        break;
      }
    }
    return to.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };
  InputBuffer input_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(StoredInput& input, const DecoderLimits& limits) {
  using namespace std::string_view_literals;
  const auto first = input.peek(kMagicSize);
  const std::string_view magic(reinterpret_cast<const char*>(first.data()), first.size());
  if (magic.starts_with("\xFD"sv "7zXZ\0"sv)) return std::make_unique<XzDecoder>(input, limits);
  if (magic.starts_with("\x1F\x8B\x08"sv)) return std::make_unique<GzipDecoder>(input);
  const bool skippable = magic.size() >= 4 && (static_cast<unsigned char>(magic[0]) & 0xF0) == 0x50 && magic.substr(1, 3) == "\x2A\x4D\x18"sv;
  if (magic.starts_with("\x28\xB5\x2F\xFD"sv) || skippable) return std::make_unique<ZstdDecoder>(input, limits);
  return std::make_unique<PlainDecoder>(input);
}

}  // namespace rawimg
