// SPDX-License-Identifier: MIT
// gem5img: the sizes that gem5's util/gem5img.py makes, and what sfdisk, dumpe2fs, e2fsck and
// mke2fs say of its images.
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "cli/run.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1u << 20;

CliResult gem5img(std::vector<std::string> words) {
  words.insert(words.begin(), "gem5img");
  return run_rawimg(words);
}

/// "start= 63, size= 32193, type=83" of sfdisk's first partition.
struct Part {
  std::uint64_t start = 0, size = 0;
  std::string type;
};
Part first_of(const fs::path& image) {
  const Outcome dump = run({"sfdisk", "-d", image.string()});
  CAPTURE(dump.text());
  REQUIRE(dump.ok());
  // as gem5img.py has it
  const std::regex line(R"(\s*\S+\s*:\s*start=\s*(\d+),\s*size=\s*(\d+),\s*type=(\w+)\s*)");
  std::istringstream text(dump.out);
  for (std::string row; std::getline(text, row);)
    if (std::smatch found; std::regex_match(row, found, line))
      return {std::stoull(found[1]), std::stoull(found[2]), found[3]};
  FAIL("sfdisk shows no partition");
  return {};
}

std::map<std::string, std::string> fields_of(const std::string& device) {
  // not dumpe2fs, whose 1.47.2 does not know ?offset=
  const Outcome dump = run({"debugfs", "-R", "show_super_stats -h", device});
  CAPTURE(dump.text());
  REQUIRE(dump.ok());
  std::map<std::string, std::string> fields;
  std::istringstream text(dump.out);
  for (std::string row; std::getline(text, row);)
    if (const std::size_t colon = row.find(':'); colon != std::string::npos) {
      const std::size_t value = row.find_first_not_of(' ', colon + 1);
      fields[row.substr(0, colon)] = value == std::string::npos ? "" : row.substr(value);
    }
  return fields;
}

/// The first partition starts and ends where it should, and its filesystem fills it.
void require_disk(const fs::path& image, std::uint64_t start, const std::string& type) {
  const std::uint64_t sectors = fs::file_size(image) / 512;
  const Part part = first_of(image);
  CHECK(part.start == start);
  CHECK(part.size == sectors - start);
  CHECK(part.type == "83");
  const std::string device = image.string() + "?offset=" + std::to_string(start * 512);
  auto fields = fields_of(device);
  const std::uint64_t block = std::stoull(fields["Block size"]);
  CHECK(std::stoull(fields["Block count"]) == part.size * 512 / block);
  const std::string features = " " + fields["Filesystem features"] + " ";
  CHECK((features.find(" has_journal ") != std::string::npos) == (type != "ext2"));
  CHECK((features.find(" extent ") != std::string::npos) == (type == "ext4"));
  if (type == "ext2")
    CHECK(fields["Filesystem features"] ==
          "ext_attr resize_inode dir_index filetype sparse_super large_file");
  const Outcome judged = run({"e2fsck", "-fn", device});
  CAPTURE(judged.text());
  CHECK(judged.exit_code == 0);
  CHECK(judged.out.find("? no") == std::string::npos);
}

}  // namespace

TEST_CASE("new makes whole cylinders, and at most 16383", "[cli][gem5img]") {
  struct Row {
    const char* mb;
    std::uint64_t bytes;
  };
  const auto row = GENERATE(values<Row>({{"1", 1032192},
                                         {"2", 2064384},
                                         {"10", 10321920},
                                         {"64", 67092480},
                                         {"100", 104767488},
                                         {"256", 268369920},
                                         {"512", 536739840},
                                         {"1024", 1073479680},
                                         {"2048", 2147475456},
                                         {"4037", 4233019392},  // a byte short in Python 3
                                         {"4096", 4294950912},
                                         {"8000", 8388108288},
                                         {"8063", 8454168576},
                                         {"8064", 8455200768},
                                         {"10000", 8455200768}}));
  CAPTURE(row.mb);
  const TempDir dir;
  const std::string image = (dir / "x.img").string();
  const CliResult made = gem5img({"new", image, row.mb});
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  CHECK(fs::file_size(image) == row.bytes);
  CHECK(fs::file_size(image) % (16 * 63 * 512) == 0);
  const std::string warning = std::string(row.mb) + " MB is too big for LBA, truncating file.\n";
  CHECK(made.out == (std::stoi(row.mb) >= 8064 ? warning : ""));

  REQUIRE(gem5img({"new", image, row.mb, "--exact", "--force"}).out.empty());
  CHECK(fs::file_size(image) == std::stoull(row.mb) * kMiB);
}

