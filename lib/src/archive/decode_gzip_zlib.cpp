// SPDX-License-Identifier: MIT
//
// What decode_gzip.cpp does, with zlib, which takes about three times as long: for programs that
// are linked statically where there is no static ISA-L. It takes the place of the other at link
// time, and passes the same tests.
#include <zlib.h>

#include <new>

#include "archive/decoder.h"
#include "archive/input_buffer.h"

namespace rawimg {
namespace {

constexpr std::byte kMagic{0x1F};          // the first byte of two
constexpr int kGzipOnly = 16 + MAX_WBITS;  // header, checksum and length of a gzip member

class GzipDecoder : public Decoder {
 public:
  explicit GzipDecoder(StoredInput& input) : input_(input, "gzip") {
    if (inflateInit2(stream_.get(), kGzipOnly) != Z_OK) throw std::bad_alloc();
  }

  std::size_t decode(std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      if (member_ended_ && !next_member()) break;
      done += inflate_some(out.subspan(done));
    }
    return done;
  }
  bool knows_its_end() const override { return !trailing_; }

 private:
  std::size_t inflate_some(std::span<std::byte> out) {
    const auto in = input_.available();
    // zlib lacks the const, unless ZLIB_CONST is defined
    stream_->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    stream_->avail_in = static_cast<uInt>(in.size());
    stream_->next_out = reinterpret_cast<Bytef*>(out.data());
    stream_->avail_out = static_cast<uInt>(out.size());
    const int code = ::inflate(stream_.get(), Z_NO_FLUSH);
    const std::size_t used = in.size() - stream_->avail_in, made = out.size() - stream_->avail_out;
    input_.use(used);
    if (code == Z_STREAM_END) member_ended_ = true;
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code == Z_DATA_ERROR || code == Z_NEED_DICT) fail();
    // Z_BUF_ERROR is no progress: without input that is a truncated member.
    if (used == 0 && made == 0 && !member_ended_) input_.fail_truncated();
    return made;
  }

  [[noreturn]] void fail() const {
    const std::string_view reason = stream_->msg != nullptr ? stream_->msg : "";
    if (reason == "incorrect data check" || reason == "incorrect length check")
      input_.fail("a checksum or length is wrong");
    if (reason == "unknown compression method")
      input_.fail("it uses a compression method other than deflate");
    input_.fail("it cannot be decoded");
  }

  bool next_member() {
    const auto in = input_.available();
    if (!in.empty() && in[0] == kMagic) {
      inflateReset(stream_.get());
      member_ended_ = false;
      return true;
    }
    ended_ = true;
    trailing_ = !input_.rest_is_zeros();
    return false;
  }

  struct End {
    void operator()(z_stream* stream) const noexcept {
      inflateEnd(stream);
      delete stream;
    }
  };
  InputBuffer input_;
  std::unique_ptr<z_stream, End> stream_{new z_stream{}};
  bool member_ended_ = false, ended_ = false, trailing_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder(StoredInput& input) {
  return std::make_unique<GzipDecoder>(input);
}

}  // namespace rawimg
