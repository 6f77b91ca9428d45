// SPDX-License-Identifier: MIT
#include <rawimg/cow_file.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "storage/write_seam.h"
#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

std::string le(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
  return text;
}

std::string header(std::uint64_t count, std::uint32_t major = 1, std::uint32_t minor = 0) {
  return "COWDISK!" + le(major, 4) + le(minor, 4) + le(count, 8);
}

std::string record(std::uint64_t sector, char fill) {
  return le(sector, 8) + std::string(512, fill);
}

/// As gem5 writes it: in no order.
std::string golden() { return header(3) + record(7, 'c') + record(0, 'a') + record(6, 'b'); }

fs::path written(const TempDir& dir, const std::string& bytes) {
  write_file(dir / "x.cow", bytes);
  return dir / "x.cow";
}

}  // namespace

TEST_CASE("a COW file's sectors come in the order of the image", "[storage][cow]") {
  const TempDir dir;
  const std::string bytes = golden();
  REQUIRE(bytes.size() == 24 + 520 * 3);
  const CowFile layer = CowFile::open(written(dir, bytes));
  REQUIRE(layer.records().size() == 3);
  std::string seen;
  for (const CowRecord& found : layer.records()) {
    std::array<std::byte, 512> sector;
    layer.read(found, sector);
    seen += std::to_string(found.sector) + static_cast<char>(sector[0]) +
            static_cast<char>(sector[511]) + ' ';
  }
  CHECK(seen == "0aa 6bb 7cc ");
  CHECK(CowFile::open(written(dir, header(0))).records().empty());
}

