// SPDX-License-Identifier: MIT
//
// A tar archive is a row of members, each a header of 512 bytes, its content, and zeros up to a
// whole block; extension headers ('x', 'g', 'L', 'K') are members whose content is about the next
// one. A block of zeros ends it. Why we read this ourselves and use libarchive for decompression
// only: README.md in this directory.
//
//   type     what it becomes
//   0 \0 7   a file; with a final slash in its name, a directory (v7)
//   1        a hard link; content, if it has some, is passed over
//   2        a symlink
//   3 4 6    devices, FIFO
//   5 D      a directory; D's content is a list of names: passed over
//   S        a file with holes (old GNU, star)
//   x X      records for the next member
//   g        records for all that follow
//   L K      long name, long link target of the next member
//   V        a volume label: passed over
//   A        a Solaris ACL: Unsupported, together with the next member
//   M N ...  parts of other volumes, scripts, the unknown: Unsupported
//
// Of types 2 to 6 the size means nothing (POSIX, and what GNU tar's successors agree on): no
// content follows.
#include <rawimg/tar_source.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/content_reader.h"
#include "archive/decoded_stream.h"
#include "archive/file_kind.h"
#include "archive/sparse_map.h"
#include "archive/tar_header.h"
#include "archive/tar_metadata.h"
#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"

namespace rawimg {
namespace {

// all extension headers of one member: an attribute may have 64 KiB, a name a few
constexpr std::uint64_t kMostExtension = 16u << 20;
constexpr std::string_view kNoContent = "23456";

std::vector<DigestKind> kinds_of(const std::vector<ExpectedDigest>& digests) {
  std::vector<DigestKind> kinds;
  for (const ExpectedDigest& digest : digests) kinds.push_back(digest.kind);
  return kinds;
}

class TarSource : public EntrySource {
 public:
  TarSource(int descriptor, Descriptor owned, std::string name, const TarOptions& options)
      : owned_(std::move(owned)),
        expected_digests_(options.digests),
        stream_(descriptor, std::move(name),
                {.threads = options.threads,
                 .memory_bytes = options.memory_bytes,
                 .digests = kinds_of(options.digests),
                 .stop = options.stop}),
        content_(stream_) {}

  const Entry* next() override {
    if (ended_) return nullptr;
    if (failure_) throw *failure_;  // there is no way on behind damage
    try {
      return read_member() ? &entry_ : nullptr;
    } catch (const Error& error) {
      remember(error);
      throw;
    }
  }

  std::optional<DataChunk> next_chunk() override {
    if (failure_) throw *failure_;
    try {
      return content_.next();
    } catch (const Error& error) {
      const Error named = in_entry(error);
      remember(named);
      throw named;
    }
  }

  const std::string& name() const override { return stream_.input().name(); }
  Position position() const override {
    return {stream_.input().position(), stream_.input().total()};
  }

 private:
  void remember(const Error& error) {
    if (error.code() != Errc::Unsupported) failure_ = error;
  }

  /// Adds which entry it is about. Failures of the input are about no entry; those that name one
  /// already stay.
  Error in_entry(const Error& error) const {
    if (!error.path().empty() || error.code() == Errc::Interrupted || error.code() == Errc::Io ||
        entry_.path.empty())
      return error;
    return error.in(quote(entry_.path)).with_path(entry_.path);
  }

  [[noreturn]] void fail_at(std::uint64_t position, std::string_view why) const {
    throw Error(
        Errc::BadInput,
        fmt::format("the archive is damaged at byte {}{}: {}", position,
                    entry_.path.empty() ? "" : fmt::format(" (behind {})", quote(entry_.path)),
                    why))
        .with_path(name());
  }

  /// False: the archive has ended.
  bool read_member() {
    try {
      content_.skip_rest();
    } catch (const Error& error) {
      throw in_entry(error);
    }
    TarMember member;
    member.position = stream_.position();
    std::uint64_t extension_bytes = 0;
    for (;;) {
      const std::uint64_t at = stream_.position();
      const auto block = stream_.peek(kTarBlock);
      if (block.empty()) return end_without_mark(member);
      if (block.size() < kTarBlock) fail_short_block(at, block);
      const TarHeader header(block);
      if (header.is_zero()) {
        if (!found_header_) require_no_filesystem();
        return end_at_mark(member);
      }
      if (!header.checksum_fits()) fail_checksum(at, block);
      found_header_ = true;
      stream_.skip(kTarBlock);
      if (!read_extension(header, at, extension_bytes, member)) {
        member.header = header;
        read_entry(member);
        return true;
      }
    }
  }

