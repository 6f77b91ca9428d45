// SPDX-License-Identifier: MIT
//
// ISA-L's inflate, about three times as fast as zlib's. A gzip file is one member or several in a
// row, each with its checksum and length; behind the last one, gzip(1) takes zeros as padding and
// lets other bytes pass with a warning. We let them pass, too, but then the archive must have its
// end mark: they may be a member whose first bytes are damaged.
#include <isa-l/igzip_lib.h>

#include "archive/decoder.h"
#include "archive/input_buffer.h"

namespace rawimg {
namespace {

constexpr std::byte kMagic{0x1F};  // the first byte of two

class GzipDecoder : public Decoder {
 public:
  explicit GzipDecoder(StoredInput& input) : input_(input, "gzip") { begin_member(); }

  std::size_t decode(std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      if (state_->block_state == ISAL_BLOCK_FINISH && !next_member()) break;
      done += inflate_some(out.subspan(done));
    }
    return done;
  }
  bool knows_its_end() const override { return !trailing_; }

 private:
  void begin_member() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;  // header, checksum and length of each member
  }

  std::size_t inflate_some(std::span<std::byte> out) {
    const auto in = input_.available();
    // ISA-L lacks the const
    state_->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(in.data()));
    state_->avail_in = static_cast<std::uint32_t>(in.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(out.size());
    const int code = isal_inflate(state_.get());
    const std::size_t used = in.size() - state_->avail_in, made = out.size() - state_->avail_out;
    input_.use(used);
    if (code == ISAL_INCORRECT_CHECKSUM) input_.fail("a checksum or length is wrong");
    if (code == ISAL_UNSUPPORTED_METHOD)
      input_.fail("it uses a compression method other than deflate");
    if (code < 0) input_.fail("it cannot be decoded");
    // Without input it may still have output to give; without either it waits for what does not
    // come.
    if (used == 0 && made == 0 && state_->block_state != ISAL_BLOCK_FINISH) input_.fail_truncated();
    return made;
  }

  bool next_member() {
    const auto in = input_.available();
    if (!in.empty() && in[0] == kMagic) {
      begin_member();
      return true;
    }
    ended_ = true;
    trailing_ = !input_.rest_is_zeros();
    return false;
  }

  InputBuffer input_;
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  bool ended_ = false, trailing_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder(StoredInput& input) {
  return std::make_unique<GzipDecoder>(input);
}

}  // namespace rawimg
