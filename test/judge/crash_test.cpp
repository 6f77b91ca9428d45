// SPDX-License-Identifier: MIT
// The command, killed: at every system call that changes something, and at any time. Whoever comes
// next finds the old filesystem or the new one, whatever has become of the undo file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "support/not_run.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kOffset = 1 << 20;
constexpr int kFiles = 6;
constexpr std::size_t kFileBytes = 9000;

/// An image with a directory of files that are all old or, once it was changed, all new.
class Disk {
 public:
  Disk() {
    for (const std::string which : {"old", "new"}) {
      fs::create_directories(dir / which / "set");
      for (int i = 0; i < kFiles; ++i)
        write_file(dir / which / "set" / ("f" + std::to_string(i)),
                   std::string(kFileBytes, which[0]));
      REQUIRE(run({"tar", "-cf", (dir / (which + ".tar")).string(), "-C", (dir / which).string(),
                   "set"})
                  .ok());
    }
    require_build(image, dir / "old.tar", {"--size", "16M", "-t", "ext4"});
    keep();
  }

  /// What restore() brings back: the image and, if there is one, its undo file that was kept.
  void keep() {
    image_before = read_file(image);
    kept_before = fs::exists(kept()) ? read_file(kept()) : "";
  }
  void restore() const {
    write_file(image, image_before);
    for (const fs::path& file : {undo(), stale(), kept()}) fs::remove(file);
    if (!kept_before.empty()) write_file(kept(), kept_before);
  }

  fs::path undo() const { return image.string() + ".rawimg-undo"; }
  fs::path stale() const { return image.string() + ".rawimg-undo.stale"; }
  fs::path kept() const { return image.string() + ".rawimg-kept"; }

  std::vector<std::string> change() const {
    return {"batch",
            image.string(),
            "-q",
            "-e",
            "rm -rf :/set",
            "-e",
            "cp -r " + (dir / "new" / "set").string() + " :/"};
  }
  std::vector<std::string> merge() const {
    return {"populate", image.string(), (dir / "new.tar").string(), "-q"};
  }

  bool image_is(const std::string& bytes) const { return read_file(image) == bytes; }

  /// "old" or "new", as debugfs sees it; anything else is a mixture.
  std::string state() const {
    std::string requests;
    for (int i = 0; i < kFiles; ++i) requests += "cat /set/f" + std::to_string(i) + "\n";
    write_file(dir / "requests", requests);
    Command command;
    command.argv = {"debugfs", "-f", (dir / "requests").string(), at_offset(image, kOffset)};
    std::string content;
    for (const char c : run(command).out)
      if (c == 'o' || c == 'n') content += c;
    // The requests are echoed: "debugfs: cat /set/f0" has no more of these letters.
    if (content.find('n') == std::string::npos) return "old";
    return content.find('o') == std::string::npos ? "new" : "mixed";
  }

  /// What a reader that may not write sees.
  std::string state_for_readers() const {
    std::string content;
    for (int i = 0; i < kFiles; ++i) {
      const Outcome outcome = run_rawimg({"cat", image.string() + ":/set/f" + std::to_string(i)});
      INFO(outcome.text());
      REQUIRE(outcome.ok());
      content += outcome.out;
    }
    if (content == std::string(kFiles * kFileBytes, 'o')) return "old";
    return content == std::string(kFiles * kFileBytes, 'n') ? "new" : "mixed";
  }

  /// The next command that writes finds the old filesystem or the new one. Returns which.
  std::string require_whole() const {
    const Outcome outcome = run_rawimg({"recover", image.string()});
    INFO(outcome.text());
    REQUIRE(outcome.ok());
    const std::vector<std::string> wrong =
        complaints(image, kOffset, fs::file_size(image) - kOffset);
    REQUIRE(wrong == std::vector<std::string>{});
    const std::string found = state();
    REQUIRE((found == "old" || found == "new"));
    CHECK_FALSE(fs::exists(undo()));
    return found;
  }

  TempDir dir;
  fs::path image = dir / "disk.img";
  std::string image_before, kept_before;
};