TEST_CASE("what gem5's guides call gives disks as they promise", "[cli][gem5img]") {
  struct Row {
    const char* file;
    const char* mb;
    std::vector<std::string> words;
    std::uint64_t bytes, start;
    const char* type;
  };
  const std::vector<Row> rows{
      {"x86root.img", "16", {}, 16515072, 63, "ext2"},
      {"linux-bigswap2.img", "128", {}, 134184960, 63, "ext2"},
      {"bench.img", "512", {}, 536739840, 63, "ext2"},
      {"ubuntu-14.04.img", "4096", {}, 4294950912, 63, "ext2"},
      {"small.img", "1", {}, 1032192, 63, "ext2"},
      {"small.img", "2", {}, 2064384, 63, "ext2"},
      {"foo", "100", {"-t", "ext3"}, 104767488, 63, "ext3"},
      {"foo", "100", {"--type=ext4", "--align", "2048"}, 104767488, 2048, "ext4"},
      {"big.img", "9000", {"-t", "ext4", "-d"}, 8455200768, 63, "ext4"},
      {"exact.img", "100", {"--exact", "--align=2048"}, 104857600, 2048, "ext2"}};
  for (const Row& row : rows) {
    CAPTURE(row.file, row.mb, row.words);
    const TempDir dir;
    std::vector<std::string> words{"init", (dir / row.file).string(), row.mb, "--no-sync"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    const CliResult made = gem5img(words);
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    CHECK(fs::file_size(dir / row.file) == row.bytes);
    require_disk(dir / row.file, row.start, row.type);
  }
}

TEST_CASE("new, partition and format make what init makes", "[cli][gem5img]") {
  const TempDir dir;
  // with a colon, which is no address here
  const std::string image = (dir / "a:1.img").string();
  const std::string type = GENERATE("ext2", "ext3", "ext4");
  const std::string start = GENERATE("63", "2048");
  CAPTURE(type, start);
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"new", image, "64"},
                                             {"partition", image, "--align", start},
                                             {"format", image, "-t", type}}) {
    const CliResult made = gem5img(words);
    CAPTURE(words, made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.empty());
  }
  CHECK(fs::file_size(image) == 67092480);
  require_disk(image, std::stoull(start), type);
}

TEST_CASE("the filesystem has the blocks that mke2fs chooses, and at least its inodes",
          "[cli][gem5img]") {
  const std::string mb = GENERATE("1", "2", "3", "4", "511", "512", "513", "2048");
  const std::string type = GENERATE("ext2", "ext3", "ext4");
  CAPTURE(mb, type);
  const TempDir dir;
  const std::string ours = (dir / "ours.img").string(), theirs = (dir / "theirs.img").string();
  const CliResult result = gem5img({"init", ours, mb, "-t", type, "--no-sync"});
  if (type != "ext2" && std::stoi(mb) < 3) {
    // mke2fs leaves out the journal that was asked for
    CHECK(result.code == 5);
    CHECK_THAT(result.err, Catch::Contains("journal"));
    return;
  }
  REQUIRE(result.code == 0);
  const Part part = first_of(ours);
  // of a device of that size
  write_file(theirs, "");
  fs::resize_file(theirs, part.size * 512);
  const Outcome made = run({"mke2fs", "-q", "-F", "-t", type, theirs});
  CAPTURE(made.text());
  REQUIRE(made.ok());
  auto a = fields_of(ours + "?offset=32256"), b = fields_of(theirs);
  for (const char* field :
       {"Block size", "Block count", "Reserved block count", "Inode size", "Blocks per group"}) {
    CAPTURE(field);
    CHECK(a[field] == b[field]);
  }
  // mke2fs rounds down to a multiple of 8
  const int inodes = std::stoi(a["Inodes per group"]), least = std::stoi(b["Inodes per group"]);
  CHECK(inodes >= least);
  CHECK(inodes <= least + 8);
}

