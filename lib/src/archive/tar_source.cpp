// SPDX-License-Identifier: MIT
//
// decode thread: stored bytes -> StoredInput (digest) -> Decoder -> buffers -> ByteQueue          caller's thread: ByteQueue -> libarchive -> Entry, DataChunk
//
// libarchive mostly hands out pointers into the buffer that its read callback returned. Such a piece travels on without a copy: the DataChunk keeps the buffer alive. Names come through as bytes in every
// locale, because libarchive runs under C.UTF-8, set for the calling thread only: there its conversion from and to UTF-8 changes nothing, and what is no UTF-8 it leaves alone.
#include <rawimg/tar_source.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/acl_xattr.h"
#include "archive/byte_queue.h"
#include "archive/decoder.h"
#include "archive/stored_input.h"
#include "base/errno_error.h"
#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::size_t kBuffers = 32;             // a writer behind us may keep 14 of them, libarchive and we 3
constexpr std::size_t kKeptBuffers = 3;          // libarchive may still point into the one before the last
constexpr std::uint64_t kOwnMemory = 48u << 20;  // our buffers and libarchive's: what the decoder may not use
constexpr std::uint64_t kLeastDecoderMemory = 32u << 20;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

/// This thread's character type locale, for as long as it lives.
class ThreadLocale {
 public:
  explicit ThreadLocale(locale_t locale) : previous_(locale != locale_t{} ? uselocale(locale) : locale_t{}) {}
  ~ThreadLocale() {
    if (previous_ != locale_t{}) uselocale(previous_);
  }
  ThreadLocale(const ThreadLocale&) = delete;
  ThreadLocale& operator=(const ThreadLocale&) = delete;

 private:
  locale_t previous_;
};

struct FreeLocale {
  using pointer = locale_t;
  void operator()(locale_t locale) const noexcept { freelocale(locale); }
};
struct FreeArchive {
  void operator()(archive* a) const noexcept { archive_read_free(a); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

/// libarchive's own decompressors, by name: asked for "all", it would run external programs.
void enable_filters(archive* a) {
  using Enable = int (*)(archive*);
  for (const Enable enable : {Enable{archive_read_support_filter_bzip2}, Enable{archive_read_support_filter_lzma}, Enable{archive_read_support_filter_lzip}, Enable{archive_read_support_filter_lz4},
                              Enable{archive_read_support_filter_compress}}) {
    const ArchiveHandle trial(archive_read_new());  // a warning means: built without the library, an external program would do it
    if (enable(trial.get()) == ARCHIVE_OK) enable(a);
  }
}

/// What bytes that are no tar archive look like, for the message.
std::string_view looks_like(std::span<const std::byte> bytes) {
  struct Magic {
    std::string_view bytes, name;
  };
  constexpr std::array kMagics{Magic{"PK", "a zip archive"},       Magic{"070701", "a cpio archive"}, Magic{"070707", "a cpio archive"}, Magic{"!<arch>", "an ar archive or a Debian package"},
                               Magic{"<!", "an HTML page"},        Magic{"<html", "an HTML page"},    Magic{"hsqs", "a squashfs image"}, Magic{"7z\xBC\xAF", "a 7-Zip archive"},
                               Magic{"\xED\xAB\xEE\xDB", "an RPM package"}, Magic{"\x1F\x8B", "gzip data inside of compressed data"}, Magic{"\xFD" "7zXZ", "xz data inside of compressed data"}};
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) return "an empty file";
  for (const Magic& magic : kMagics)
    if (text.starts_with(magic.bytes)) return magic.name;
  return "";
}

Timestamp time_of(std::int64_t seconds, long nanoseconds) {
  Timestamp time{seconds, static_cast<std::uint32_t>(std::clamp<long>(nanoseconds, 0, kNanosecondsPerSecond - 1))};
  // libarchive reads pax's "-1.5" as -1 and half a second, which would be -0.5; pax means minus one and a half.
  if (time.seconds < 0 && time.nanoseconds != 0) time = {time.seconds - 1, kNanosecondsPerSecond - time.nanoseconds};
  return time;
}

FileType type_of(archive_entry* entry) {
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return FileType::Regular;
    case AE_IFDIR: return FileType::Directory;
    case AE_IFLNK: return FileType::Symlink;
    case AE_IFCHR: return FileType::CharDevice;
    case AE_IFBLK: return FileType::BlockDevice;
    case AE_IFIFO: return FileType::Fifo;
    case AE_IFSOCK: return FileType::Socket;
    default: throw Error(Errc::Unsupported, fmt::format("an entry of file type {:o} cannot be stored", archive_entry_filetype(entry)));
  }
}

std::uint32_t id_of(std::int64_t id, const char* what) {
  if (id < 0 || id > UINT32_MAX) throw Error(Errc::Unsupported, fmt::format("{} {} is outside of 0 to {}", what, id, UINT32_MAX));
  return static_cast<std::uint32_t>(id);
}