/// Runs rawimg and kills it when it makes this system call for the nth time; false when it came to
/// its end before.
bool killed_at(const std::vector<std::string>& words, const std::string& call, int nth) {
  Command command = rawimg_command(words);
  command.argv.insert(command.argv.begin(),
                      {"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                       "inject=" + call + ":signal=SIGKILL:when=" + std::to_string(nth)});
  const Outcome outcome = run(command);
  INFO(outcome.text());
  REQUIRE((outcome.ok() || outcome.signal == SIGKILL));
  return outcome.signal == SIGKILL;
}

bool is_marked(const fs::path& image) {
  const Outcome outcome = run({"e2fsck", "-fn", at_offset(image, kOffset)});
  return outcome.exit_code == 8 && outcome.text().find("unsupported feature") != std::string::npos;
}

/// Leaves the image in the middle of a commit.
void interrupt_commit(const Disk& disk) {
  for (int nth = 1;; ++nth) {
    disk.restore();
    REQUIRE(killed_at(disk.change(), "pwrite64", nth));
    if (is_marked(disk.image)) break;
  }
  REQUIRE(fs::exists(disk.undo()));
}

}  // namespace

namespace {

/// Kills this verb at every call that changes something, or may.
void require_whole_after_kills(const std::string& verb) {
  CAPTURE(verb);
  Disk disk;
  std::vector<std::string> words{verb, disk.image.string()};
  if (verb == "batch") words = disk.change();
  if (verb == "populate") words = disk.merge();
  if (verb == "undo") {
    REQUIRE(run_rawimg(disk.change()).ok());
    disk.keep();
  }
  std::string undo;
  if (verb == "recover") {
    interrupt_commit(disk);
    disk.keep();
    undo = read_file(disk.undo());
  }
  int kills = 0, old_ones = 0, new_ones = 0;
  for (const std::string call : {"pwrite64", "pwritev", "write", "fsync", "fallocate", "openat",
                                 "rename", "unlink", "close"}) {
    for (int nth = 1;; ++nth) {
      CAPTURE(call, nth);
      disk.restore();
      if (!undo.empty()) write_file(disk.undo(), undo);
      if (!killed_at(words, call, nth)) break;
      ++kills;
      const std::string for_readers = disk.state_for_readers(), found = disk.require_whole();
      CHECK(for_readers == found);
      ++(found == "old" ? old_ones : new_ones);
    }
    CHECK((verb == "recover" ? disk.require_whole() == "old"
                             : disk.require_whole() == (verb == "undo" ? "old" : "new")));
  }
  WARN(kills << " kills, " << old_ones << " times the old one, " << new_ones
             << " times the new one");
  CHECK(kills > 20);
  if (verb != "recover") CHECK((old_ones > 0 && new_ones > 0));
}

}  // namespace

// Each verb is a test of its own, so that they can run side by side.
TEST_CASE("batch that is killed at any system call leaves the old filesystem or the new one",
          "[judge][crash][E14]") {
  require_whole_after_kills("batch");
}
TEST_CASE("populate that is killed at any system call leaves the old filesystem or the new one",
          "[judge][crash][E14]") {
  require_whole_after_kills("populate");
}
TEST_CASE("undo that is killed at any system call leaves the old filesystem or the new one",
          "[judge][crash][E14]") {
  require_whole_after_kills("undo");
}
TEST_CASE("recover that is killed at any system call can be repeated", "[judge][crash][E14]") {
  require_whole_after_kills("recover");
}

TEST_CASE("300 times kill -9, at any time", "[judge][crash][E14]") {
  const Disk disk;
  std::mt19937 random(4);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(run_rawimg(disk.change()).ok());
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begin);
  int interrupted = 0, finished = 0;
  std::string expected = "new";
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    // Back and forth: whichever of the two it is, the other one is written over it.
    std::vector<std::string> words = disk.change();
    const std::string to = expected == "new" ? "old" : "new";
    words.back() = "cp -r " + (disk.dir / to / "set").string() + " :/";
    Process process(rawimg_command(words));
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<long>(0, whole.count())(random)));
    process.send_signal(SIGKILL);
    const Outcome outcome = process.wait();
    if (fs::exists(disk.undo())) ++interrupted;
    if (outcome.ok()) ++finished;
    const std::string found = disk.require_whole();
    if (outcome.ok()) CHECK(found == to);
    expected = found;
  }
  WARN(interrupted << " of 300 left an undo file, " << finished << " were done before");
  CHECK(interrupted > 0);
}

