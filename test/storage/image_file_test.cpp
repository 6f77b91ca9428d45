// SPDX-License-Identifier: MIT
#include <rawimg/image_file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <thread>

#include <rawimg/window.h>
#include <catch2/catch.hpp>

#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Holds read locks as QEMU does: byte 100 + n for a permission in use.
class QemuLock {
 public:
  QemuLock(const std::filesystem::path& file, bool writes)
      : descriptor_(open(file.c_str(), O_RDWR | O_CLOEXEC)) {
    lock(100);
    if (writes) lock(101);
  }
  ~QemuLock() { close(descriptor_); }

 private:
  void lock(off_t byte) {
    struct flock request {};
    request.l_type = F_RDLCK;
    request.l_whence = SEEK_SET;
    request.l_start = byte;
    request.l_len = 1;
    REQUIRE(fcntl(descriptor_, F_OFD_SETLK, &request) == 0);
  }
  int descriptor_;
};

}  // namespace

TEST_CASE("open refuses what is no image file and says what it is", "[storage]") {
  const TempDir dir;
  REQUIRE_THROWS_MATCHES(ImageFile::open(dir / "none", Access::ReadOnly), Error,
                         IsError(Errc::Io, "no such file"));
  REQUIRE_THROWS_MATCHES(ImageFile::open(dir.path(), Access::ReadWrite), Error,
                         IsError(Errc::Unsupported, "is a directory"));
  REQUIRE_THROWS_MATCHES(ImageFile::open("/dev/null", Access::ReadOnly), Error,
                         IsError(Errc::Unsupported, "not a regular file"));
  const auto fifo = dir / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  REQUIRE_THROWS_MATCHES(ImageFile::open(fifo, Access::ReadOnly), Error,
                         IsError(Errc::Unsupported, "not a regular file"));
}

TEST_CASE("a second writer and a reader beside a writer are told that the image is in use",
          "[storage]") {
  const TempDir dir;
  const auto path = dir / "a.img";
  write_file(path, "x");
  const ImageFile writer = ImageFile::open(path, Access::ReadWrite);
  REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadWrite), Error,
                         IsError(Errc::Busy, "another program has it open"));
  REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadOnly), Error,
                         IsError(Errc::Busy, "another rawimg is changing it"));
  // --no-lock is for file systems without locks, and for looking on; not for writing to what is
  // locked.
  REQUIRE_NOTHROW(ImageFile::open(path, Access::ReadOnly, {.required = false}));
  REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadWrite, {.required = false}), Error,
                         IsError(Errc::Busy, "another program has it open"));
}

TEST_CASE("readers go together, and keep writers out", "[storage]") {
  const TempDir dir;
  const auto path = dir / "a.img";
  write_file(path, "x");
  const ImageFile reader = ImageFile::open(path, Access::ReadOnly);
  REQUIRE_NOTHROW(ImageFile::open(path, Access::ReadOnly));
  REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadWrite), Error,
                         IsError(Errc::Busy, "in use"));
}

TEST_CASE("an image that a VM writes to is busy for all, one that a VM reads only for writers",
          "[storage]") {
  const TempDir dir;
  const auto path = dir / "a.img";
  write_file(path, "x");
  {
    const QemuLock vm(path, true);
    REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadWrite), Error,
                           IsError(Errc::Busy, "open in a VM"));
    REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadOnly), Error,
                           IsError(Errc::Busy, "open in a VM that writes"));
  }
  const QemuLock vm(path, false);
  REQUIRE_THROWS_MATCHES(ImageFile::open(path, Access::ReadWrite), Error,
                         IsError(Errc::Busy, "open in a VM"));
  REQUIRE_NOTHROW(ImageFile::open(path, Access::ReadOnly));
}

TEST_CASE("open waits for a lock as long as it was told", "[storage]") {
  const TempDir dir;
  const auto path = dir / "a.img";
  write_file(path, "x");
  auto writer = std::make_unique<ImageFile>(ImageFile::open(path, Access::ReadWrite));
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    writer.reset();
  });
  REQUIRE_NOTHROW(ImageFile::open(path, Access::ReadWrite, {.wait = std::chrono::seconds(20)}));
  later.join();
}

TEST_CASE("read_at says where the file ends when it is too short", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", "0123456789");
  const ImageFile file = ImageFile::open(dir / "a.img", Access::ReadOnly);
  std::array<std::byte, 4> out;
  REQUIRE_NOTHROW(file.read_at(ByteOffset{6}, out));
  REQUIRE(out[3] == std::byte{'9'});
  REQUIRE_THROWS_MATCHES(file.read_at(ByteOffset{7}, out), Error,
                         IsError(Errc::Corrupt, "ends at byte 10, but 4 bytes at byte 7"));
}

