// SPDX-License-Identifier: MIT
// What we read from archives that GNU tar and bsdtar have made of a real tree must be that tree;
// what they read from archives of ours must be what we read. A missing program fails the test.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "archive/read_tar.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;
namespace fs = std::filesystem;

void require_run(std::vector<std::string> argv) {
  const Outcome outcome = run(std::move(argv));
  INFO(outcome.text());
  REQUIRE(outcome.ok());
}

void set_times(const fs::path& file, timespec mtime) {
  const timespec times[2] = {{1'500'000'000, 7}, mtime};
  REQUIRE(utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

/// Everything that an unprivileged user can make.
void make_tree(const fs::path& root, timespec oldest) {
  fs::create_directories(root / "dir/sub");
  write_file(root / "dir/small", "small\n");
  write_file(root / "dir/large", noise(3'000'001));
  write_file(root / "empty", "");
  write_file(root /
                 "gr\xFC\xDF"
                 "e",
             "Latin-1");
  write_file(root / "u\xCC\x88 new\nline\t\\", "decomposed");
  write_file(root / std::string(200, 'n'), "long name");
  fs::create_symlink(std::string(300, 't'), root / "long-target");
  fs::create_symlink("u\xCC\x88", root / "symlink");
  fs::create_hard_link(root / "dir/large", root / "hard");
  REQUIRE(mkfifo((root / "fifo").c_str(), 0640) == 0);
  write_file(root / "sparse", "");
  const int descriptor = ::open((root / "sparse").c_str(), O_WRONLY | O_CLOEXEC);
  for (int i = 0; i < 40; ++i) REQUIRE(pwrite(descriptor, "data", 4, i * 1'000'000LL) == 4);
  REQUIRE(ftruncate(descriptor, 50'000'000) == 0);
  ::close(descriptor);
  fs::permissions(root / "dir/small", static_cast<fs::perms>(04755));
  fs::permissions(root / "dir/sub", static_cast<fs::perms>(01777));
  set_times(root / "dir/small", oldest);
  set_times(root / "empty", {4'102'444'800, 999'999'999});
  set_times(root / "symlink", {1'000'000'000, 1});
}

void add_attributes(const fs::path& root) {
  const std::string value = "\0binary\n=\xFF"s;
  for (const char* name : {"user.plain", "user.a=b", "user.per%cent"})
    REQUIRE(lsetxattr((root / "dir/small").c_str(), name, value.data(), value.size(), 0) == 0);
  REQUIRE(lsetxattr((root / "dir").c_str(), "user.empty", "", 0, 0) == 0);
  require_run({"setfacl", "-m", "u:54321:rw-,g:4000000:r-x", (root / "dir/large").string()});
  require_run({"setfacl", "-d", "-m", "u:54321:rwx", (root / "dir/sub").string()});
}

/// The same from lstat and getxattr.
ReadEntry look_at(const fs::path& file) {
  struct stat status {};
  REQUIRE(lstat(file.c_str(), &status) == 0);
  ReadEntry read;
  read.entry.permissions = static_cast<std::uint16_t>(status.st_mode & 07777);
  read.entry.uid = status.st_uid;
  read.entry.gid = status.st_gid;
  read.entry.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  read.entry.type = S_ISREG(status.st_mode)   ? FileType::Regular
                    : S_ISDIR(status.st_mode) ? FileType::Directory
                    : S_ISLNK(status.st_mode) ? FileType::Symlink
                                              : FileType::Fifo;
  if (S_ISREG(status.st_mode)) read.content = read_file(file);
  if (S_ISLNK(status.st_mode)) read.entry.link_target = fs::read_symlink(file).string();
  std::string names(65536, '\0');
  const ssize_t size = llistxattr(file.c_str(), names.data(), names.size());
  for (ssize_t at = 0; at < size;) {
    const std::string name = names.c_str() + at;
    at += static_cast<ssize_t>(name.size() + 1);
    std::string value(65536, '\0');
    const ssize_t length = lgetxattr(file.c_str(), name.c_str(), value.data(), value.size());
    if (length >= 0 && name != "security.selinux")
      read.entry.xattrs.push_back({name, value.substr(0, static_cast<std::size_t>(length))});
  }
  std::ranges::sort(read.entry.xattrs);
  return read;
}

struct Dialect {
  const char* name;
  bool nanoseconds = false, attributes = false, holes = false;
};

void compare_with_tree(const std::vector<ReadEntry>& all, const fs::path& root,
                       const Dialect& dialect) {
  std::map<std::string, const ReadEntry*> by_path;
  std::size_t links = 0;
  for (const ReadEntry& read : all) {
    std::string relative = fs::path(read.entry.path).lexically_relative("tree").string();
    if (relative.ends_with('/')) relative.pop_back();
    by_path[relative] = &read;
    INFO(read.entry.path);
    if (read.entry.is_hard_link) {
      ++links;
      CHECK(fs::equivalent(root.parent_path() / read.entry.link_target,
                           root.parent_path() / read.entry.path));
      continue;
    }
    const ReadEntry wanted = look_at(root.parent_path() / read.entry.path);
    CHECK(read.entry.type == wanted.entry.type);
    CHECK(read.entry.permissions == wanted.entry.permissions);
    CHECK(read.entry.uid == wanted.entry.uid);
    CHECK(read.entry.gid == wanted.entry.gid);
    CHECK(read.entry.mtime.seconds == wanted.entry.mtime.seconds);
    if (dialect.nanoseconds) CHECK(read.entry.mtime.nanoseconds == wanted.entry.mtime.nanoseconds);
    CHECK((read.content == wanted.content));
    CHECK(read.entry.link_target == wanted.entry.link_target);
    if (dialect.attributes) CHECK(read.entry.xattrs == wanted.entry.xattrs);
    if (dialect.holes && read.entry.path.ends_with("sparse")) CHECK(read.data.size() >= 40);
  }
  CHECK(links == 1);
  std::size_t there = 0;
  for (const auto& item : fs::recursive_directory_iterator(root))
    there += by_path.contains(item.path().lexically_relative(root).string()) ? 1 : 0;
  CHECK(there == by_path.size() - 1);  // and the root
  CHECK(there == static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(root),
                                                        fs::recursive_directory_iterator())));
}

std::vector<ReadEntry> read_file_as_tar(const fs::path& file) {
  const auto source = open_tar(file, {});
  return read_all(*source);
}

TEST_CASE("what GNU tar packs is read as the tree it was",
          "[archive][judge][A23][A24][A26][A31][A33]") {
  struct Row {
    Dialect dialect;
    std::vector<std::string> options;
  };
  // ustar and v7 cannot hold all names of the tree; pax can hold everything, GNU everything but
  // attributes and fractions.
  const auto row = GENERATE(values<Row>(
      {{{"pax", true, true, false}, {"--format=pax", "--xattrs", "--xattrs-include=*", "--acls"}},
       {{"pax, sparse 0.0", true, true, true},
        {"--format=pax", "--xattrs", "--xattrs-include=*", "--acls", "-S", "--sparse-version=0.0"}},
       {{"pax, sparse 0.1", true, false, true}, {"--format=pax", "-S", "--sparse-version=0.1"}},
       {{"pax, sparse 1.0", true, false, true}, {"--format=pax", "-S", "--sparse-version=1.0"}},
       {{"gnu", false, false, false}, {"--format=gnu"}},
       {{"gnu, sparse", false, false, true}, {"--format=gnu", "-S"}},
       {{"oldgnu, sparse", false, false, true}, {"--format=oldgnu", "-S"}}}));
  CAPTURE(row.dialect.name);
  const TempDir dir;
  make_tree(dir / "tree", {-14182940, 250'000'001});
  if (row.dialect.attributes) add_attributes(dir / "tree");
  std::vector<std::string> command{
      "tar", "-C", dir.path().string(), "-cf", (dir / "out.tar").string(), "--numeric-owner"};
  command.insert(command.end(), row.options.begin(), row.options.end());
  command.push_back("tree");
  require_run(command);
  compare_with_tree(read_file_as_tar(dir / "out.tar"), dir / "tree", row.dialect);
}

TEST_CASE("what bsdtar packs is read as the tree it was", "[archive][judge][A24][A26][A31]") {
  struct Row {
    Dialect dialect;
    std::string format;
  };
  const auto row = GENERATE(values<Row>(
      {{{"pax", true, true, true}, "pax"}, {{"gnutar", false, false, false}, "gnutar"}}));
  CAPTURE(row.dialect.name);
  const TempDir dir;
  // libarchive 3.6.2 writes minus 2 s and a quarter as "-2.25", which to POSIX and GNU tar is a
  // quarter less, not more; and gnutar's negative times as 0.
  make_tree(dir / "tree", {row.dialect.nanoseconds ? -14182940 : 5, 0});
  if (row.dialect.attributes) add_attributes(dir / "tree");
  // In the C locale bsdtar says so of names that are no UTF-8, and writes them as they are.
  require_run({"bsdtar", "-C", dir.path().string(), "--format", row.format, "--numeric-owner",
               "-cf", (dir / "out.tar").string(), "tree"});
  compare_with_tree(read_file_as_tar(dir / "out.tar"), dir / "tree", row.dialect);
}

TEST_CASE("old formats of both programs are read", "[archive][judge]") {
  const auto command = GENERATE(values<std::vector<std::string>>({{"tar", "--format=v7"},
                                                                  {"tar", "--format=ustar"},
                                                                  {"bsdtar", "--format=v7"},
                                                                  {"bsdtar", "--format=ustar"}}));
  CAPTURE(command[0], command[1]);
  const TempDir dir;
  fs::create_directories(dir / "tree/dir");
  write_file(dir / "tree/dir/file", noise(5000));
  write_file(dir / ("tree/dir/" + std::string(80, 'n')), "name");
  fs::create_symlink("file", dir / "tree/dir/link");
  fs::create_hard_link(dir / "tree/dir/file", dir / "tree/hard");
  require_run({command[0], command[1], "-C", dir.path().string(), "--numeric-owner", "-cf",
               (dir / "out.tar").string(), "tree"});
  compare_with_tree(read_file_as_tar(dir / "out.tar"), dir / "tree", {"old"});
}

TEST_CASE("compressors of every kind are read", "[archive][judge][A38]") {
  struct Row {
    std::vector<std::string> command;
  };
  const auto row = GENERATE(values<Row>({{{"gzip", "-9"}},
                                         {{"bzip2"}},
                                         {{"xz", "-T2", "--block-size=300000"}},
                                         {{"xz", "--format=lzma"}},
                                         {{"lzip"}},
                                         {{"zstd", "-19", "--long=27"}},
                                         {{"zstd", "-T2"}},
                                         {{"lz4"}},
                                         {{"lz4", "-l"}},
                                         {{"compress", "-c"}},
                                         {{"pixz"}},
                                         {{"pixz", "-t"}}}));
  CAPTURE(row.command);
  const TempDir dir;
  TarWriter writer;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += fmt::format("{} ", i * 7919 % 10007);
  for (std::uint32_t i = 0; i < 5; ++i)
    writer.entry({.name = fmt::format("f{}", i)}, noise(2000, i) + text);
  write_file(dir / "a.tar", writer.finish(20));
  Command command;
  command.argv = row.command;
  command.input_file = dir / "a.tar";
  command.output_file = dir / "a.tar.packed";
  const Outcome outcome = run(command);
  INFO(outcome.text());
  REQUIRE(outcome.exit_code == 0);
  const auto all = read_file_as_tar(dir / "a.tar.packed");
  REQUIRE(all.size() == 5);
  for (std::uint32_t i = 0; i < 5; ++i) CHECK((all[i].content == noise(2000, i) + text));
}

/// Content of the one file as GNU tar extracts it.
std::string extracted_by_tar(const std::string& archive, const std::string& name) {
  const TempDir dir;
  write_file(dir / "a.tar", archive);
  require_run({"tar", "-C", dir.path().string(), "-xf", (dir / "a.tar").string()});
  return read_file(dir / name);
}

TEST_CASE("GNU tar agrees about what our hand-made archives hold", "[archive][judge][A33]") {
  // Old GNU with five extents (one extension block), star with two: the tests of these formats rest
  // on our own writer elsewhere.
  TarHeaderSpec gnu{.name = "sparse", .type = 'S', .size = 4 * 512 + 1, .magic = TarMagic::Gnu};
  std::string pairs, more;
  for (int i = 0; i < 4; ++i) pairs += tar_number(i * 1000, 12) + tar_number(512, 12);
  gnu.raw = {{386, pairs}, {482, "1"}, {483, tar_number(9000, 12)}};
  more = tar_number(8000, 12) + tar_number(1, 12) + tar_number(9000, 12) + tar_number(0, 12);
  more.resize(512);
  TarHeaderSpec star{.name = "sparse", .type = 'S', .size = 513};
  // GNU tar knows star by these times
  star.raw = {{356, tar_number(100, 12) + tar_number(512, 12) + tar_number(5000, 12) +
                        tar_number(1, 12) + tar_number(9000, 12) + tar_number(0, 12)},
              {452, tar_number(9000, 12)},
              {476, "00000000001 "},
              {488, "00000000002 "},
              {508, "tar\0"s}};
  const std::string archive = GENERATE_COPY(
      values<std::string>({TarWriter().header(gnu).raw(more).body(noise(2049)).finish(),
                           TarWriter().header(star).body(noise(513)).finish()}));
  const auto read = read_one(archive);
  CHECK(read.content.size() == 9000);
  CHECK((read.content == extracted_by_tar(archive, "sparse")));
}

TEST_CASE("GNU tar agrees about times with fractions", "[archive][judge][A26]") {
  const std::string text =
      GENERATE("-0.5"s, "-1.000000001"s, "1.9999999999"s, "-14182940.25"s, "-0.0000000001"s);
  CAPTURE(text);
  const TempDir dir;
  const std::string archive = TarWriter().pax({{"mtime", text}}).entry({.name = "a"}).finish();
  write_file(dir / "a.tar", archive);
  require_run({"tar", "-C", dir.path().string(), "-xf", (dir / "a.tar").string()});
  CHECK(read_one(archive).entry.mtime == look_at(dir / "a").entry.mtime);
}

TEST_CASE("the comparison with a tree notices one byte, one bit of a mode and one nanosecond",
          "[archive][judge]") {
  const TempDir dir;
  fs::create_directories(dir / "tree");
  write_file(dir / "tree/file", noise(5000));
  const ReadEntry before = look_at(dir / "tree/file");
  std::string changed = noise(5000);
  changed[4999] ^= 1;
  write_file(dir / "tree/file", changed);
  CHECK(look_at(dir / "tree/file").content != before.content);
  fs::permissions(dir / "tree/file", static_cast<fs::perms>(before.entry.permissions ^ 1));
  CHECK(look_at(dir / "tree/file").entry.permissions != before.entry.permissions);
  set_times(dir / "tree/file",
            {before.entry.mtime.seconds,
             static_cast<long>((before.entry.mtime.nanoseconds + 1) % 1'000'000'000)});
  CHECK(look_at(dir / "tree/file").entry.mtime != before.entry.mtime);
}

}  // namespace
}  // namespace rawimg::test
