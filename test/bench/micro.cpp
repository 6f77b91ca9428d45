// SPDX-License-Identifier: MIT
// The inner pieces whose cost a build is made of, each by itself. For one profile before a change
// and one behind it: rawimg_bench_micro --benchmark_filter=Directory
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <zlib.h>
#include <zstd.h>

#include "archive/decoder.h"
#include "archive/tar_header.h"
#include "base/digest.h"
#include "base/zeros.h"
#include "ext/block_map.h"
#include "ext/directory_blocks.h"
#include "tree/name_tree.h"

using namespace rawimg;

namespace {

std::vector<std::string> make_names(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back("file" + std::to_string(i));
  return names;
}

/// One directory, with its index: what P5 is made of.
void build_directory_of(benchmark::State& state) {
  const std::vector<std::string> names = make_names(state.range(0));
  const DirectoryFormat format;
  for (auto _ : state) {
    std::vector<DirName> entries;
    for (std::size_t i = 0; i < names.size(); ++i)
      entries.push_back({names[i], static_cast<std::uint32_t>(i + 12), EXT2_FT_REG_FILE});
    benchmark::DoNotOptimize(build_directory(format, 2, 2, entries).bytes.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(build_directory_of)->Name("Directory")->RangeMultiplier(10)->Range(10, 1'000'000);

/// Names as they come from a tarball: each is looked for, then added.
void add_names(benchmark::State& state) {
  const std::vector<std::string> names = make_names(state.range(0));
  for (auto _ : state) {
    Names tree;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const NodeId node{static_cast<std::uint32_t>(i + 2)};
      if (!tree.find(ExtBuilder::kRoot, names[i])) tree.add(ExtBuilder::kRoot, names[i], node);
    }
    benchmark::DoNotOptimize(tree.find(ExtBuilder::kRoot, "none"));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(add_names)->Name("Names")->RangeMultiplier(10)->Range(1000, 1'000'000);

/// A file of so many blocks in one run, and one of as many runs of a block.
void write_map(benchmark::State& state, bool extents, std::uint32_t run) {
  constexpr std::uint32_t kBlock = 4096;
  const auto blocks = static_cast<std::uint32_t>(state.range(0));
  std::vector<Extent> map;
  for (std::uint32_t at = 0; at < blocks; at += run)
    map.push_back({1000 + at * 2ULL, at, std::min(run, blocks - at)});
  std::vector<std::uint64_t> own(extents ? extent_tree_blocks(map, kBlock)
                                         : indirect_blocks_for(blocks, kBlock));
  std::iota(own.begin(), own.end(), 1'000'000'000);
  const MapSink sink = [](std::uint64_t, std::span<std::byte> bytes) {
    benchmark::DoNotOptimize(bytes.data());
  };
  for (auto _ : state)
    benchmark::DoNotOptimize(extents ? write_extent_map(map, own, kBlock, sink)
                                     : write_indirect_map(map, own, kBlock, sink));
  state.SetBytesProcessed(state.iterations() * state.range(0) * kBlock);
}
BENCHMARK_CAPTURE(write_map, IndirectOneRun, false, UINT32_MAX)->Range(64, 1 << 20);
BENCHMARK_CAPTURE(write_map, ExtentsOneRun, true, UINT32_MAX)->Range(64, 1 << 20);
BENCHMARK_CAPTURE(write_map, ExtentsOfOneBlock, true, 1)->Range(64, 1 << 18);

/// Text that compresses three to one, about as a stage3 does.
std::string sample_text() {
  std::string text;
  for (unsigned state = 1; text.size() < 16u << 20;) {
    state = state * 1664525 + 1013904223;
    text += "word" + std::to_string(state % 5000) + (state % 7 == 0 ? "\n" : " ");
  }
  return text;
}

std::string gzip_of(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd_of(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

void decode(benchmark::State& state, std::string (*pack)(const std::string&)) {
  const std::string text = sample_text(), packed = pack(text);
  const int file = memfd_create("packed", MFD_CLOEXEC);
  if (write(file, packed.data(), packed.size()) != static_cast<ssize_t>(packed.size()))
    throw std::runtime_error("cannot write");
  std::vector<std::byte> out(256 * 1024);
  for (auto _ : state) {
    lseek(file, 0, SEEK_SET);
    StoredInput input(file, "packed", {});
    const auto decoder = make_decoder(input, {});
    std::size_t done = 0;
    while (const std::size_t n = decoder->decode(out)) done += n;
    if (done != text.size()) state.SkipWithError("decoded to another size");
  }
  close(file);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(decode, Gzip, gzip_of);
BENCHMARK_CAPTURE(decode, Zstd, zstd_of);

void check_header(benchmark::State& state) {
  std::vector<std::byte> bytes(512, std::byte{'1'});  // a number that is no checksum of it
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes.data());
    benchmark::DoNotOptimize(TarHeader(bytes).checksum_fits());
  }
}
BENCHMARK(check_header)->Name("TarChecksum");

void find_zeros(benchmark::State& state) {
  const std::vector<std::byte> bytes(1 << 20);
  for (auto _ : state) benchmark::DoNotOptimize(is_zeros(bytes));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(find_zeros)->Name("Zeros");

void digest(benchmark::State& state) {
  const std::string text(1 << 20, 'x');
  for (auto _ : state) {
    Sha256 hash;
    hash.add(text);
    benchmark::DoNotOptimize(hash.finish());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(digest)->Name("Sha256");

}  // namespace

BENCHMARK_MAIN();
