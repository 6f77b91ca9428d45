// SPDX-License-Identifier: MIT
// What happens between the threads: who waits for whom, for how long, and what stays alive.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "archive/byte_queue.h"
#include "archive/read_tar.h"
#include "base/digest.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() { REQUIRE(pipe2(ends_, O_CLOEXEC) == 0); }
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reader() const { return ends_[0]; }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(ends_[1], bytes.data(), bytes.size());
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::string sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return to_hex(hash.finish());
}

TEST_CASE("a pipe gives what a file gives, in pieces of any size", "[archive][A38]") {
  TarWriter writer;
  for (std::uint32_t i = 0; i < 30; ++i)
    writer.entry({.name = "f" + std::to_string(i)}, noise(30'000 + i * 1000, i));
  const std::string bytes = GENERATE_COPY(writer.finish(), compress(writer.finish(), "xz"));
  const std::size_t piece = GENERATE(700u, 65536u);
  Pipe pipe;
  std::thread feeder([&] {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      pipe.write(std::string_view(bytes).substr(at, piece));
    pipe.close_writer();
  });
  const auto source = open_tar(pipe.reader(), "standard input", {});
  const auto all = read_all(*source);
  feeder.join();
  REQUIRE(all.size() == 30);
  for (std::uint32_t i = 0; i < 30; ++i) CHECK((all[i].content == noise(30'000 + i * 1000, i)));
  CHECK(source->position().read_bytes == bytes.size());
  CHECK_FALSE(source->position().total_bytes);
}

TEST_CASE("a consumer may keep everything it was given, and nothing changes under it",
          "[archive]") {
  // 48 MiB: many times what may wait in the queue. Small and large files in turn.
  TarWriter writer;
  std::vector<std::string> expected;
  for (std::uint32_t i = 0; i < 24; ++i) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{40'000}, std::size_t{2'000'000}}) {
      expected.push_back(noise(size, i));
      writer.entry({.name = "f"}, expected.back());
    }
  }
  const MemoryFile file(writer.finish());
  std::vector<std::vector<DataChunk>> kept;
  {
    const auto source = open_tar(file.descriptor(), "test.tar", {});
    while (source->next() != nullptr) {
      kept.emplace_back();
      while (auto chunk = source->next_chunk()) kept.back().push_back(std::move(*chunk));
    }
  }  // the chunks outlive their source
  REQUIRE(kept.size() == expected.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::string content;
    for (const DataChunk& chunk : kept[i])
      content.append(reinterpret_cast<const char*>(chunk.bytes.data()), chunk.bytes.size());
    CHECK((content == expected[i]));
  }
}

TEST_CASE("large pieces are not copied", "[archive]") {
  const MemoryFile file(TarWriter()
                            .entry({.name = "a"}, std::string(200'000, 'x'))
                            .entry({.name = "b"}, std::string(200'000, 'y'))
                            .finish());
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  REQUIRE(source->next() != nullptr);
  const auto a = source->next_chunk();
  REQUIRE(source->next() != nullptr);
  const auto b = source->next_chunk();
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->owner == b->owner);  // both lie in the first buffer
  CHECK(b->bytes.data() - a->bytes.data() == 200'000 + 192 + 512);
}

TEST_CASE("a source whose pipe says nothing can be destroyed at once", "[archive]") {
  Pipe pipe;
  if (GENERATE(false, true)) pipe.write(TarWriter().entry({.name = "a"}, "x").finish(0));
  const auto begin = Clock::now();
  {
    const auto source = open_tar(pipe.reader(), "standard input", {});
    std::this_thread::sleep_for(20ms);
  }
  CHECK(Clock::now() - begin < 2s);
}

TEST_CASE("a source with a full queue can be destroyed at once", "[archive]") {
  const MemoryFile file(std::string(64u << 20, '\0'));
  const auto begin = Clock::now();
  {
    const auto source = open_tar(file.descriptor(), "test.tar", {});
    std::this_thread::sleep_for(100ms);
    CHECK(source->position().read_bytes < 32u << 20);  // the queue has held the reader back
  }
  CHECK(Clock::now() - begin < 2s);
}

TEST_CASE("a stop ends next() and next_chunk() with Interrupted, also while they wait",
          "[archive]") {
  Pipe pipe;
  pipe.write(TarWriter().header({.name = "a", .size = 1'000'000}).finish(0) +
             std::string(1000, 'x'));
  std::stop_source stop;
  const auto source = open_tar(pipe.reader(), "standard input", {.stop = stop.get_token()});
  const auto begin = Clock::now();
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  REQUIRE_THROWS_MATCHES(read_all(*source), Error, IsError(Errc::Interrupted, "interrupted"));
  stopper.join();
  CHECK(Clock::now() - begin < 2s);
  REQUIRE_THROWS_MATCHES(source->next(), Error, IsError(Errc::Interrupted, ""));
}

TEST_CASE("a stop that came before is seen although data wait", "[archive]") {
  std::stop_source stop;
  stop.request_stop();
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().entry({.name = "a"}).finish(), {.stop = stop.get_token()}), Error,
      IsError(Errc::Interrupted, ""));
}

TEST_CASE("the digest is that of the stored bytes, all of them, and in any case", "[archive]") {
  const std::string tar = TarWriter().entry({.name = "a"}, noise(400'000)).finish();
  const std::string stored = GENERATE_COPY(values<std::string>(
      {tar, tar + noise(1'000'000), compress(tar, "gzip"),
       compress(tar, "xz") + std::string(400, '\0'), compress(tar, "bzip2") + "behind",
       compress(tar, "gzip") + noise(300'000)}));
  std::string digest = sha256_of(stored);
  CHECK(read_tar(stored, {.digests = {{DigestKind::Sha256, digest}}}).size() == 1);
  for (char& c : digest) c = static_cast<char>(std::toupper(c));
  CHECK(read_tar(stored, {.digests = {{DigestKind::Sha256, digest}}}).size() == 1);
}

TEST_CASE("a wrong digest is a Mismatch that names both, after the last entry", "[archive]") {
  const std::string tar = TarWriter().entry({.name = "a"}).finish();
  std::string wrong = sha256_of(tar);
  wrong[10] = wrong[10] == '0' ? '1' : '0';
  const MemoryFile file(tar);
  const auto source =
      open_tar(file.descriptor(), "test.tar", {.digests = {{DigestKind::Sha256, wrong}}});
  REQUIRE(source->next() != nullptr);
  REQUIRE_THROWS_MATCHES(
      source->next(), Error,
      IsError(Errc::Mismatch, "its SHA-256 is " + sha256_of(tar) + ", not " + wrong));
  REQUIRE_THROWS_MATCHES(source->next(), Error, IsError(Errc::Mismatch, wrong));
}

TEST_CASE("a digest that is none is the caller's mistake", "[archive]") {
  const std::string text =
      GENERATE(""s, std::string(63, 'a'), std::string(65, 'a'), std::string(63, 'a') + "g");
  REQUIRE_THROWS_MATCHES(open_tar("/dev/null", {.digests = {{DigestKind::Sha256, text}}}), Error,
                         IsError(Errc::Usage, "is not a SHA-256 digest"));
}

TEST_CASE("files that cannot be read are Io, at once", "[archive]") {
  const TempDir dir;
  REQUIRE_THROWS_MATCHES(open_tar(dir / "missing.tar", {}), Error,
                         IsError(Errc::Io, "missing.tar"));
  REQUIRE_THROWS_MATCHES(open_tar(dir.path(), {}), Error, IsError(Errc::Io, "is a directory"));
}

TEST_CASE("the position grows to the total", "[archive][A40]") {
  const TempDir dir;
  const std::string bytes = TarWriter().entry({.name = "a"}, noise(20'000'000)).finish();
  write_file(dir / "a.tar", bytes);
  const auto source = open_tar(dir / "a.tar", {});
  CHECK(source->name() == (dir / "a.tar").string());
  CHECK(source->position().total_bytes == bytes.size());
  REQUIRE(source->next() != nullptr);
  std::uint64_t before = source->position().read_bytes;
  CHECK(before < bytes.size());
  while (source->next_chunk()) {
    const std::uint64_t now = source->position().read_bytes;
    CHECK(now >= before);
    before = now;
  }
  CHECK(source->next() == nullptr);
  CHECK(source->position().read_bytes == bytes.size());
}

TEST_CASE("a descriptor is read from where it stands", "[archive]") {
  const std::string tar = TarWriter().entry({.name = "a"}).finish();
  const MemoryFile file("leading" + tar);
  REQUIRE(lseek(file.descriptor(), 7, SEEK_SET) == 7);
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  CHECK(source->position().total_bytes == tar.size());
  CHECK(read_all(*source).size() == 1);
}

TEST_CASE("the queue makes its producer wait for room, and for nothing else", "[archive]") {
  ByteQueue queue(2);
  std::atomic<int> pushed = 0;
  std::thread producer([&] {
    for (int i = 0; i < 10; ++i) {
      auto buffer = queue.take_empty();
      buffer->size = 1;
      queue.push(std::move(*buffer));
      ++pushed;
    }
    queue.finish(nullptr);
  });
  std::this_thread::sleep_for(50ms);
  CHECK(pushed == 2);
  std::vector<Buffer> kept;
  while (auto buffer = queue.pop({})) kept.push_back(std::move(*buffer));
  producer.join();
  CHECK(kept.size() == 10);
}

TEST_CASE("a buffer that is pushed when nobody reads any more is let go", "[archive]") {
  std::weak_ptr<std::byte[]> memory;
  {
    ByteQueue queue(2);
    auto buffer = queue.take_empty();
    memory = buffer->memory;
    queue.abandon();
    queue.push(std::move(*buffer));
    CHECK_FALSE(queue.take_empty());
  }
  CHECK(memory.expired());
}

}  // namespace
}  // namespace rawimg::test
