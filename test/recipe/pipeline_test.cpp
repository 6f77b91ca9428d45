// SPDX-License-Identifier: MIT
// Decoder, parser, builder and writer with all their threads, from an archive's bytes to the
// image's: what comes out, and what happens when any of them fails in the middle. CI runs this
// under AddressSanitizer and under ThreadSanitizer, too.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include <rawimg/build.h>
#include <rawimg/tar_source.h>

#include "archive/read_tar.h"
#include "recipe/build_into.h"
#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;

class Silent : public Observer {};

/// Some 6 MiB: small files, large ones, links, replaced ones, zeros.
const std::string& archive() {
  static const std::string bytes = [] {
    TarWriter writer;
    for (std::uint32_t i = 0; i < 300; ++i) {
      const std::string name = "d" + std::to_string(i % 7) + "/f" + std::to_string(i);
      writer.entry({.name = name}, noise(i % 50 == 0 ? 700'000 : 37 * i, i));
      if (i % 11 == 0) writer.entry({.name = name + ".link", .type = '1', .link = name});
      if (i % 13 == 0) writer.entry({.name = name}, std::string(20'000, '\0') + noise(9'000, i));
    }
    return writer.finish();
  }();
  return bytes;
}

/// "tar" is the archive itself, "xz" one stream of many blocks, as a stage3 is.
std::string stored(const std::string& how) {
  if (how == "tar") return archive();
  if (how != "xz") return compress(archive(), how);
  Outcome made =
      run(Command{.argv = {"xz", "-0", "--block-size=256KiB", "-c"}, .input = archive()});
  REQUIRE(made.ok());
  return made.out;
}

std::vector<SourceSpec> source(int descriptor, unsigned threads, std::stop_token stop = {}) {
  std::vector<SourceSpec> sources;
  sources.emplace_back().source =
      open_tar(descriptor, "archive", {.threads = threads, .stop = std::move(stop)});
  return sources;
}

ImageSpec ext4_that_fits() {
  ImageSpec spec;
  spec.filesystem.type = ExtType::Ext4;
  spec.filesystem.fit = Spare{};
  return spec;
}

/// Builds from bytes, with a seam in front of the image's file.
void build_through(WriteSeam& seam, std::string_view bytes, unsigned threads) {
  const TempDir dir;
  const MemoryFile input(bytes);
  NewImage image(dir / "x.img", Replace::Refuse);
  image.file().set_seam(&seam);
  Silent observer;
  try {
    (void)build_into(image.file(), ext4_that_fits(), source(input.descriptor(), threads), {},
                     observer);
  } catch (...) {
    image.file().set_seam(nullptr);
    throw;
  }
  image.file().set_seam(nullptr);
}

TEST_CASE("the same bytes come out with any number of threads, of any compression",
          "[recipe][F07]") {
  const TempDir dir;
  Silent observer;
  const auto image_of = [&](const std::string& how, unsigned threads) {
    const std::string bytes = stored(how);
    const MemoryFile input(bytes);
    const auto path = dir / (how + std::to_string(threads) + ".img");
    (void)build(path, ext4_that_fits(), source(input.descriptor(), threads), {}, observer);
    return read_file(path);
  };
  const std::string first = image_of("tar", 1);
  REQUIRE(first.size() > archive().size());
  for (const std::string how : {"tar", "xz", "gzip", "zstd"})
    for (const unsigned threads : {1u, 2u, 8u}) {
      CAPTURE(how, threads);
      if (how != "tar" || threads != 1) REQUIRE((image_of(how, threads) == first));
    }
}

TEST_CASE("a source that ends anywhere is an error, and leaves no image", "[recipe][B11]") {
  const std::string how = GENERATE("tar"s, "xz"s, "gzip"s, "zstd"s);
  const unsigned threads = GENERATE(1u, 8u);
  CAPTURE(how, threads);
  const std::string whole = stored(how);
  const TempDir dir;
  Silent observer;
  for (std::size_t sixteenth = 1; sixteenth < 16; ++sixteenth) {
    CAPTURE(sixteenth);
    const MemoryFile input(std::string_view(whole).substr(0, whole.size() * sixteenth / 16));
    REQUIRE_THROWS_MATCHES(
        build(dir / "x.img", ext4_that_fits(), source(input.descriptor(), threads), {}, observer),
        Error, IsError(Errc::BadInput, "archive"));
    REQUIRE(std::filesystem::is_empty(dir.path()));
  }
}

TEST_CASE("a write that fails anywhere is what the build fails with", "[recipe][A35]") {
  const std::string how = GENERATE("tar"s, "xz"s);
  const std::string bytes = stored(how);
  FaultSeam counting;
  build_through(counting, bytes, 2);
  REQUIRE(counting.events().size() > 10);
  // Batches depend on who was faster, so the last of them may not come in another run.
  const std::size_t some = std::min<std::size_t>(counting.events().size(), 40);
  for (std::size_t n = 0; n < some; ++n) {
    CAPTURE(how, n);
    FaultSeam failing(n);
    try {
      build_through(failing, bytes, 2);
      REQUIRE(failing.events().size() <= n);
    } catch (const Error& error) {
      REQUIRE_THAT(error, IsError(Errc::Io, "injected fault"));
    }
  }
}

TEST_CASE("a stop from another thread ends a build at any time", "[recipe]") {
  const auto after = GENERATE(0us, 300us, 2ms, 10ms, 40ms);
  CAPTURE(after.count());
  const std::string bytes = stored("xz");
  const MemoryFile input(bytes);
  const TempDir dir;
  Silent observer;
  std::stop_source stop;
  BuildOptions how;
  how.populate.stop = stop.get_token();
  std::jthread stopper([&] {
    std::this_thread::sleep_for(after);
    stop.request_stop();
  });
  try {
    (void)build(dir / "x.img", ext4_that_fits(), source(input.descriptor(), 4, stop.get_token()),
                how, observer);
    CHECK(std::filesystem::exists(dir / "x.img"));  // it was done before
  } catch (const Error& error) {
    REQUIRE_THAT(error, IsError(Errc::Interrupted, "interrupted"));
    CHECK(std::filesystem::is_empty(dir.path()));
  }
}

}  // namespace
}  // namespace rawimg::test
