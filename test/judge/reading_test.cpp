// SPDX-License-Identifier: MIT
// The verbs that list, beside coreutils, findutils and tree on the same filesystem, mounted by a
// real kernel: the same words give the same lines.
#include <algorithm>
#include <optional>
#include <sstream>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/loop_mount.h"
#include "judge/rootfs.h"
#include "support/not_run.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

/// An image, and the same mounted for as long as this lives.
class Mounted {
 public:
  explicit Mounted(const std::string& type) {
    require_build(image, rootfs_tar(Rootfs::Narrow), {"--size", "300M", "-t", type});
    mount.emplace(image, at, ",ro,offset=1048576", "what other programs say of the same");
  }

  /// What another program prints about ".", with the paths as they are inside of the image.
  std::string theirs(Words words) const {
    Command command;
    command.argv = std::move(words);
    command.directory = at;
    command.environment = {"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"};
    std::istringstream lines(run(command).out);
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      const std::size_t dot = line.find("./");
      if (line == ".:")
        line = "/:";
      else if (line == "." || line.ends_with("\t."))
        line.back() = '/';
      else if (dot == 0 || (dot != std::string::npos && line[dot - 1] == '\t'))
        line.erase(dot, 1);
      text += line + "\n";
    }
    return text;
  }
  std::string ours(Words words) const {
    const Outcome outcome = run_rawimg(std::move(words));
    INFO(outcome.text());
    REQUIRE(outcome.ok());
    return outcome.out;
  }
  std::string root() const { return image.string() + ":/"; }

  TempDir dir;
  fs::path image = dir / "x.img", at = dir / "mounted";
  std::optional<LoopMount> mount;
};

/// Where order is each program's own.
std::string sorted(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

/// The first lines that differ; a whole listing in a failure message helps nobody.
std::string differing(const std::string& expected, const std::string& found) {
  std::istringstream left(expected), right(found);
  std::string a, b, text;
  int shown = 0;
  for (;;) {
    const bool more_left = static_cast<bool>(std::getline(left, a)),
               more_right = static_cast<bool>(std::getline(right, b));
    if ((!more_left && !more_right) || shown == 5) return text;
    if (more_left != more_right || a != b) {
      text += "- " + (more_left ? a : "(end)") + "\n+ " + (more_right ? b : "(end)") + "\n";
      ++shown;
    }
  }
}

/// The second line without the name of the filesystem and its place.
Words numbers_of_df(const std::string& text) {
  std::istringstream line(text.substr(text.find('\n') + 1));
  Words words(5);
  for (std::string& word : words) line >> word;
  words.erase(words.begin());
  return words;
}

}  // namespace

TEST_CASE("ls, du and df print what coreutils print of the mounted filesystem",
          "[judge][D06][E12]") {
  const std::string type = GENERATE("ext2", "ext4");
  CAPTURE(type);
  const Mounted disk(type);
  for (const char* letters : {"-A", "-RA", "-lnA", "-lnAR", "-lnAhR", "-lniAR", "-lnAtr", "-lnAS",
                              "-lnAsR", "-RF", "-lnp", "-lngA", "-lnoA", "-1Q"}) {
    CAPTURE(letters);
    CHECK(differing(disk.theirs({"ls", letters, "--time-style=long-iso", "."}),
                    disk.ours({"ls", letters, disk.root()})) == "");
  }
  for (const Words& options : std::vector<Words>{{"-s"},
                                                 {"-sh"},
                                                 {"-d", "1"},
                                                 {"-b", "-s"},
                                                 {"-S", "-d", "2"},
                                                 {"-c", "-s"},
                                                 {"--apparent-size", "-k"},
                                                 {"-m", "-d", "1"}}) {
    CAPTURE(options.front(), options.back());
    Words theirs{"du"}, ours{"du"};
    theirs.insert(theirs.end(), options.begin(), options.end());
    ours.insert(ours.end(), options.begin(), options.end());
    // Where two directories share a file, the one that is walked first has it.
    theirs.push_back("./usr");
    ours.push_back(disk.root() + "usr");
    CHECK(differing(sorted(disk.theirs(theirs)), sorted(disk.ours(ours))) == "");
  }
  CHECK(disk.theirs({"du", "-s", "."}) == disk.ours({"du", "-s", disk.root()}));
  for (const char* option : {"-k", "-i", "-h", "-m"}) {
    CAPTURE(option);
    CHECK(numbers_of_df(disk.theirs({"df", option, "."})) ==
          numbers_of_df(disk.ours({"df", option, disk.image.string()})));
  }
}