TEST_CASE("what is no COW file, or a damaged one, is told apart", "[storage][cow]") {
  const std::string good = golden();
  std::string magic = good, twice = good, apart = good;
  magic[7] = '?';
  twice.replace(24 + 520, 8, le(7, 8));      // beside the one before
  apart.replace(24 + 2 * 520, 8, le(7, 8));  // and with another between them
  struct Row {
    const char* name;
    std::string bytes;
    Errc code;
    const char* text;
  };
  const std::vector<Row> rows{
      {"empty", "", Errc::Unsupported, "does not begin with 'COWDISK!'"},
      {"half a magic", "COWD", Errc::Unsupported, "does not begin with 'COWDISK!'"},
      {"another magic", magic, Errc::Unsupported, "does not begin with 'COWDISK!'"},
      {"half a header", good.substr(0, 23), Errc::Corrupt, "its header has 24 bytes"},
      {"major", header(0, 2, 0), Errc::Unsupported, "version 2.0"},
      {"minor", header(0, 1, 1), Errc::Unsupported, "version 1.1"},
      {"a byte less", good.substr(0, good.size() - 1), Errc::Corrupt, "room for 2 sectors"},
      {"a record less", good.substr(0, good.size() - 520), Errc::Corrupt, "room for 2 sectors"},
      {"a byte more", good + '\0', Errc::Corrupt, "1 bytes follow its 3 sectors"},
      {"a record more", good + record(9, 'd'), Errc::Corrupt, "520 bytes follow"},
      {"a count past 2^64", header(UINT64_MAX) + good.substr(24), Errc::Corrupt,
       "its header says 18446744073709551615"},
      // 520 times this is 24 more than 2^64
      {"a count that wraps", header(35474892449114546) + good.substr(24), Errc::Corrupt,
       "its header says 35474892449114546"},
      {"twice", twice, Errc::Corrupt, "it has sector 7 twice"},
      {"twice, apart", apart, Errc::Corrupt, "it has sector 7 twice"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const TempDir dir;
    REQUIRE_THROWS_MATCHES(CowFile::open(written(dir, row.bytes)), Error,
                           IsError(row.code, row.text));
  }
  const TempDir dir;
  REQUIRE_THROWS_MATCHES(CowFile::open(dir.path()), Error, IsError(Errc::Unsupported, ""));
  REQUIRE_THROWS_MATCHES(CowFile::open(dir / "none"), Error, IsError(Errc::Io, ""));
}

TEST_CASE("a hole that passes for sectors takes no memory", "[storage][cow]") {
  const TempDir dir;
  constexpr std::uint64_t kCount = std::uint64_t{1} << 33;  // 128 GiB of records, were they kept
  const fs::path file = written(dir, header(kCount));
  fs::resize_file(file, 24 + 520 * kCount);
  REQUIRE_THROWS_MATCHES(CowFile::open(file), Error,
                         IsError(Errc::Corrupt, "it has sector 0 twice"));
}

TEST_CASE("a layer is written into its image whole or not at all", "[storage][cow]") {
  const TempDir dir;
  const CowFile layer = CowFile::open(written(dir, golden()));
  const fs::path image = dir / "x.img";
  const std::string before = std::string(512 * 8, 'x') + std::string(1 << 20, '\0');
  write_file(image, before);
  REQUIRE(chmod(image.c_str(), 0640) == 0);
  std::string after = before;
  after.replace(0, 512, std::string(512, 'a'));
  after.replace(6 * 512, 1024, std::string(512, 'b') + std::string(512, 'c'));

  const Applied dry = apply_cow(layer, ImageFile::open(image, Access::ReadOnly), {.dry_run = true});
  CHECK(dry.changed == 3);
  CHECK(read_file(image) == before);

  bool stopped = false;
  std::stop_source stop;
  SECTION("stopped before its name") {
    stopped = true;
    REQUIRE_THROWS_MATCHES(
        apply_cow(layer, ImageFile::open(image, Access::ReadWrite),
                  {.stop = stop.get_token(),
                   .part_created = [&](const fs::path&) { stop.request_stop(); }}),
        Error, IsError(Errc::Interrupted, ""));
  }
  SECTION("to its end") {
    const Applied done = apply_cow(layer, ImageFile::open(image, Access::ReadWrite));
    CHECK(done.sectors == 3);
    CHECK(done.changed == 3);
    struct stat status {};
    REQUIRE(stat(image.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
    // and once more there is nothing to do, also to its times
    const auto time = fs::last_write_time(image);
    CHECK(apply_cow(layer, ImageFile::open(image, Access::ReadWrite)).changed == 0);
    CHECK(fs::last_write_time(image) == time);
  }
  CHECK((read_file(image) == (stopped ? before : after)));
  CHECK_FALSE(fs::exists(image.string() + ".part"));
}

TEST_CASE("a layer goes up to the last whole sector of an image", "[storage][cow]") {
  const TempDir dir;
  const CowFile layer = CowFile::open(written(dir, golden()));  // up to sector 7
  const fs::path image = dir / "x.img";
  const std::size_t length = GENERATE(7 * 512u, 8 * 512u - 1, 8 * 512u, 8 * 512u + 1);
  CAPTURE(length);
  write_file(image, std::string(length, 'x'));
  if (length < 8 * 512u) {
    REQUIRE_THROWS_MATCHES(
        apply_cow(layer, ImageFile::open(image, Access::ReadWrite)), Error,
        IsError(Errc::Mismatch, "has sector 7, but '" + image.string() + "' has 7 sectors"));
    CHECK(read_file(image) == std::string(length, 'x'));
  } else {
    CHECK(apply_cow(layer, ImageFile::open(image, Access::ReadWrite)).changed == 3);
    CHECK(fs::file_size(image) == length);
  }
}

TEST_CASE("an image that is in use is not replaced under its user", "[storage][cow]") {
  const TempDir dir;
  const CowFile layer = CowFile::open(written(dir, golden()));
  write_file(dir / "x.img", std::string(4096, 'x'));
  const ImageFile reader = ImageFile::open(dir / "x.img", Access::ReadOnly);
  REQUIRE_THROWS_MATCHES(apply_cow(layer, ImageFile::open(dir / "x.img", Access::ReadWrite)), Error,
                         IsError(Errc::Busy, ""));
}

TEST_CASE("a window through a layer has the layer's sectors", "[storage][cow]") {
  const TempDir dir;
  const CowFile layer = CowFile::open(written(dir, golden()));
  write_file(dir / "x.img", std::string(8 * 512, 'x'));
  ImageFile image = ImageFile::open(dir / "x.img", Access::ReadOnly);
  const Window where(image, ByteRange{ByteOffset{100}, ByteCount{8 * 512 - 100}});
  const auto reader = read_through(layer, where);
  std::string whole = std::string(512, 'a') + std::string(5 * 512, 'x') + std::string(512, 'b') +
                      std::string(512, 'c');
  whole.erase(0, 100);
  for (const std::size_t at : {0u, 411u, 412u, 413u, 2972u, 3483u})
    for (const std::size_t length : {1u, 2u, 512u, 513u}) {
      CAPTURE(at, length);
      std::string read(length, '?');
      reader->read_at(at, std::as_writable_bytes(std::span(read)));
      CHECK(read == whole.substr(at, length));
    }
}

TEST_CASE("two images make the layer that makes one of the other", "[storage][cow]") {
  const TempDir dir;
  std::string before(5u << 20, '\0'), after = before;
  after[0] = 'a';
  after[513] = 'b';                // the next sector
  before[(2u << 20) + 511] = 'c';  // back to zeros, in one that is a hole there
  after[(4u << 20) - 1] = 'd';     // at the end of a piece, and of the next
  after[4u << 20] = 'e';
  after.back() = before.back() = 'z';
  write_file(dir / "a.img", before);
  write_file(dir / "b.img", after);
  REQUIRE(truncate((dir / "a.img").c_str(), 5 << 20) == 0);
  const ImageFile a = ImageFile::open(dir / "a.img", Access::ReadOnly),
                  b = ImageFile::open(dir / "b.img", Access::ReadOnly);
  CHECK(make_cow(a, b, nullptr) == 5);
  {
    NewImage made(dir / "d.cow", Replace::Refuse);
    CHECK(make_cow(a, b, &made.file()) == 5);
    made.commit(Durability::NoSync);
  }
  CHECK(fs::file_size(dir / "d.cow") == 24 + 520 * 5);
  const CowFile layer = CowFile::open(dir / "d.cow");
  std::vector<std::uint64_t> sectors;
  for (const CowRecord& found : layer.records()) sectors.push_back(found.sector);
  CHECK(sectors == std::vector<std::uint64_t>{0, 1, 4096, 8191, 8192});
  write_file(dir / "c.img", before);
  apply_cow(layer, ImageFile::open(dir / "c.img", Access::ReadWrite));
  CHECK((read_file(dir / "c.img") == after));

  NewImage none(dir / "none.cow", Replace::Refuse);
  CHECK(make_cow(a, a, &none.file()) == 0);
  none.commit(Durability::NoSync);
  CHECK(read_file(dir / "none.cow") == header(0));
}

TEST_CASE("images that no layer can make of one another are refused", "[storage][cow]") {
  const TempDir dir;
  write_file(dir / "a.img", std::string(1025, 'x'));
  write_file(dir / "long.img", std::string(1026, 'x'));
  write_file(dir / "tail.img", std::string(1024, 'x') + "y");
  write_file(dir / "same.img", "y" + std::string(1024, 'x'));
  const auto open = [&](const char* name) { return ImageFile::open(dir / name, Access::ReadOnly); };
  REQUIRE_THROWS_MATCHES(make_cow(open("a.img"), open("long.img"), nullptr), Error,
                         IsError(Errc::Mismatch, "has 1025 bytes and"));
  REQUIRE_THROWS_MATCHES(make_cow(open("a.img"), open("tail.img"), nullptr), Error,
                         IsError(Errc::Unsupported, "in their last 1 bytes"));
  CHECK(make_cow(open("a.img"), open("same.img"), nullptr) == 1);
}

TEST_CASE("a layer that was not finished is no COW file, and is begun anew", "[storage][cow]") {
  const TempDir dir;
  write_file(dir / "a.img", std::string(8u << 20, 'a'));
  write_file(dir / "b.img", std::string(8u << 20, 'b'));
  const ImageFile a = ImageFile::open(dir / "a.img", Access::ReadOnly),
                  b = ImageFile::open(dir / "b.img", Access::ReadOnly);
  for (unsigned write = 0;; ++write) {
    write_file(dir / "d.cow", "");
    ImageFile file = ImageFile::open(dir / "d.cow", Access::ReadWrite);
    FaultSeam seam(write);
    file.set_seam(&seam);
    try {
      make_cow(a, b, &file);
      CHECK(write > 5);
      break;
    } catch (const Error& error) {
      CHECK(error.code() == Errc::Io);
    }
    REQUIRE_THROWS_AS(CowFile::open(dir / "d.cow"), Error);
    fs::copy_file(dir / "d.cow", dir / "e.cow.part", fs::copy_options::overwrite_existing);
    REQUIRE_NOTHROW(NewImage(dir / "e.cow", Replace::Refuse));
  }
}
