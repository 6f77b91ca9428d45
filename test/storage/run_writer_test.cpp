// SPDX-License-Identifier: MIT
#include "storage/run_writer.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

struct Target {
  Target() { write_file(dir / "a", ""); }
  TempDir dir;
  ImageFile open() { return ImageFile::open(dir / "a", Access::ReadWrite); }
};

}  // namespace

TEST_CASE("pieces that lie back to back become one write", "[storage]") {
  Target target;
  ImageFile file = target.open();
  FaultSeam seam;
  file.set_seam(&seam);
  RunWriter writer(file, 1 << 20);
  const std::string a(5000, 'a'), b(700, 'b');
  writer.put(ByteOffset{0}, bytes_of(a), nullptr);
  writer.put_zeros(ByteOffset{5000}, 100000);
  writer.put_copy(ByteOffset{105000}, bytes_of(b));
  writer.put_copy(ByteOffset{200000}, bytes_of(b));
  writer.drain();
  const auto events = seam.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].size == 105700);
  CHECK(events[1].at == 200000);
  REQUIRE(read_file(target.dir / "a") ==
          a + std::string(100000, '\0') + b + std::string(94300, '\0') + b);
}

TEST_CASE("a later piece for the same place wins", "[storage]") {
  Target target;
  ImageFile file = target.open();
  RunWriter writer(file, 1 << 20);
  const std::string first(100, '1'), second(100, '2');
  writer.put_copy(ByteOffset{0}, bytes_of(first));
  writer.put_copy(ByteOffset{0}, bytes_of(second));
  writer.drain();
  REQUIRE(read_file(target.dir / "a") == second);
}

TEST_CASE("an owner lives until its piece is written, and no longer", "[storage]") {
  Target target;
  ImageFile file = target.open();
  RunWriter writer(file, 1 << 20);
  auto owner = std::make_shared<const std::string>(100000, 'o');
  const std::weak_ptr<const std::string> watch = owner;
  writer.put(ByteOffset{0}, bytes_of(*owner), owner);
  owner.reset();
  writer.drain();
  REQUIRE(watch.expired());
  REQUIRE(read_file(target.dir / "a") == std::string(100000, 'o'));
}

TEST_CASE("many owners with few bytes each do not pile up", "[storage]") {
  Target target;
  ImageFile file = target.open();
  RunWriter writer(file, 64 << 20);
  std::vector<std::weak_ptr<const std::string>> watches;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    auto owner = std::make_shared<const std::string>(600, 'o');
    writer.put(ByteOffset{i * 600}, bytes_of(*owner), owner);
    watches.push_back(owner);
    const auto alive =
        std::count_if(watches.begin(), watches.end(), [](const auto& w) { return !w.expired(); });
    REQUIRE(alive <= 37);  // 12 of the open batch, 24 queued, and the one in hand
  }
  writer.drain();
}

TEST_CASE("short writes to many places are handed over together, in order", "[storage]") {
  Target target;
  ImageFile file = target.open();
  FaultSeam seam;
  file.set_seam(&seam);
  RunWriter writer(file, 1 << 20);
  std::string expected(3000 * 1024, '\0');
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t at = i * 7 % 3000 * 1024;
    const std::string bytes = std::to_string(i);
    writer.put_copy(ByteOffset{at}, bytes_of(bytes));
    expected.replace(at, bytes.size(), bytes);
  }
  writer.drain();
  CHECK(seam.events().size() == 3000);
  expected.resize(read_file(target.dir / "a").size());
  CHECK((read_file(target.dir / "a") == expected));
}

TEST_CASE("a failed write is told to every later call", "[storage]") {
  Target target;
  ImageFile file = target.open();
  FaultSeam seam(0);
  file.set_seam(&seam);
  RunWriter writer(file, 1 << 20);
  writer.put_copy(ByteOffset{0}, bytes_of("x"));
  REQUIRE_THROWS_MATCHES(writer.drain(), Error, IsError(Errc::Io, "injected fault"));
  REQUIRE_THROWS_MATCHES(writer.drain(), Error, IsError(Errc::Io, "injected fault"));
}