TEST_CASE("write_gather writes its pieces back to back", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", "..........");
  ImageFile file = ImageFile::open(dir / "a.img", Access::ReadWrite);
  std::string a = "ab", b = "", c = "cde";
  const std::array<iovec, 3> pieces{iovec{a.data(), 2}, iovec{b.data(), 0}, iovec{c.data(), 3}};
  file.write_gather(ByteOffset{3}, pieces);
  REQUIRE(read_file(dir / "a.img") == "...abcde..");
}

TEST_CASE("punch makes zeros, up to the end of the file and no further", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", std::string(10000, 'x'));
  ImageFile file = ImageFile::open(dir / "a.img", Access::ReadWrite);
  file.punch(ByteRange{ByteOffset{100}, ByteCount{5000}});
  file.punch(ByteRange{ByteOffset{9990}, ByteCount{1000}});
  file.punch(ByteRange{ByteOffset{20000}, ByteCount{1}});
  const std::string expected = std::string(100, 'x') + std::string(5000, '\0') +
                               std::string(4890, 'x') + std::string(10, '\0');
  REQUIRE(read_file(dir / "a.img") == expected);
}

TEST_CASE("resize past what a file can have is NoSpace", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", "x");
  ImageFile file = ImageFile::open(dir / "a.img", Access::ReadWrite);
  REQUIRE_THROWS_MATCHES(file.resize(ByteCount{UINT64_MAX}), Error,
                         IsError(Errc::NoSpace, "18446744073709551615"));
  file.resize(ByteCount{5});
  REQUIRE(file.size().value == 5);
}

TEST_CASE("the seam hears of every change before it is made", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", std::string(10, 'x'));
  ImageFile file = ImageFile::open(dir / "a.img", Access::ReadWrite);
  FaultSeam seam(3);
  file.set_seam(&seam);
  file.write_at(ByteOffset{1}, bytes_of("ab"));
  file.punch(ByteRange{ByteOffset{4}, ByteCount{2}});
  file.resize(ByteCount{20});
  REQUIRE_THROWS_MATCHES(file.write_at(ByteOffset{0}, bytes_of("Z")), Error,
                         IsError(Errc::Io, "injected fault"));
  REQUIRE(read_file(dir / "a.img")[0] == 'x');
  const auto events = seam.events();
  REQUIRE(events.size() == 4);
  CHECK(events[0].what == "write");
  CHECK(events[0].at == 1);
  CHECK(events[0].size == 2);
  CHECK(events[1].what == "punch");
  CHECK(events[2].what == "resize");
}

TEST_CASE("a window that passes the end of its file is refused with both numbers", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", std::string(1000, 'x'));
  ImageFile file = ImageFile::open(dir / "a.img", Access::ReadWrite);
  REQUIRE_NOTHROW(Window(file, ByteRange{ByteOffset{500}, ByteCount{500}}));
  REQUIRE_THROWS_MATCHES(Window(file, ByteRange{ByteOffset{500}, ByteCount{501}}), Error,
                         IsError(Errc::Corrupt, "ends at byte 1001 but the image has 1000"));
  REQUIRE_THROWS_MATCHES(ByteRange(ByteOffset{2}, ByteCount{UINT64_MAX - 1}), Error,
                         IsError(Errc::BadInput, "passes 2^64"));
}

TEST_CASE("who has waited for a lock has the file that has the name by then", "[storage]") {
  const TempDir dir;
  write_file(dir / "a", "old");
  write_file(dir / "b", "new");
  std::optional<ImageFile> holder = ImageFile::open(dir / "a", Access::ReadWrite);
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::filesystem::rename(dir / "b", dir / "a");
    holder.reset();
  });
  const ImageFile opened =
      ImageFile::open(dir / "a", Access::ReadWrite, {.wait = std::chrono::seconds(20)});
  std::array<char, 3> content{};
  opened.read_at(ByteOffset{0}, std::as_writable_bytes(std::span(content)));
  CHECK(std::string_view(content.data(), content.size()) == "new");
}

TEST_CASE("discard changes nothing but the range, and no length", "[storage]") {
  const TempDir dir;
  const std::string before(20000, 'x');
  write_file(dir / "a", before);
  {
    ImageFile file = ImageFile::open(dir / "a", Access::ReadWrite);
    file.discard(ByteRange{ByteOffset{4096}, ByteCount{8192}});
    file.discard(ByteRange{ByteOffset{30000}, ByteCount{10}});
    file.discard(ByteRange{ByteOffset{20000}, ByteCount{0}});
  }
  const std::string after = read_file(dir / "a");
  REQUIRE(after.size() == before.size());
  CHECK(after.substr(0, 4096) == before.substr(0, 4096));
  CHECK(after.substr(12288) == before.substr(12288));
}
