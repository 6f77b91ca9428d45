// SPDX-License-Identifier: MIT
//
// liblzma for its three containers. For .xz its threaded decoder: a stage3 is one stream of many
// blocks whose headers have their sizes, which decode side by side.
#include <lzma.h>

#include <array>
#include <new>

#include "archive/decoder.h"
#include "archive/input_buffer.h"

namespace rawimg {
namespace {

constexpr std::array<std::string_view, 3> kNames{"xz", "lzma", "lzip"};

class LzmaDecoder : public Decoder {
 public:
  LzmaDecoder(StoredInput& input, LzmaFormat format, const DecoderLimits& limits)
      : input_(input, kNames[static_cast<std::size_t>(format)]),
        memory_bytes_(limits.memory_bytes) {
    const lzma_ret code = start(format, limits);
    if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (code != LZMA_OK)
      throw Error(Errc::Io, fmt::format("liblzma does not start: code {}", static_cast<int>(code)));
  }
  ~LzmaDecoder() override { lzma_end(&stream_); }
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;

  std::size_t decode(std::span<std::byte> out) override {
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
  bool knows_its_end() const override { return !trailing_; }

 private:
  lzma_ret start(LzmaFormat format, const DecoderLimits& limits) {
    if (format == LzmaFormat::Alone) return lzma_alone_decoder(&stream_, memory_bytes_);
    if (format == LzmaFormat::Lzip)
      return lzma_lzip_decoder(&stream_, memory_bytes_, LZMA_CONCATENATED);
    lzma_mt options{};
    options.flags = LZMA_CONCATENATED;
    options.threads = limits.threads;
    options.memlimit_threading = memory_bytes_;  // fewer threads rather than more memory
    options.memlimit_stop = memory_bytes_;
    return lzma_stream_decoder_mt(&stream_, &options);
  }

  void check(lzma_ret code) {
    switch (code) {
      case LZMA_OK:
        return;
      case LZMA_STREAM_END:
        ended_ = true;
        trailing_ = !input_.rest_is_zeros();
        return;
      case LZMA_BUF_ERROR:
        input_.fail_truncated();
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        input_.fail_memory(lzma_memusage(&stream_), memory_bytes_);
      case LZMA_FORMAT_ERROR:
        input_.fail("what follows is not in this format");
      case LZMA_OPTIONS_ERROR:
        input_.fail("it uses options that liblzma does not know");
      default:
        input_.fail("it cannot be decoded, or a checksum is wrong");
    }
  }

  InputBuffer input_;
  std::uint64_t memory_bytes_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false, trailing_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_lzma_decoder(StoredInput& input, LzmaFormat format,
                                           const DecoderLimits& limits) {
  return std::make_unique<LzmaDecoder>(input, format, limits);
}

}  // namespace rawimg