TEST_CASE("df leaves out of a filesystem of any shape what a kernel leaves out", "[judge]") {
  require_root("what a kernel says of the size of a filesystem");
  struct Shape {
    const char* size;
    Words words;
  };
  const Shape shape = GENERATE(values<Shape>(
      {{"64M", {"-t", "ext2"}},
       {"9M", {"-t", "ext2", "-b", "1024"}},
       {"64M", {"-t", "ext3", "-b", "1024"}},
       {"2G", {"-t", "ext4", "-O", "^flex_bg", "-m", "20"}},
       {"500M", {"-t", "ext4", "-O", "sparse_super2"}},
       {"3G", {"-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"}},
       {"100M", {"-t", "ext4", "-b", "1024", "-g", "1024", "-O", "meta_bg,^resize_inode"}},
       {"300M", {"-t", "ext4", "-O", "bigalloc", "-C", "65536"}}}));
  CAPTURE(shape.size, shape.words);
  const TempDir dir;
  const fs::path image = dir / "x.img", at = dir / "mounted";
  REQUIRE(run({"truncate", "-s", shape.size, image.string()}).ok());
  Words make{"mke2fs", "-q", "-F"};
  make.insert(make.end(), shape.words.begin(), shape.words.end());
  make.push_back(image.string());
  REQUIRE(run(make).ok());
  std::optional<LoopMount> mounted(std::in_place, image, at, ",ro", "the size of a filesystem");
  const Outcome theirs = run({"df", "-k", at.string()});
  mounted.reset();
  CHECK(numbers_of_df(run_rawimg({"df", image.string()}).out) == numbers_of_df(theirs.out));
}

TEST_CASE("find finds what findutils find in the mounted filesystem", "[judge][D04][D06]") {
  const Mounted disk("ext4");
  const std::vector<Words> expressions{
      {},
      {"-name", "*.so*"},
      {"-iname", "READ*"},
      {"-type", "d", "-empty"},
      {"-type", "f", "-size", "+100k"},
      {"-type", "f", "-size", "-3", "-perm", "-4000"},
      {"-perm", "/6000"},
      {"-perm", "644"},
      {"-links", "+1", "-type", "f"},
      {"!", "-uid", "0"},
      {"-uid", "0", "-gid", "+4"},
      {"-path", "*/d*", "-type", "l"},
      {"-maxdepth", "2", "-mindepth", "1"},
      {"-depth", "-maxdepth", "2"},
      {"-newermt", "2024-01-01"},
      {"(", "-name", "a*", "-o", "-name", "b*", ")", "-type", "f", "-printf",
       "%p %s %m %U %G %y %l\n"},
      {"-type", "f", "-printf", "%f|%P|%d|%n|%i\n"},
      {"-name", "usr", "-prune", "-o", "-print"},
      {"-type", "c,b,p"},
      {"-inum", "12"},
      {"-name", "b*", "-a", "-not", "-name", "*x", ",", "-name", "etc"}};
  for (const Words& expression : expressions) {
    std::string said;
    for (const std::string& word : expression) said += word + " ";
    CAPTURE(said);
    Words theirs{"find", "."}, ours{"find", disk.root()};
    theirs.insert(theirs.end(), expression.begin(), expression.end());
    ours.insert(ours.end(), expression.begin(), expression.end());
    CHECK(differing(sorted(disk.theirs(theirs)), sorted(disk.ours(ours))) == "");
  }
}

TEST_CASE("tree draws what tree draws of the mounted filesystem", "[judge][D06]") {
  const Mounted disk("ext4");
  for (const Words& options :
       std::vector<Words>{{"-a"}, {"-L", "1"}, {"-afi", "-L", "2"}, {"-d"}}) {
    CAPTURE(options.front());
    Words theirs{"tree", "--charset=ascii"}, ours{"tree"};
    theirs.insert(theirs.end(), options.begin(), options.end());
    ours.insert(ours.end(), options.begin(), options.end());
    theirs.push_back("./usr");  // elsewhere are names that each of the two escapes in its way
    ours.push_back(disk.root() + "usr");
    std::string drawn = disk.ours(ours);
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"│", "|"}, {"├", "|"}, {"└", "`"}, {"─", "-"}})
      for (std::size_t at = drawn.find(from); at != std::string::npos; at = drawn.find(from, at))
        drawn.replace(at, from.size(), to);
    CHECK(differing(disk.theirs(theirs), drawn) == "");
  }
}

TEST_CASE("stat -c prints what coreutils print of the mounted filesystem", "[judge][D05]") {
  const Mounted disk("ext4");
  std::istringstream paths(disk.ours({"find", disk.root(), "-maxdepth", "2", "-mindepth", "1"}));
  int compared = 0;
  for (std::string path; std::getline(paths, path) && compared < 60; ++compared) {
    CAPTURE(path);
    const std::string format = "%s %a %A %u %g %h %i %f %F %b %B %X %Y %Z %W %t %T";
    CHECK(disk.theirs({"stat", "-c", format, "." + path}) ==
          disk.ours({"stat", "-c", format, disk.image.string() + ":" + path}));
  }
  CHECK(compared > 20);
}