  /// False: the header is none of an extension.
  bool read_extension(const TarHeader& header, std::uint64_t at, std::uint64_t& total,
                      TarMember& member) {
    const char type = header.type();
    if (std::string_view("xXgLKVA").find(type) == std::string_view::npos) return false;
    try {
      const std::int64_t size = header.number(tar_field::kSize);
      if (size < 0) throw Error(Errc::BadInput, fmt::format("its size is {}", size));
      const std::uint64_t wanted = static_cast<std::uint64_t>(size);
      if (type == 'V' || type == 'A') {
        skip_body(wanted);
        member.has_solaris_acl = member.has_solaris_acl || type == 'A';
        return true;
      }
      if (wanted > kMostExtension - total)
        throw Error(Errc::BadInput,
                    fmt::format("it makes the extension headers of one entry longer than {} bytes",
                                kMostExtension));
      total += wanted;
      const std::string body = read_body(wanted);
      if (type == 'g')
        globals_.add(body);
      else if (type == 'L')
        member.long_name = body;
      else if (type == 'K')
        member.long_link = body;
      else
        member.pax.add(body);
    } catch (const Error& error) {
      if (error.code() != Errc::BadInput || !error.path().empty()) throw;
      fail_at(at, fmt::format("extension header '{}': {}", escape(std::string_view(&type, 1)),
                              error.what()));
    }
    return true;
  }

  /// The memory grows with what is there, not with what a header claims.
  std::string read_body(std::uint64_t size) {
    std::string body;
    while (body.size() < size) {
      const auto piece = stream_.take(size - body.size());
      if (!piece)
        throw Error(
            Errc::BadInput,
            fmt::format("the archive ends at byte {}, {} bytes before this header's content does",
                        stream_.position(), size - body.size()));
      body.append(reinterpret_cast<const char*>(piece->bytes.data()), piece->bytes.size());
    }
    skip_padding(size);
    return body;
  }

  void skip_body(std::uint64_t size) {
    if (stream_.skip(size) < size)
      throw Error(Errc::BadInput,
                  fmt::format("the archive ends at byte {}, before this header's content does",
                              stream_.position()));
    skip_padding(size);
  }

  void skip_padding(std::uint64_t size) {
    const std::uint64_t padding = tar_padding(size);
    if (stream_.skip(padding) < padding)
      throw Error(Errc::BadInput, fmt::format("the archive ends at byte {}, inside of a block",
                                              stream_.position()));
  }

  void read_entry(const TarMember& member) {
    Entry entry;
    try {
      entry.path = path_of(member);
    } catch (const Error& error) {
      fail_at(member.position, error.what());
    }
    entry_ = std::move(entry);
    try {
      // First all that says where the next member is: an Unsupported from below must leave a way
      // on.
      prepare_content(member);
      set_type(member);
      read_metadata(member, globals_, entry_);
    } catch (const Error& error) {
      throw in_entry(error);
    }
  }

  void prepare_content(const TarMember& member) {
    const char type = member.header.type();
    const std::uint64_t stored = stored_size_of(member);
    if (kNoContent.find(type) != std::string_view::npos) return content_.begin_none();
    if (type == '1')
      return hard_link_has_content(member, stored) ? content_.begin_ignored(stored)
                                                   : content_.begin_none();
    const bool is_file = type == '0' || type == '\0' || type == '7' || type == 'S';
    if (!is_file || (entry_.path.ends_with('/') && type != 'S'))
      return content_.begin_ignored(stored);
    entry_.size_bytes = content_.begin_file(member, stored);
  }

  void set_type(const TarMember& member) {
    switch (const char type = member.header.type()) {
      case '\0':
      case '0':
      case '7':
        entry_.type = entry_.path.ends_with('/') ? FileType::Directory : FileType::Regular;
        return;
      case 'S':
        entry_.type = FileType::Regular;
        return;
      case '1':
        entry_.is_hard_link = true;
        return;
      case '2':
        entry_.type = FileType::Symlink;
        return;
      case '3':
        entry_.type = FileType::CharDevice;
        return;
      case '4':
        entry_.type = FileType::BlockDevice;
        return;
      case '5':
      case 'D':
        entry_.type = FileType::Directory;
        return;
      case '6':
        entry_.type = FileType::Fifo;
        return;
      case 'M':
        throw Error(Errc::Unsupported,
                    "it is the continuation of a file in another volume of the archive");
      case 'N':
        throw Error(Errc::Unsupported, "it is a list of names to change, of an old GNU tar");
      default:
        throw Error(Errc::Unsupported, fmt::format("its tar type '{}' is not known",
                                                   escape(std::string_view(&type, 1))));
    }
  }

  /// POSIX once said that a hard link's size means nothing, later (pax) that content may follow.
  /// What follows tells: a header, or content. In pax archives, where readers disagree about a
  /// header there, it is refused: it may be hidden members.
  bool hard_link_has_content(const TarMember& member, std::uint64_t size) {
    if (size == 0) return false;
    const auto block = stream_.peek(kTarBlock);
    const bool is_header =
        block.size() < kTarBlock || TarHeader(block).is_zero() || TarHeader(block).checksum_fits();
    if (!is_header) return true;
    if (!member.pax.empty() && !block.empty())
      throw Error(Errc::BadInput,
                  fmt::format("it is a hard link with {} bytes of content that look like a tar "
                              "header: readers disagree about where the next entry is",
                              size));
    return false;
  }