TEST_CASE("a marked filesystem goes with its own undo file and no other", "[judge][crash][E14]") {
  Disk disk;
  interrupt_commit(disk);
  const std::string marked = read_file(disk.image), undo = read_file(disk.undo());
  const auto require_refused = [&](const char* reason) {
    const std::vector<std::vector<std::string>> commands{
        {"ls", disk.image.string()},
        {"touch", disk.image.string() + ":/x"},
        {"populate", disk.image.string(), (disk.dir / "new.tar").string()},
        {"recover", disk.image.string()}};
    for (const auto& words : commands) {
      CAPTURE(words.front());
      const Outcome outcome = run_rawimg(words);
      CAPTURE(outcome.text());
      CHECK(outcome.exit_code == 6);
      CHECK_THAT(outcome.err, Catch::Contains(reason));
      CHECK(disk.image_is(marked));
    }
  };
  SECTION("it is gone") {
    fs::remove(disk.undo());
    require_refused("interrupted");
  }
  SECTION("it is of another change") {
    disk.restore();
    REQUIRE(run_rawimg({"touch", disk.image.string() + ":/other", "-q"}).ok());
    write_file(disk.undo(), read_file(disk.kept()));
    write_file(disk.image, marked);
    require_refused("of another one");
    CHECK(fs::exists(disk.undo()));
  }
  SECTION("it is damaged") {
    std::string damaged = undo;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    write_file(disk.undo(), damaged);
    require_refused("damaged");
    CHECK((read_file(disk.undo()) == damaged));
    // and with the right one all is well
    write_file(disk.undo(), undo);
    CHECK(disk.require_whole() == "old");
  }
  SECTION("it is cut") {
    write_file(disk.undo(), undo.substr(0, undo.size() - 1));
    require_refused("damaged");
  }
  SECTION("it is a directory, a symlink, a FIFO") {
    fs::remove(disk.undo());
    fs::create_directory(disk.undo());
    const Outcome outcome = run_rawimg({"touch", disk.image.string() + ":/x"});
    CAPTURE(outcome.text());
    CHECK((outcome.exit_code == 1 || outcome.exit_code == 6));
    CHECK(disk.image_is(marked));
    fs::remove(disk.undo());
    REQUIRE(run({"mkfifo", disk.undo().string()}).ok());
    const Outcome fifo = run_rawimg({"touch", disk.image.string() + ":/x"});
    CAPTURE(fifo.text());
    CHECK((fifo.exit_code == 1 || fifo.exit_code == 6));
    CHECK(disk.image_is(marked));
  }
}

