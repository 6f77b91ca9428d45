// SPDX-License-Identifier: MIT
// 06_progress_and_cancel TARBALL IMAGE [MOST-BYTES]
// Builds an image as large as its content needs, shows how far it is, and gives up, without leaving
// anything behind, once more than MOST-BYTES of content have come.
#include <rawimg/build.h>
#include <rawimg/error.h>
#include <rawimg/tar_source.h>

#include <charconv>
#include <cstdio>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// Told by the thread that builds, and only by it.
class Console : public rawimg::Observer {
 public:
  Console(std::stop_source stop, std::uint64_t most_bytes)
      : stop_(std::move(stop)), most_bytes_(most_bytes) {}

  void progress(const rawimg::Progress& at) override {
    if (at.bytes_total && *at.bytes_total != 0)
      std::fprintf(
          stderr, "%3.0f %% read, %llu entries\n",
          100.0 * static_cast<double>(at.bytes_read) / static_cast<double>(*at.bytes_total),
          static_cast<unsigned long long>(at.entries));
    // Any thread may ask to stop: a button's, a timer's, one that waits for signals.
    if (at.content_bytes > most_bytes_) stop_.request_stop();
  }
  void warning(const rawimg::Warning& warning) override {
    std::fprintf(stderr, "warning: %s\n", warning.message.c_str());
  }

 private:
  std::stop_source stop_;
  std::uint64_t most_bytes_;
};

}  // namespace

int main(int count, char** words) {
  std::uint64_t most_bytes = UINT64_MAX;
  const std::string_view text = count == 4 ? words[3] : "0";
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), most_bytes);
  if (count < 3 || count > 4 || wrong != std::errc() || end != text.data() + text.size()) {
    std::fprintf(stderr, "usage: %s TARBALL IMAGE [MOST-BYTES]\n", words[0]);
    return 2;
  }
  if (count == 3) most_bytes = UINT64_MAX;
  try {
    const std::stop_source stop;
    std::vector<rawimg::SourceSpec> sources(1);
    sources[0].source = rawimg::open_tar(words[1], {.threads = 2, .stop = stop.get_token()});
    rawimg::ImageSpec spec;
    spec.filesystem.type = rawimg::ExtType::Ext4;
    spec.filesystem.fit = rawimg::Spare{.bytes = 16 << 20};
    rawimg::BuildOptions how;
    how.populate.stop = stop.get_token();
    Console console(stop, most_bytes);
    const auto made = rawimg::build(words[2], spec, std::move(sources), how, console);
    std::printf("%s: %llu bytes, %llu entries\n", words[2],
                static_cast<unsigned long long>(made.size.value),
                static_cast<unsigned long long>(made.content.entries));
    return 0;
  } catch (const rawimg::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == rawimg::Errc::Interrupted ? 130 : 1;
  }
}