TEST_CASE("the table has the bytes of 16 heads and 63 sectors", "[cli][gem5img]") {
  const TempDir dir;
  const std::string image = (dir / "x.img").string();
  const auto entry = [&] {
    const std::string sector = read_file(image).substr(0, 512);
    CHECK(sector.substr(510) == "\x55\xAA");
    return sector.substr(446, 16);
  };
  REQUIRE(gem5img({"init", image, "100", "--no-sync"}).code == 0);
  // to the last sector of cylinder 202
  CHECK((entry() == std::string("\0\x01\x01\0\x83\x0F\x3F\xCA\x3F\0\0\0\x11\x1F\x03\0", 16)));
  // 1008 + 1008 + 32 sectors before it
  REQUIRE(gem5img({"init", image, "100", "--no-sync", "--align=2048", "-f"}).code == 0);
  CHECK((entry().substr(0, 5) == std::string("\0\0\x21\x02\x83", 5)));
  // behind cylinder 1023 there is no more to say
  REQUIRE(gem5img({"init", image, "512", "--no-sync", "-f"}).code == 0);
  CHECK((entry().substr(5, 3) == "\xFE\xFF\xFF"));
}

TEST_CASE("nothing that is there is written over without --force", "[cli][gem5img]") {
  const TempDir dir;
  const std::string image = (dir / "x.img").string();
  write_file(image, std::string(3u << 20, 'x'));
  for (const std::string verb : {"new", "init"}) {
    CHECK(gem5img({verb, image, "1"}).code == 1);
    CHECK((read_file(image) == std::string(3u << 20, 'x')));
  }
  REQUIRE(gem5img({"new", image, "1", "--force"}).code == 0);
  CHECK((read_file(image) == std::string(1032192, '\0')));
  REQUIRE(gem5img({"partition", image}).code == 0);
  CHECK(gem5img({"partition", image, "--align=2048"}).code == 1);
  CHECK(first_of(image).start == 63);
  REQUIRE(gem5img({"format", image}).code == 0);
  CHECK(gem5img({"format", image, "-t", "ext3"}).code == 1);
  CHECK(gem5img({"format", image, "--force", "--dry-run"}).code == 0);
  // an empty file is what mktemp makes
  const std::string temporary = (dir / "tmp.img").string();
  write_file(temporary, "");
  REQUIRE(gem5img({"init", temporary, "4"}).code == 0);
  require_disk(temporary, 63, "ext2");
}