TEST_CASE("an undo file that is about nothing here is set aside, and nothing is written",
          "[judge][crash][E14]") {
  Disk disk;
  interrupt_commit(disk);
  const std::string undo = read_file(disk.undo());
  disk.restore();
  REQUIRE(run_rawimg({"touch", disk.image.string() + ":/other", "-q"}).ok());
  const std::string changed = read_file(disk.image);
  write_file(disk.undo(), undo);
  const Outcome reader = run_rawimg({"ls", disk.image.string()});
  CHECK(reader.ok());
  CHECK(fs::exists(disk.undo()));  // who reads writes nothing
  const Outcome outcome = run_rawimg({"recover", disk.image.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK_THAT(outcome.text(), Catch::Contains(".stale"));
  CHECK(disk.image_is(changed));
  CHECK((read_file(disk.stale()) == undo));
}

TEST_CASE("an undo file that was set aside is never replaced", "[judge][crash][E14]") {
  const Disk disk;
  write_file(disk.stale(), "the first");
  write_file(disk.undo(), "the second");
  const Outcome outcome = run_rawimg({"recover", disk.image.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK_THAT(outcome.err, Catch::Contains(".stale.2"));
  CHECK(read_file(disk.stale()) == "the first");
  CHECK(read_file(disk.stale().string() + ".2") == "the second");
}

TEST_CASE("a superblock that lost its magic still goes with its undo file", "[judge][crash][E14]") {
  const Disk disk;
  interrupt_commit(disk);
  std::string marked = read_file(disk.image);
  marked[kOffset + 1024 + 0x38] = 0;
  write_file(disk.image, marked);
  const std::string undo = read_file(disk.undo());
  const Outcome outcome = run_rawimg({"recover", disk.image.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code == 6);
  CHECK(disk.image_is(marked));
  CHECK((read_file(disk.undo()) == undo));
}

TEST_CASE("who reads a whole filesystem does not mind what lies beside it", "[judge][crash][E14]") {
  require_root("files of somebody else");
  const Disk disk;
  const std::string other = (disk.dir / "other").string();
  SECTION("a symlink") { fs::create_symlink(other, disk.undo()); }
  SECTION("a directory") { fs::create_directory(disk.undo()); }
  SECTION("somebody else's file") {
    write_file(disk.undo(), "x");
    REQUIRE(chown(disk.undo().c_str(), 65534, 65534) == 0);
    const Outcome writer = run_rawimg({"touch", disk.image.string() + ":/x"});
    CAPTURE(writer.text());
    CHECK(writer.exit_code == 6);
    CHECK_THAT(writer.err, Catch::Contains("belongs to user 65534"));
  }
  const Outcome reader = run_rawimg({"ls", disk.image.string()});
  CAPTURE(reader.text());
  CHECK(reader.ok());
  CHECK_THAT(reader.out, Catch::Contains("set"));
}

TEST_CASE("what somebody else put in place of the kept undo file does not fail a change",
          "[judge][crash][E14]") {
  require_root("files of somebody else");
  const Disk disk;
  fs::remove(disk.kept());
  SECTION("a directory") { fs::create_directory(disk.kept()); }
  SECTION("a directory that is not empty") { fs::create_directories(disk.kept() / "x"); }
  for (const char* keep : {"--quiet", "--no-keep-undo"}) {
    const Outcome outcome = run_rawimg({"touch", disk.image.string() + ":/touched", keep});
    CAPTURE(outcome.text());
    CHECK(outcome.exit_code == 0);
    CHECK_THAT(outcome.err, Catch::Contains("warning"));
    CHECK_FALSE(fs::exists(disk.undo()));
  }
  CHECK(run_rawimg({"stat", disk.image.string() + ":/touched"}).ok());
}

TEST_CASE("a dry run writes nothing, not even what would recover an interrupted change",
          "[judge][crash][E14]") {
  const Disk disk;
  interrupt_commit(disk);
  const std::string marked = read_file(disk.image), undo = read_file(disk.undo());
  for (std::vector<std::string> words :
       {std::vector<std::string>{"rm", disk.image.string() + ":/set/f0"},
        disk.merge(),
        disk.change(),
        {"undo", disk.image.string()}}) {
    words.push_back("--dry-run");
    const Outcome outcome = run_rawimg(words);
    CAPTURE(words, outcome.text());
    CHECK((outcome.exit_code == 6 || words[0] == "undo"));
    if (outcome.exit_code == 6)
      CHECK_THAT(outcome.err, Catch::Contains("interrupted") && Catch::Contains("rawimg recover"));
    CHECK(disk.image_is(marked));
    CHECK((read_file(disk.undo()) == undo));
  }
  // nor what is of no use
  disk.restore();
  write_file(disk.undo(), "nothing");
  CHECK(run_rawimg({"rm", disk.image.string() + ":/set/f0", "--dry-run"}).ok());
  CHECK(read_file(disk.undo()) == "nothing");
}

TEST_CASE("a dry run needs no permission to write", "[judge][edit]") {
  require_root("files of somebody else");
  const Disk disk;
  fs::permissions(disk.dir.path(), fs::perms{0755});
  fs::permissions(disk.image, fs::perms{0644});
  Command command = rawimg_command({"rm", disk.image.string() + ":/set/f0", "--dry-run"});
  fs::copy_file(command.argv.front(), disk.dir / "rawimg");
  command.argv.front() = (disk.dir / "rawimg").string();
  command.user = 65534;
  const Outcome outcome = run(command);
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK_THAT(outcome.err, Catch::Contains("would be changed"));
}

TEST_CASE("undo of an interrupted change takes back that one only", "[judge][crash][E14]") {
  Disk disk;
  REQUIRE(run_rawimg({"touch", disk.image.string() + ":/earlier", "-q"}).ok());
  disk.keep();
  interrupt_commit(disk);
  const Outcome outcome = run_rawimg({"undo", disk.image.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK_THAT(outcome.err, Catch::Contains("interrupted") && Catch::Contains("was taken back"));
  CHECK(disk.state() == "old");
  CHECK(run_rawimg({"stat", disk.image.string() + ":/earlier"}).ok());
}

TEST_CASE("an undo file that is a symlink is set aside", "[judge][crash][E14]") {
  const Disk disk;
  write_file(disk.dir / "elsewhere", "precious");
  fs::create_symlink(disk.dir / "elsewhere", disk.undo());
  const Outcome outcome = run_rawimg({"touch", disk.image.string() + ":/touched"});
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK_THAT(outcome.err, Catch::Contains("is a symlink"));
  CHECK(fs::is_symlink(disk.stale()));
  CHECK(read_file(disk.dir / "elsewhere") == "precious");
  fs::remove(disk.kept());
  fs::create_symlink(disk.dir / "elsewhere", disk.kept());
  const Outcome undo = run_rawimg({"undo", disk.image.string()});
  CAPTURE(undo.text());
  CHECK(undo.exit_code == 1);
  CHECK_THAT(undo.err, Catch::Contains("is a symlink"));
}

TEST_CASE("undo takes back a change of the filesystem that is named only", "[judge][edit]") {
  const Disk disk;
  REQUIRE(run_rawimg({"touch", disk.image.string() + ":/touched", "-q"}).ok());
  CHECK(run_rawimg({"undo", disk.image.string() + ":9"}).exit_code == 4);
  CHECK(run_rawimg({"undo", disk.image.string() + ":1"}).ok());
}

TEST_CASE("undo does not believe a kept file of somebody else", "[judge][crash][E14]") {
  require_root("files of somebody else");
  const Disk disk;
  REQUIRE(run_rawimg({"touch", disk.image.string() + ":/other", "-q"}).ok());
  REQUIRE(chown(disk.kept().c_str(), 65534, 65534) == 0);
  const std::string changed = read_file(disk.image);
  const Outcome outcome = run_rawimg({"undo", disk.image.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code == 6);
  CHECK(disk.image_is(changed));
}

TEST_CASE("whoever may not write reads past an interrupted change, or is told what is missing",
          "[judge][crash][E14]") {
  require_root("files of somebody else");
  const Disk disk;
  interrupt_commit(disk);
  const std::string marked = read_file(disk.image);
  const auto as_nobody = [&](std::vector<std::string> words) {
    Command command = rawimg_command(std::move(words));
    fs::copy_file(command.argv.front(), disk.dir / "rawimg", fs::copy_options::overwrite_existing);
    command.argv.front() = (disk.dir / "rawimg").string();
    command.user = 65534;
    return run(command);
  };
  fs::permissions(disk.dir.path(), fs::perms{0755});
  fs::permissions(disk.undo(), fs::perms{0644});
  const Outcome reader = as_nobody({"cat", disk.image.string() + ":/set/f0"});
  CAPTURE(reader.text());
  CHECK(reader.ok());
  CHECK((reader.out == std::string(kFileBytes, 'o')));
  fs::permissions(disk.undo(), fs::perms{0600});
  const Outcome blind = as_nobody({"cat", disk.image.string() + ":/set/f0"});
  CAPTURE(blind.text());
  CHECK(blind.exit_code == 1);
  CHECK_THAT(blind.err, Catch::Contains(".rawimg-undo") && Catch::Contains("ermission"));
  // A writer of the image in a directory of somebody else: it is taken back, and the undo file
  // stays for who can remove it.
  fs::permissions(disk.undo(), fs::perms{0644});
  fs::permissions(disk.image, fs::perms{0666});
  const Outcome writer = as_nobody({"recover", disk.image.string()});
  CAPTURE(writer.text());
  CHECK(writer.exit_code == 1);
  CHECK_THAT(writer.err, Catch::Contains("cannot remove"));
  CHECK(disk.state() == "old");
  CHECK(disk.require_whole() == "old");
}

TEST_CASE("a host disk that is full before the mark costs nothing", "[judge][crash][E14]") {
  const Disk disk;
  // No file may grow beyond the image's own size, and the undo file not beyond 4 KiB.
  Command command = rawimg_command(disk.change());
  command.limits = {{RLIMIT_FSIZE, 4096}};
  const Outcome outcome = run(command);
  CAPTURE(outcome.text());
  CHECK((outcome.exit_code == 5 || outcome.exit_code == 1));
  CHECK_FALSE(fs::exists(disk.undo()));
  CHECK(disk.state() == "old");
  CHECK(disk.require_whole() == "old");
}

TEST_CASE("one writer at a time, and no reader beside it", "[judge][E17]") {
  const Disk disk;
  Command first_command =
      rawimg_command({"tee", disk.image.string() + ":/first", "-q", "--wait=10"});
  first_command.input = "x";
  Process first(first_command);
  REQUIRE(first.feed("x"));
  // It has the lock once it has read something.
  const auto is_busy = [&] { return run_rawimg({"ls", disk.image.string()}).exit_code == 8; };
  for (int i = 0; i < 200 && !is_busy(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Outcome writer = run_rawimg({"touch", disk.image.string() + ":/second"});
  CAPTURE(writer.text());
  CHECK(writer.exit_code == 8);
  CHECK_THAT(writer.err, Catch::Contains("in use") && Catch::Contains("--wait"));
  const Outcome reader = run_rawimg({"cat", disk.image.string() + ":/set/f0"});
  CAPTURE(reader.text());
  CHECK(reader.exit_code == 8);
  CHECK(run_rawimg({"cat", "--no-lock", disk.image.string() + ":/set/f0"}).ok());
  Process waiting(rawimg_command({"touch", disk.image.string() + ":/third", "--wait=30", "-q"}));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(waiting.running());
  const Outcome done = first.wait();
  CAPTURE(done.text());
  CHECK(done.ok());
  REQUIRE(waiting.feed("text"));
  CHECK(waiting.wait().ok());
  const std::string names = run_rawimg({"ls", disk.image.string()}).out;
  CHECK_THAT(names, Catch::Contains("first") && Catch::Contains("third"));
  CHECK_THAT(names, !Catch::Contains("second"));
  CHECK(disk.require_whole() == "old");
}

TEST_CASE("a signal ends what waits for input, and nothing has happened", "[judge][edit]") {
  const Disk disk;
  const std::string image = disk.image.string(), before = read_file(disk.image);
  const fs::path fifo = disk.dir / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  struct Row {
    std::vector<std::string> words;
    const char* fed;
  };
  for (const Row& row : std::vector<Row>{{{"tee", image + ":/new"}, "some"},
                                         {{"tee", image + ":/new"}, ""},
                                         {{"cp", "-", image + ":/new"}, "some"},
                                         {{"cp", fifo.string(), image + ":/new"}, ""},
                                         {{"rm", "-i", image + ":/set/f0"}, ""},
                                         {{"batch", image, "-"}, "touch :/x\n"}})
    for (const int number : {SIGTERM, SIGINT}) {
      CAPTURE(row.words, row.fed, number);
      Command command = rawimg_command(row.words);
      command.input = "never sent";
      Process process(command);
      REQUIRE(process.feed(row.fed));
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      REQUIRE(process.running());
      process.send_signal(number);
      for (int i = 0; i < 250 && process.running(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      CHECK_FALSE(process.running());
      const Outcome outcome = process.wait();
      CAPTURE(outcome.text());
      CHECK(outcome.exit_code == 128 + number);
      CHECK(disk.image_is(before));
      CHECK_FALSE(fs::exists(disk.undo()));
    }
}

TEST_CASE("who has not begun to send keeps no image locked", "[judge][E17]") {
  const Disk disk;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"tee", disk.image.string() + ":/first"},
                                             {"cp", "-", disk.image.string() + ":/first"}}) {
    Command command = rawimg_command(words);
    command.input = "text";
    Process waiting(command);
    REQUIRE(waiting.feed(""));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    CHECK(run_rawimg({"touch", disk.image.string() + ":/second"}).ok());
    REQUIRE(waiting.feed("text"));
    const bool is_passwd = words[0] == "passwd";  // of which the image has no file
    CHECK(waiting.wait().exit_code == (is_passwd ? 4 : 0));
    CHECK((is_passwd || run_rawimg({"cat", disk.image.string() + ":/first"}).out == "text"));
  }
}

TEST_CASE("an editor works on a copy, and nothing that changed meanwhile is overwritten",
          "[judge][edit]") {
  const Disk disk;
  const std::string image = disk.image.string(), file = image + ":/set/f0",
                    tool = rawimg_command({}).argv[0];
  fs::create_directory(disk.dir / "tmp");
  const auto edit = [&](const std::string& editor, const std::string& visual = "") {
    Command command = rawimg_command({"edit", file});
    command.environment = {"EDITOR=" + editor, "VISUAL=" + visual,
                           "TMPDIR=" + (disk.dir / "tmp").string(),
                           std::string("PATH=") + std::getenv("PATH")};
    return run(command);
  };
  const auto content = [&] { return run_rawimg({"cat", file}).out; };
  const std::string before = "first\n";
  Command fill = rawimg_command({"tee", file});
  fill.input = before;
  REQUIRE(run(fill).ok());
  const Outcome same = edit("true");
  CHECK(same.ok());
  CHECK_THAT(same.err, Catch::Contains("nothing to change"));
  const Outcome failed = edit("sh -c 'echo lost >\"$1\"; exit 3' x");
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.err, Catch::Contains("the editor") && Catch::Contains("nothing was changed"));
  CHECK(content() == before);
  CHECK(edit("false", "sed -i '$a more'").ok());
  CHECK(content() == before + "more\n");
  // the image is not locked meanwhile: another file may change, this one may not
  CHECK(edit(tool + " touch -q " + image + ":/other && sed -i '$a last'").ok());
  CHECK(content() == before + "more\nlast\n");
  CHECK(fs::is_empty(disk.dir / "tmp"));
  const Outcome late = edit("echo theirs | " + tool + " tee -q " + file + " && echo mine >");
  CAPTURE(late.text());
  CHECK(late.exit_code == 7);
  CHECK(content() == "theirs\n");
  const auto kept = fs::directory_iterator(disk.dir / "tmp")->path() / "f0";
  CHECK(read_file(kept) == "mine\n");
  CHECK_THAT(late.err, Catch::Contains("what you wrote is in " + kept.string()));
}

TEST_CASE("signals of the terminal are the editor's while it runs", "[judge][edit]") {
  const Disk disk;
  const std::string file = disk.image.string() + ":/set/f0";
  fs::create_directory(disk.dir / "tmp");
  const fs::path editor = disk.dir / "editor.sh";
  // what a key sends, both get; the editor decides
  write_file(editor, "trap 'echo asked >>\"$1.seen\"; mv \"$1.seen\" " +
                         (disk.dir / "seen").string() +
                         "' INT\nkill -INT $RAWIMG $$\nkill -QUIT $RAWIMG\nsleep 0.2\n"
                         "yes | head -n 1 >/dev/null; echo ${PIPESTATUS[0]} >" +
                         (disk.dir / "pipe").string() + "\necho new >\"$1\"\n");
  Command command = rawimg_command({"edit", file});
  command.environment = {"EDITOR=export RAWIMG=$PPID; bash " + editor.string(),
                         "TMPDIR=" + (disk.dir / "tmp").string(),
                         std::string("PATH=") + std::getenv("PATH")};
  const Outcome outcome = run(command);
  CAPTURE(outcome.text());
  CHECK(outcome.ok());
  CHECK(run_rawimg({"cat", file}).out == "new\n");
  CHECK(read_file(disk.dir / "seen") == "asked\n");
  CHECK(read_file(disk.dir / "pipe") == "141\n");  // SIGPIPE ends programs, as in any shell
  CHECK(fs::is_empty(disk.dir / "tmp"));
}

TEST_CASE("edit leaves no copy behind when there is no room for one", "[judge][edit]") {
  const Disk disk;
  write_file(disk.dir / "large", std::string(20'000, 'x'));
  fs::create_directory(disk.dir / "tmp");
  REQUIRE(run_rawimg({"cp", (disk.dir / "large").string(), disk.image.string() + ":/large"}).ok());
  Command command = rawimg_command({"edit", disk.image.string() + ":/large"});
  command.environment = {"EDITOR=true", "TMPDIR=" + (disk.dir / "tmp").string()};
  command.limits = {{RLIMIT_FSIZE, 4096}};
  const Outcome outcome = run(command);
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code != 0);
  CHECK_THAT(outcome.err, Catch::Contains("cannot write") && Catch::Contains("large"));
  CHECK(fs::is_empty(disk.dir / "tmp"));
  command.environment = {"EDITOR=true", "TMPDIR=" + (disk.dir / "none").string()};
  const Outcome missing = run(command);
  CAPTURE(missing.text());
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.err, Catch::Contains("TMPDIR"));
}

TEST_CASE("an image that QEMU has open is left alone", "[judge][E17]") {
  const Disk disk;
  const auto qemu_with = [&](const std::string& options) {
    Command command;
    command.argv = {"qemu-system-x86_64",
                    "-S",
                    "-display",
                    "none",
                    "-nodefaults",
                    "-qmp",
                    "stdio",
                    "-machine",
                    "q35,accel=tcg",
                    "-drive",
                    "if=virtio,format=raw,file=" + disk.image.string() + options};
    return command;
  };
  const auto exit_code_of = [&](std::vector<std::string> words) {
    return run_rawimg(std::move(words)).exit_code;
  };
  // Looking takes no lock, which might make QEMU give up.
  const auto wait_for_qemu = [&] {
    const int descriptor = ::open(disk.image.c_str(), O_RDWR | O_CLOEXEC);
    struct flock probe {};
    for (int i = 0; i < 1000; ++i) {
      probe.l_type = F_WRLCK;
      probe.l_whence = SEEK_SET;
      probe.l_start = 201;  // "nobody else may write"
      probe.l_len = 1;
      probe.l_pid = 0;
      REQUIRE(::fcntl(descriptor, F_OFD_GETLK, &probe) == 0);
      if (probe.l_type != F_UNLCK) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::close(descriptor);
    REQUIRE(probe.l_type != F_UNLCK);
  };
  const std::vector<std::string> touch{"touch", disk.image.string() + ":/x"},
      list{"ls", disk.image.string()};
  {
    Process qemu(qemu_with(""));
    wait_for_qemu();
    const Outcome outcome = run_rawimg(touch);
    CHECK(outcome.exit_code == 8);
    CHECK_THAT(outcome.err, Catch::Contains("open in a VM"));
    CHECK(exit_code_of(list) == 8);
    CHECK(exit_code_of({"populate", disk.image.string(), (disk.dir / "new.tar").string()}) == 8);
  }
  {
    Process qemu(qemu_with(",readonly=on"));
    wait_for_qemu();
    CHECK(exit_code_of(touch) == 8);
    CHECK(exit_code_of(list) == 0);  // both only read
  }
  CHECK(disk.image_is(disk.image_before));
}
