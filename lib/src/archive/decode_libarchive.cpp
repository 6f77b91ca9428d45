// SPDX-License-Identifier: MIT
//
// libarchive as a decompressor for what no faster library of Debian streams: bzip2, lz4 and
// compress. One filter alone is enabled, so that it can neither guess nor run a program. Not with
// archive_read_append_filter: 3.6.2 crashes in it for compress, whose filter reads before there is
// an input.
#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "archive/decoder.h"
#include "archive/input_buffer.h"
#include "base/text.h"

namespace rawimg {
namespace {

class LibarchiveDecoder : public Decoder {
 public:
  LibarchiveDecoder(StoredInput& input, int filter, std::string_view name)
      : input_(input, name), name_(name), archive_(archive_read_new()) {
    if (!archive_) throw std::bad_alloc();
    archive* const a = archive_.get();
    // A warning means that this libarchive was built without the library and would run a program.
    if (enable(a, filter) != ARCHIVE_OK)
      throw Error(Errc::Unsupported,
                  fmt::format("this build of libarchive does not decompress {}", name));
    check(archive_read_support_format_raw(a));
    check(archive_read_support_format_empty(a));
  }

  std::size_t decode(std::span<std::byte> out) override {
    if (!open_) open();
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      if (block_.empty()) next_block();
      const std::size_t n = std::min(block_.size(), out.size() - done);
      if (n != 0) std::memcpy(out.data() + done, block_.data(), n);
      block_ = block_.subspan(n);
      done += n;
    }
    return done;
  }
  /// compress has no end mark, and what the others do not recognise behind a stream libarchive
  /// takes for the end.
  bool knows_its_end() const override { return false; }

 private:
  struct Free {
    void operator()(archive* a) const noexcept { archive_read_free(a); }
  };

  static int enable(archive* a, int filter) {
    if (filter == ARCHIVE_FILTER_BZIP2) return archive_read_support_filter_bzip2(a);
    if (filter == ARCHIVE_FILTER_LZ4) return archive_read_support_filter_lz4(a);
    return filter == ARCHIVE_FILTER_COMPRESS ? archive_read_support_filter_compress(a)
                                             : ARCHIVE_FATAL;
  }

  void open() {
    open_ = true;
    check(archive_read_open(archive_.get(), this, nullptr, read_callback, nullptr));
    // It stacks what it recognises again: here there are the filter and the input, and no third.
    if (archive_filter_count(archive_.get()) > 2)
      throw Error(
          Errc::BadInput,
          fmt::format("it is {0} data inside of {0} data, and only one layer is read", name_))
          .with_hint("decompress it first");
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(archive_.get(), &entry);
    if (code == ARCHIVE_EOF) return end();
    check(code);
  }

  void next_block() {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(archive_.get(), &data, &size, &offset);
    if (code == ARCHIVE_EOF) return end();
    check(code);
    block_ = {static_cast<const std::byte*>(data), size};
  }

  void end() {
    ended_ = true;
    input_.rest_is_zeros();  // for the digest
  }

  void check(int code) {
    if (code == ARCHIVE_OK) return;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    const char* reason = archive_error_string(archive_.get());
    const std::string text = reason != nullptr ? escape(reason) : "unknown reason";
    if (text.find("runcated") != std::string::npos) input_.fail_truncated();
    input_.fail(text);
  }

  static la_ssize_t read_callback(archive* a, void* self, const void** data) noexcept {
    LibarchiveDecoder& decoder = *static_cast<LibarchiveDecoder*>(self);
    try {
      const auto in = decoder.input_.available();
      decoder.input_.use(in.size());  // stays as it is until the next call
      *data = in.data();
      return static_cast<la_ssize_t>(in.size());
    } catch (...) {
      decoder.failure_ = std::current_exception();
      archive_set_error(a, EIO, "input failed");
      return ARCHIVE_FATAL;
    }
  }

  InputBuffer input_;
  std::string_view name_;
  std::unique_ptr<archive, Free> archive_;
  std::exception_ptr failure_;
  std::span<const std::byte> block_;
  bool open_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_libarchive_decoder(StoredInput& input, int filter,
                                                 std::string_view name) {
  return std::make_unique<LibarchiveDecoder>(input, filter, name);
}

}  // namespace rawimg