TEST_CASE("an image is not executable, and has the umask's mode", "[cli][gem5img]") {
  const TempDir dir;
  const mode_t mask = GENERATE(022, 077);
  const mode_t before = umask(mask);
  const int code = gem5img({"new", (dir / "x.img").string(), "1"}).code;
  umask(before);
  REQUIRE(code == 0);
  struct stat status {};
  REQUIRE(stat((dir / "x.img").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == (mask == 022 ? 0644U : 0600U));
}

TEST_CASE("words that are wrong end as argparse and the script end them", "[cli][gem5img]") {
  const TempDir dir;
  const std::string image = (dir / "x.img").string();
  const CliResult none = gem5img({}), unknown = gem5img({"mkfs", image});
  for (const CliResult& result : {none, unknown}) {
    CHECK(result.code == 1);
    CHECK(
        result.out.starts_with("Usage: gem5img [command] <command arguments>\n"
                               "where [command] is one of \n"
                               "    init: Create an image with an empty file system.\n"
                               "    mount: Mount the first partition in the disk image.\n"
                               "    umount: Unmount the disk image mounted at mount_point.\n"
                               "    new: File creation part of \"init\".\n"
                               "    partition: Partition part of \"init\".\n"
                               "    format: Formatting part of \"init\".\n"));
  }
  for (const auto& words : std::vector<std::vector<std::string>>{{"init", image},
                                                                 {"init", image, "1", "2"},
                                                                 {"new", image},
                                                                 {"partition"},
                                                                 {"partition", image, "x"},
                                                                 {"format"},
                                                                 {"mount", image},
                                                                 {"umount"}}) {
    CAPTURE(words);
    const CliResult result = gem5img(words);
    CHECK(result.code == 2);
    CHECK(result.err.starts_with("usage: gem5img " + words[0] + " [options] "));
    CHECK(result.err.ends_with("gem5img: error: Incorrect number of arguments\n"));
  }
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"new", image, "1", "-t", "ext2"},
                                             {"partition", image, "--exact"},
                                             {"format", image, "--align=2048"},
                                             {"mount", image, "mnt", "-t", "ext2"},
                                             {"new", image, "0"},
                                             {"new", image, "-1"},
                                             {"new", image, "64M"},
                                             {"init", image, "64", "-t", "xfs"},
                                             {"init", image, "64", "--align", "0"},
                                             {"init", image, "64", "--sudo"}}) {
    CAPTURE(words);
    CHECK(gem5img(words).code == 2);
    CHECK_FALSE(fs::exists(image));
  }
  CHECK_THAT(gem5img({"init", image, "64", "-t", "xfs"}).err,
             Catch::Contains("'xfs'") && Catch::Contains("ext2, ext3 or ext4"));
  const CliResult help = gem5img({"init", "-h"});
  CHECK(help.code == 0);
  CHECK(help.out.starts_with("usage: gem5img init [options] file mb\n"));
  CHECK_THAT(help.out, Catch::Contains("--type FSTYPE"));
  CHECK(gem5img({"format", "none.img"}).code == 1);
  write_file(image, std::string(1 << 20, '\0'));
  CHECK(gem5img({"format", image}).code == 3);  // no table
}

TEST_CASE("mount names the filesystem that is there, wherever it is", "[cli][gem5img]") {
  const TempDir dir;
  const std::string bare = (dir / "bare.img").string(), second = (dir / "second.img").string();
  REQUIRE(run_rawimg({"init", bare, "--size", "8M", "--table", "none", "-q"}).code == 0);
  CHECK_THAT(gem5img({"mount", bare, "mnt"}).err, Catch::Contains("cp -a mnt/. " + bare + ":/ "));
  REQUIRE(run_rawimg({"create", second, "--size", "16M", "-q"}).code == 0);
  REQUIRE(
      run_rawimg({"partition", second, "start=2048,size=2048,type=21", "start=8192", "-q"}).code ==
      0);
  CHECK_THAT(gem5img({"mount", second, "mnt"}).err, Catch::Contains(second + ":1/ "));
  REQUIRE(run_rawimg({"format", second + ":2", "-q"}).code == 0);
  CHECK_THAT(gem5img({"mount", second, "mnt"}).err, Catch::Contains(second + ":2/ "));
}