std::vector<Xattr> xattrs_of(archive_entry* entry) {
  std::vector<Xattr> xattrs;
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
  for (const AclKind kind : {AclKind::Access, AclKind::Default})
    if (auto acl = acl_xattr(entry, kind)) xattrs.insert(xattrs.begin(), std::move(*acl));  // an xattr of that name, if there is one too, wins
  std::stable_sort(xattrs.begin(), xattrs.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  std::vector<Xattr> unique;
  for (Xattr& xattr : xattrs) {
    if (!unique.empty() && unique.back().name == xattr.name) unique.back() = std::move(xattr);
    else unique.push_back(std::move(xattr));
  }
  return unique;
}

class TarSource : public EntrySource {
 public:
  TarSource(int descriptor, bool owned, std::string name, const TarOptions& options)
      : descriptor_(descriptor), owned_(owned), options_(options), expected_digest_(options.sha256_hex), input_(descriptor, std::move(name), options.sha256_hex.has_value()), queue_(kBuffers) {
    thread_ = std::thread([this] { decode(); });
  }

  ~TarSource() override {
    input_.stop();
    queue_.abandon();
    thread_.join();
    if (owned_) ::close(descriptor_);
  }

  const Entry* next() override {
    const ThreadLocale guard(locale_.get());
    if (ended_) return nullptr;
    if (!archive_) open();
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(archive_.get(), &entry);
    if (code == ARCHIVE_EOF) {
      finish();
      return nullptr;
    }
    check(code, entry);
    if (archive_filter_count(archive_.get()) > 2) throw Error(Errc::BadInput, "compressed more than once; rawimg decompresses once").with_path(name());
    convert(entry);
    return &entry_;
  }

  std::optional<DataChunk> next_chunk() override {
    const ThreadLocale guard(locale_.get());
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int code = archive_read_data_block(archive_.get(), &data, &size, &offset);
      if (code == ARCHIVE_EOF) return std::nullopt;
      check(code, nullptr);
      if (size == 0) continue;
      if (offset < 0) throw Error(Errc::BadInput, fmt::format("content at byte {}", offset)).with_path(entry_.path);
      return chunk_of({static_cast<const std::byte*>(data), size}, static_cast<std::uint64_t>(offset));
    }
  }

  const std::string& name() const override { return input_.name(); }
  Position position() const override { return {input_.position(), input_.total()}; }

 private:
  void decode() noexcept {
    try {
      const std::uint64_t memory = std::max(options_.memory_bytes > kOwnMemory ? options_.memory_bytes - kOwnMemory : 0, kLeastDecoderMemory);
      const std::unique_ptr<Decoder> decoder = make_decoder(input_, {std::max(1U, options_.threads), memory});
      for (;;) {
        std::optional<Buffer> buffer = queue_.take_empty();
        if (!buffer) return;
        buffer->size = decoder->decode(buffer->room());
        if (buffer->size == 0) break;
        queue_.push(std::move(*buffer));
      }
      queue_.finish(nullptr);
    } catch (...) {
      queue_.finish(std::current_exception());
    }
  }

  void open() {
    archive_.reset(archive_read_new());
    if (!archive_) throw std::bad_alloc();
    enable_filters(archive_.get());
    archive_read_support_format_tar(archive_.get());
    check(archive_read_open(archive_.get(), this, nullptr, read_callback, nullptr), nullptr);
  }

  static la_ssize_t read_callback(archive* a, void* self, const void** data) noexcept {
    TarSource& source = *static_cast<TarSource*>(self);
    try {
      const std::optional<Buffer> buffer = source.queue_.pop(source.options_.stop);
      if (!buffer) return 0;
      if (source.first_bytes_.empty()) {
        const auto head = buffer->bytes().first(std::min<std::size_t>(buffer->size, 16));
        source.first_bytes_.assign(head.begin(), head.end());
      }
      source.kept_.push_back(*buffer);
      if (source.kept_.size() > kKeptBuffers) source.kept_.pop_front();
      *data = buffer->memory.get();
      return static_cast<la_ssize_t>(buffer->size);
    } catch (...) {
      source.failure_ = std::current_exception();
      archive_set_error(a, EIO, "input failed");
      return ARCHIVE_FATAL;
    }
  }

  /// Behind the end: the rest of the input is read, because the digest and the decoder's own checks need it.
  void finish() {
    const std::int64_t end = archive_filter_bytes(archive_.get(), 0), last_header = archive_read_header_position(archive_.get());
    while (queue_.pop(options_.stop)) kept_.clear();
    ended_ = true;
    if (end == last_header) throw Error(Errc::BadInput, fmt::format("the archive ends at byte {} without its end mark (blocks of zeros): it may be truncated", end)).with_path(name());
    if (!expected_digest_) return;
    const std::string found = to_hex(input_.digest());
    if (!std::equal(found.begin(), found.end(), expected_digest_->begin(), expected_digest_->end(), [](char a, char b) { return a == (b >= 'A' && b <= 'F' ? b - 'A' + 'a' : b); }))
      throw Error(Errc::Mismatch, fmt::format("its SHA-256 is {}, not {}", found, *expected_digest_)).with_path(name());
  }

  void check(int code, archive_entry* entry) {
    if (code == ARCHIVE_OK) return;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    const char* reason = archive_error_string(archive_.get());
    const std::string text = reason != nullptr ? reason : "unknown error";
    // A name that is no UTF-8 is kept as it is; saying so is all that libarchive warns of then.
    if (code == ARCHIVE_WARN && text.find("can't be converted") != std::string::npos) return;
    const char* path = entry != nullptr ? archive_entry_pathname(entry) : nullptr;
    const std::string about = path != nullptr ? path : entry == nullptr ? entry_.path : "";
    const std::string_view likeness = archive_format(archive_.get()) == 0 ? looks_like(first_bytes_) : "";
    if (text.find("Unrecognized archive format") != std::string::npos)
      throw Error(Errc::BadInput, likeness.empty() ? "it is not a tar archive" : fmt::format("it is not a tar archive but looks like {}", likeness)).with_path(name());
    throw Error(Errc::BadInput, fmt::format("{}{} (in the archive behind byte {})", about.empty() ? "" : quote(about) + ": ", escape(text), archive_filter_bytes(archive_.get(), 0))).with_path(about);
  }

  void convert(archive_entry* entry) {
    entry_ = Entry{};
    const char* path = archive_entry_pathname(entry);
    if (path == nullptr) throw Error(Errc::BadInput, fmt::format("an entry without a name (in the archive before byte {})", archive_filter_bytes(archive_.get(), 0))).with_path(name());
    entry_.path = path;
    try {
      convert_metadata(entry);
    } catch (const Error& error) {
      throw error.in(quote(entry_.path)).with_path(entry_.path);
    }
  }

  void convert_metadata(archive_entry* entry) {
    if (const char* target = archive_entry_hardlink(entry)) {
      entry_.is_hard_link = true;
      entry_.link_target = target;
      return;
    }
    entry_.type = type_of(entry);
    entry_.permissions = static_cast<std::uint16_t>(archive_entry_perm(entry) & 07777);
    entry_.uid = id_of(archive_entry_uid(entry), "user id");
    entry_.gid = id_of(archive_entry_gid(entry), "group id");
    entry_.mtime = time_of(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry));
    if (archive_entry_atime_is_set(entry)) entry_.atime = time_of(archive_entry_atime(entry), archive_entry_atime_nsec(entry));
    if (archive_entry_ctime_is_set(entry)) entry_.ctime = time_of(archive_entry_ctime(entry), archive_entry_ctime_nsec(entry));
    if (archive_entry_birthtime_is_set(entry)) entry_.birthtime = time_of(archive_entry_birthtime(entry), archive_entry_birthtime_nsec(entry));
    if (entry_.type == FileType::Symlink) {
      const char* target = archive_entry_symlink(entry);
      entry_.link_target = target != nullptr ? target : "";
    } else if (entry_.type == FileType::CharDevice || entry_.type == FileType::BlockDevice) {
      entry_.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
      entry_.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
    } else if (entry_.type == FileType::Regular) {
      if (archive_entry_size(entry) < 0) throw Error(Errc::BadInput, fmt::format("a size of {} bytes", archive_entry_size(entry)));
      entry_.size_bytes = static_cast<std::uint64_t>(archive_entry_size(entry));
    }
    // File flags (SCHILY.fflags, chattr's) are left out: tar programs leave them out, too, unless asked.
    entry_.xattrs = xattrs_of(entry);
  }

  DataChunk chunk_of(std::span<const std::byte> bytes, std::uint64_t offset) {
    for (const Buffer& buffer : kept_) {
      const auto whole = buffer.bytes();
      if (std::less_equal<>{}(whole.data(), bytes.data()) && std::less_equal<>{}(bytes.data() + bytes.size(), whole.data() + whole.size())) return {offset, bytes, buffer.memory};
    }
    // It straddled two buffers, so libarchive has put it together in memory that it will use again.
    const auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    return {offset, *copy, copy};
  }

  const int descriptor_;
  const bool owned_;
  const TarOptions options_;
  const std::optional<std::string> expected_digest_;
  const std::unique_ptr<locale_t, FreeLocale> locale_{newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})};
  StoredInput input_;
  ByteQueue queue_;
  std::thread thread_;

  ArchiveHandle archive_;
  std::exception_ptr failure_;
  std::deque<Buffer> kept_;
  std::vector<std::byte> first_bytes_;
  Entry entry_;
  bool ended_ = false;
};

void require_hex_digest(const TarOptions& options) {
  if (!options.sha256_hex) return;
  const std::string& text = *options.sha256_hex;
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    throw Error(Errc::Usage, fmt::format("{} is not a SHA-256 digest: 64 hexadecimal digits", quote(text)));
}

}  // namespace

std::unique_ptr<EntrySource> open_tar(const std::filesystem::path& file, const TarOptions& options) {
  require_hex_digest(options);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) throw errno_error(errno, fmt::format("cannot open {}", quote(file.string()))).with_path(file.string());
  try {
    return std::make_unique<TarSource>(descriptor, true, file.string(), options);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
}

std::unique_ptr<EntrySource> open_tar(int descriptor, std::string name, const TarOptions& options) {
  require_hex_digest(options);
  return std::make_unique<TarSource>(descriptor, false, std::move(name), options);
}

}  // namespace rawimg
