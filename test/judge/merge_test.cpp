// SPDX-License-Identifier: MIT
// Putting tarballs into a filesystem that holds something gives the tree that a build of all of
// them gives, in one transaction.
#include <random>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/kernel_judge.h"
#include "judge/pax_writer.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Entries over few names, so that the second tarball meets the first one's everywhere. What must
/// be an error (something over a directory that holds something) is left to other tests, by giving
/// directories names of their own.
class RandomTarball {
 public:
  explicit RandomTarball(unsigned seed) : random_(seed) {}

  void write(const fs::path& file, unsigned entries) {
    std::FILE* out = std::fopen(file.c_str(), "wb");
    REQUIRE(out != nullptr);
    rawimg::judge::PaxWriter writer(out);
    files_.clear();
    for (unsigned i = 0; i < entries; ++i) add(writer);
    writer.finish();
    std::fclose(out);
  }

 private:
  unsigned pick(unsigned below) {
    return std::uniform_int_distribution<unsigned>(0, below - 1)(random_);
  }
  std::string directory() {
    std::string path = ".";
    for (unsigned depth = pick(4); depth != 0; --depth)
      path += std::string("/d") + static_cast<char>('a' + pick(3));
    return path;
  }
  rawimg::judge::Member member(std::string path, char type) {
    rawimg::judge::Member m;
    m.path = std::move(path);
    m.type = type;
    m.mode = type == '2' ? 0777 : 0400 + pick(0377);
    m.uid = pick(3) * 50'000;
    m.gid = pick(3);
    m.mtime = std::to_string(1'500'000'000 + pick(1'000'000)) + ".25";
    if (pick(4) == 0) m.xattrs["user.kind"] = std::string(1 + pick(400), 'x');
    return m;
  }
  void add(rawimg::judge::PaxWriter& writer) {
    const std::string path = directory() + "/f" + static_cast<char>('a' + pick(6));
    switch (pick(8)) {
      case 0:
      case 1:
        return writer.add(member(directory(), '5'));
      case 2: {
        rawimg::judge::Member m = member(path, '2');
        m.link = std::string(1 + pick(120), 't');
        m.xattrs.clear();
        return writer.add(m);
      }
      case 3: {
        if (files_.empty()) return;
        rawimg::judge::Member m = member(path, '1');
        m.link = files_[pick(static_cast<unsigned>(files_.size()))];
        return writer.add(m);
      }
      case 4: {
        rawimg::judge::Member m = member(path, '3');
        m.dev_major = 1;
        m.dev_minor = pick(9);
        m.xattrs.clear();
        return writer.add(m);
      }
      default:
        files_.push_back(path);
        std::string content(pick(3) == 0 ? pick(300'000) : pick(9000), '\0');
        for (char& c : content) c = static_cast<char>(1 + pick(255));
        return writer.add(member(path, '0'), content);
    }
  }

  std::mt19937 random_;
  std::vector<std::string> files_;  // of the tarball that is being written
};

/// Directories whose names changed have got a time that a build would not give them.
std::string without_directory_times(const std::string& listing) {
  static const std::regex kTime("^(\\S+ d \\S+ \\S+) \\S+", std::regex::optimize);
  std::string text;
  std::istringstream lines(listing);
  for (std::string line; std::getline(lines, line);)
    text += std::regex_replace(line, kTime, "$1") + "\n";
  return text;
}

void require_populate(const fs::path& image, const fs::path& tarball) {
  const Outcome outcome =
      run_rawimg({"populate", image.string(), tarball.string(), "--no-sync", "-q"});
  INFO(outcome.text());
  REQUIRE(outcome.ok());
}

}  // namespace

TEST_CASE("a second tarball over a first is what a build of both is", "[judge][boot][A10][A42]") {
  struct Shape {
    const char *type, *block_size, *inode_size;
  };
  const std::vector<Shape> shapes{{"ext2", "1K", "128"}, {"ext3", "4K", "256"},
                                  {"ext4", "1K", "256"}, {"ext4", "4K", "256"},
                                  {"ext2", "4K", "256"}, {"ext4", "2K", "128"}};
  const TempDir dir;
  std::vector<Mountable> images;
  unsigned seed = 1;
  for (const Shape& shape : shapes) {
    RandomTarball random(seed);
    const std::string name = std::to_string(seed++);
    const fs::path first = dir / (name + ".1.tar"), second = dir / (name + ".2.tar"),
                   both = dir / (name + ".both.img"), merged = dir / (name + ".merged.img");
    random.write(first, 200);
    random.write(second, 200);
    const std::vector<std::string> words{"--size",       "64M",           "-t",
                                         shape.type,     "--block-size",  shape.block_size,
                                         "--inode-size", shape.inode_size};
    std::vector<std::string> of_both{"--from", second.string()};
    of_both.insert(of_both.end(), words.begin(), words.end());
    require_build(both, first, of_both);
    require_build(merged, first, words);
    require_populate(merged, second);
    require_clean(merged);
    images.push_back({both, shape.type});
    images.push_back({merged, shape.type});
  }
  const auto listings = kernel_listings(images);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    CAPTURE(shapes[i].type, shapes[i].block_size);
    CHECK(difference(without_directory_times(listings[2 * i]),
                     without_directory_times(listings[2 * i + 1])) == "");
  }
}

TEST_CASE("hard links that a tarball does not know of keep their file", "[judge][A42][A08]") {
  const TempDir dir;
  const fs::path image = dir / "x.img";
  require_build(image,
                rawimg::judge::write_members(
                    dir / "1.tar", {{{.path = "./a/one"}, "old"},
                                    {{.path = "./b/two", .type = '1', .link = "./a/one"}, ""},
                                    {{.path = "./c/three", .type = '1', .link = "./a/one"}, ""},
                                    {{.path = "./keep"}, "kept"}}),
                {"--size", "16M", "-t", "ext4"});
  // `a/one` becomes a new file; `b/two` a link to `keep`; `c/three` is never looked at.
  require_populate(image, rawimg::judge::write_members(
                              dir / "2.tar", {{{.path = "./a/one"}, "new"},
                                              {{.path = "./d", .type = '5', .mode = 0755}, ""}}));
  require_populate(
      image, rawimg::judge::write_members(dir / "3.tar",
                                          {{{.path = "./a/one"}, "newer"},
                                           {{.path = "./e", .type = '1', .link = "./a/one"}, ""}}));
  require_clean(image);
  CHECK(debugfs(image, 1 << 20, "cat /b/two") == "old");
  CHECK(debugfs(image, 1 << 20, "cat /c/three") == "old");
  CHECK(debugfs(image, 1 << 20, "cat /e") == "newer");
  CHECK(debugfs(image, 1 << 20, "cat /keep") == "kept");
  CHECK_THAT(debugfs(image, 1 << 20, "stat /c/three"), Catch::Contains("Links: 2"));
}

TEST_CASE("populate that fails leaves every byte in use, and --dry-run every byte",
          "[judge][A35][E14]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", copy = dir / "copy.img";
  RandomTarball random(7);
  random.write(dir / "1.tar", 100);
  require_build(image, dir / "1.tar", {"--size", "16M", "-t", "ext4"});
  fs::copy_file(image, copy);

  random.write(dir / "2.tar", 100);
  const Outcome dry =
      run_rawimg({"populate", image.string(), (dir / "2.tar").string(), "--dry-run"});
  INFO(dry.text());
  REQUIRE(dry.ok());
  CHECK_THAT(dry.err, Catch::Contains("nothing was written"));
  CHECK(same_bytes(image, copy));

  const Outcome full = run_rawimg({"populate", image.string(), "-q", "-"});
  CHECK(full.exit_code == 1);
  CHECK(same_bytes(image, copy));
  const auto large = rawimg::judge::write_members(
      dir / "3.tar", {{{.path = "./large"}, std::string(13 << 20, 'x')}});
  const Outcome no_room = run_rawimg({"populate", image.string(), large.string()});
  INFO(no_room.text());
  CHECK(no_room.exit_code == 5);
  CHECK_THAT(no_room.err, Catch::Contains("make it larger by about "));
  CHECK(same_bytes(image, copy));  // free blocks were zeros, and are again
}

TEST_CASE("what populate did can be taken back", "[judge][E14]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", before = dir / "before.img";
  RandomTarball random(3);
  random.write(dir / "1.tar", 100);
  random.write(dir / "2.tar", 100);
  require_build(image, dir / "1.tar", {"--size", "64M", "-t", "ext2"});
  fs::copy_file(image, before);
  const Outcome done =
      run_rawimg({"populate", image.string(), (dir / "2.tar").string(), "--no-sync"});
  INFO(done.text());
  REQUIRE(done.ok());
  CHECK_THAT(done.err, Catch::Contains("rawimg undo"));
  CHECK_FALSE(same_bytes(image, before));
  const Outcome undone = run_rawimg({"undo", image.string()});
  INFO(undone.text());
  REQUIRE(undone.ok());
  require_clean(image);
  CHECK(kernel_listings({{image, "ext2"}}) == kernel_listings({{before, "ext2"}}));
}