TEST_CASE("mount and umount say the lines that do their job", "[cli][gem5img]") {
  const TempDir dir;
  const std::string image = (dir / "x.img").string(), tree = (dir / "mount me").string();
  REQUIRE(gem5img({"init", image, "16", "--no-sync"}).code == 0);
  fs::create_directories(tree + "/etc");
  write_file(tree + "/etc/motd", "hello\n");
  const CliResult mounted = gem5img({"mount", image, tree + "/"});
  CAPTURE(mounted.err);
  CHECK(mounted.code == 3);
  CHECK(mounted.out.empty());
  const std::string in = "rawimg cp -a '" + tree + "/.' " + image + ":1/ ",
                    out = "rawimg cp -a " + image + ":1/. '" + tree + "/' ";
  CHECK_THAT(mounted.err, Catch::Contains(in) && Catch::Contains(out));
  // and they do
  REQUIRE(run_rawimg({"cp", "-a", tree + "/.", image + ":1/"}).code == 0);
  CHECK(run_rawimg({"cat", image + ":/etc/motd"}).out == "hello\n");
  fs::remove_all(tree);
  fs::create_directory(tree);
  const CliResult copied = run_rawimg({"cp", "-a", image + ":1/.", tree + "/"});
  CAPTURE(copied.err);
  REQUIRE(copied.code == 0);
  CHECK(read_file(tree + "/etc/motd") == "hello\n");

  const CliResult unmounted = gem5img({"umount", tree});
  CHECK(unmounted.code == 3);
  CHECK_THAT(unmounted.err, Catch::Contains("rawimg cp -a '" + tree + "/.' IMG:/"));
  CHECK(gem5img({"mount", (dir / "none.img").string(), tree}).code == 1);
  for (const CliResult& result : {mounted, unmounted})
    CHECK(result.err.find("sudo") == std::string::npos);
}

TEST_CASE("what gem5img does can be read by machines, and shown in rawimg's words",
          "[cli][gem5img]") {
  const TempDir dir;
  const std::string image = (dir / "x.img").string();
  const CliResult made = gem5img({"new", image, "8064", "--json"});
  const auto json = made.json();
  CHECK(json.at("command") == "gem5img");
  CHECK(json.at("result").at("verb") == "new");
  CHECK(json.at("result").at("size") == 8455200768);
  CHECK(json.at("warnings").at(0).at("code") == "truncated");
  CHECK(gem5img({"mount", image, "mnt", "--json"}).json().at("error").at("exit") == 3);
  CHECK(gem5img({"mount", "--json"}).json().at("error").at("exit") == 2);
  const CliResult debug = gem5img({"init", image, "100", "-f", "-d", "--no-sync"});
  CHECK_THAT(debug.err, Catch::Contains("%> rawimg init ") && Catch::Contains("--size=204624s") &&
                            Catch::Contains("--start=63s"));
  // as it stands there, it can be run
  std::string line = debug.err.substr(debug.err.find("%> rawimg ") + 10);
  line.resize(line.find('\n'));
  const Outcome split = run({"sh", "-c", "printf '%s\\n' " + line});
  std::vector<std::string> words;
  std::istringstream in(split.out);
  for (std::string word; std::getline(in, word);) words.push_back(word);
  const CliResult pasted = run_rawimg(words);
  CAPTURE(line, pasted.err);
  CHECK(pasted.code == 0);
}

TEST_CASE("a program that is called gem5img is rawimg gem5img", "[cli][gem5img]") {
  const auto words = [](std::vector<const char*> argv) {
    return rawimg::cli::words_of(static_cast<int>(argv.size()), argv.data());
  };
  using Words = std::vector<std::string>;
  CHECK(words({"/usr/bin/gem5img", "new", "x", "1"}) == Words{"gem5img", "new", "x", "1"});
  CHECK(words({"util/gem5img.py"}) == Words{"gem5img"});
  CHECK(words({"gem5img"}) == Words{"gem5img"});
  CHECK(words({"/opt/gem5img/rawimg", "ls"}) == Words{"ls"});
  CHECK(words({"rawimg-gem5img", "ls"}) == Words{"ls"});
  CHECK(words({"rawimg"}).empty());
  CHECK(words({}).empty());
}
