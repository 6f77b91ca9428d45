// SPDX-License-Identifier: MIT
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <new>

#include "archive/decoder.h"
#include "archive/input_buffer.h"

namespace rawimg {
namespace {

constexpr int kMinWindowLog = 10, kMaxWindowLog = 31;  // of the format, in 64-bit programs

class ZstdDecoder : public Decoder {
 public:
  ZstdDecoder(StoredInput& input, const DecoderLimits& limits)
      : input_(input, "zstd"), stream_(ZSTD_createDStream()), memory_bytes_(limits.memory_bytes) {
    if (!stream_) throw std::bad_alloc();
    const int window = std::clamp(static_cast<int>(std::bit_width(limits.memory_bytes)) - 1,
                                  kMinWindowLog, kMaxWindowLog);
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window);
  }

  std::size_t decode(std::span<std::byte> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      const auto in = input_.available();
      if (in.empty() && !in_frame_) break;
      ZSTD_inBuffer from{in.data(), in.size(), 0};
      const std::size_t before = to.pos;
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &to, &from);
      input_.use(from.pos);
      if (ZSTD_isError(code)) fail(code);
      in_frame_ = code != 0;
      if (in_frame_ && in.empty() && to.pos == before) input_.fail_truncated();
    }
    return to.pos;
  }

 private:
  [[noreturn]] void fail(std::size_t code) const {
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
      throw Error(
          Errc::BadInput,
          fmt::format(
              "decompressing its zstd data takes a window larger than the {} MiB of memory allowed",
              memory_bytes_ >> 20))
          .with_hint("allow more with --memory");
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    input_.fail(ZSTD_getErrorName(code));
  }

  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };
  InputBuffer input_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  std::uint64_t memory_bytes_;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder(StoredInput& input, const DecoderLimits& limits) {
  return std::make_unique<ZstdDecoder>(input, limits);
}

}  // namespace rawimg