  [[noreturn]] void fail_short_block(std::uint64_t at, std::span<const std::byte> rest) {
    if (!found_header_) fail_not_tar(rest);
    fail_at(at, fmt::format("it is truncated: {} bytes are left, a header has {}", rest.size(),
                            kTarBlock));
  }

  [[noreturn]] void fail_checksum(std::uint64_t at, std::span<const std::byte> block) {
    if (!found_header_) fail_not_tar(block);
    fail_at(at, "what should be a header has a wrong checksum");
  }

  [[noreturn]] void fail_not_tar(std::span<const std::byte> first) const {
    const std::string_view compression = compression_name(first);
    if (!compression.empty())
      throw Error(Errc::BadInput,
                  fmt::format("it is {} data inside of compressed data, and only one layer is read",
                              compression))
          .with_path(name())
          .with_hint("decompress it first");
    const std::string likeness = file_kind(first);
    throw Error(Errc::BadInput,
                likeness.empty()
                    ? "it is not a tar archive"
                    : fmt::format("it is not a tar archive but looks like {}", likeness))
        .with_path(name());
  }

  /// A filesystem begins with zeros, as an archive of nothing does.
  void require_no_filesystem() {
    constexpr std::size_t kMagicAt = 1024 + 56;
    const auto first = stream_.peek(kMagicAt + 2);
    if (first.size() == kMagicAt + 2 && first[kMagicAt] == std::byte{0x53} &&
        first[kMagicAt + 1] == std::byte{0xEF})
      throw Error(Errc::BadInput, "it is not a tar archive but looks like an ext filesystem image")
          .with_path(name());
  }

  void require_no_loose_extension(const TarMember& member) const {
    if (!member.pax.empty() || member.long_name || member.long_link || member.has_solaris_acl)
      fail_at(member.position, "an extension header is followed by no entry");
  }

  /// Some writers leave the end mark out. Where compression has a checksum over all, that is fine;
  /// else nothing tells it from a truncated file.
  bool end_without_mark(const TarMember& member) {
    if (stream_.position() == 0)
      throw Error(Errc::BadInput, "it is not a tar archive but empty").with_path(name());
    require_no_loose_extension(member);
    if (!stream_.end_is_certain())
      fail_at(stream_.position(),
              "it ends without its end mark (a block of zeros), so it may be truncated");
    return finish();
  }

  /// Two blocks of zeros end an archive, one is let pass, and what is behind is nobody's business
  /// (padding, another archive, pixz's index). Only a member right behind a single block of zeros
  /// is: that is not an end but damage.
  bool end_at_mark(const TarMember& member) {
    require_no_loose_extension(member);
    const std::uint64_t at = stream_.position();
    const auto blocks = stream_.peek(2 * kTarBlock);
    if (blocks.size() == 2 * kTarBlock) {
      const TarHeader second(blocks.subspan(kTarBlock));
      if (!second.is_zero() && second.checksum_fits())
        fail_at(
            at,
            "a single block of zeros, which would end the archive, with an entry right behind it");
    }
    return finish();
  }

  bool finish() {
    // the digest and the decoders' own checks want all of it, and a pipe's writer wants to be heard
    // out
    stream_.drain();
    if (!expected_digests_.empty()) check_digests();
    ended_ = true;
    return false;
  }

  void check_digests() {
    const std::vector<std::string> found = stream_.digests_hex();
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto& [kind, hex] = expected_digests_[i];
      const std::string wanted = to_lower(hex);
      if (found[i] != wanted)
        throw Error(Errc::Mismatch,
                    fmt::format("its {} is {}, not {}", to_text(kind), found[i], wanted))
            .with_path(name());
    }
  }

  const Descriptor owned_;  // of what open_tar has opened
  const std::vector<ExpectedDigest> expected_digests_;
  DecodedStream stream_;
  ContentReader content_;
  PaxGlobals globals_;
  Entry entry_;
  std::optional<Error> failure_;
  bool found_header_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<EntrySource> open_tar(const std::filesystem::path& file,
                                      const TarOptions& options) {
  for (const ExpectedDigest& digest : options.digests) require_hex(digest);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(file.string())))
        .with_path(file.string());
  return std::make_unique<TarSource>(descriptor, Descriptor(descriptor), file.string(), options);
}

std::unique_ptr<EntrySource> open_tar(int descriptor, std::string name, const TarOptions& options) {
  for (const ExpectedDigest& digest : options.digests) require_hex(digest);
  return std::make_unique<TarSource>(descriptor, Descriptor(), std::move(name), options);
}

}  // namespace rawimg
