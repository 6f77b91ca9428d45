// SPDX-License-Identifier: MIT
// Whole or not at all: whatever goes wrong, nothing appears under the image's name, an older image
// stays as it was, and nothing else on the host changes.
#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "judge/judge.h"
#include "judge/rootfs.h"
#include "support/not_run.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// A directory in which nothing may change: other people's files, and perhaps an older image.
struct Canary {
  TempDir dir;
  fs::path image;
  explicit Canary(bool with_older_image) : image(dir / "place" / "disk.img") {
    fs::create_directories(dir / "place" / "sub");
    write_file(dir / "place" / "notes.txt", "mine\n");
    write_file(dir / "place" / "sub" / "disk.img", "not this one\n");
    fs::create_symlink("notes.txt", dir / "place" / "link");
    if (with_older_image) write_file(image, std::string(100'000, 'o'));
  }
  std::string state() const { return snapshot(dir / "place"); }
};

std::string first_part(const fs::path& file, std::size_t divisor) {
  const std::string bytes = read_file(file);
  return bytes.substr(0, bytes.size() / divisor);
}

std::vector<std::string> build_words(const fs::path& image, const std::string& source, bool replace,
                                     const std::string& size = "300M") {
  std::vector<std::string> words{"build",  image.string(), "--from",    source,
                                 "--size", size,           "--no-sync", "-q"};
  if (replace) words.push_back("--force");
  return words;
}

struct Trouble {
  std::string name;
  std::vector<std::string> words;
  int exit_code;
  std::string reason;
};

std::vector<Trouble> troubles(const Canary& canary, bool replace) {
  const auto bad = [&](const std::string& name, const std::string& bytes) {
    write_file(canary.dir / name, bytes);
    return (canary.dir / name).string();
  };
  const auto with = [&](const std::string& source, const std::vector<std::string>& more,
                        const std::string& size = "300M") {
    auto words = build_words(canary.image, source, replace, size);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string tarball = rootfs_tar(Rootfs::Narrow).string();
  return {
      {"cut tar", with(bad("cut.tar", first_part(tarball, 3)), {}), 1, "cut.tar"},
      {"cut tar.xz", with(bad("cut.tar.xz", first_part(rootfs_tar(Rootfs::Narrow, "xz"), 2)), {}),
       1, "cut.tar.xz"},
      {"cut tar.gz", with(bad("cut.tar.gz", first_part(rootfs_tar(Rootfs::Narrow, "gz"), 2)), {}),
       1, "cut.tar.gz"},
      {"cut tar.zst",
       with(bad("cut.tar.zst", first_part(rootfs_tar(Rootfs::Narrow, "zst"), 2)), {}), 1,
       "cut.tar.zst"},
      {"not an archive", with(bad("text.tar", std::string(5000, 'x')), {}), 1, "text.tar"},
      {"missing archive", with("/nonexistent/root.tar", {}), 1, "/nonexistent/root.tar"},
      {"wrong digest", with(tarball, {"--sha256", std::string(64, '0')}), 7, "narrow.tar"},
      {"no space in the image", with(tarball, {}, "40M"), 5, "--size"},
      {"no such directory", build_words("/nonexistent/disk.img", tarball, replace), 1,
       "/nonexistent"},
      {"bad size", with(tarball, {}, "40MB"), 2, "40M"}};
}

}  // namespace

TEST_CASE("rm -r and chmod -R of a deep tree need no memory for the path of each level",
          "[judge]") {
  // 3000 levels of names of 250 bytes: a path for each would take a gigabyte
  const TempDir dir;
  const fs::path image = dir / "deep.img";
  write_file(image, "");
  fs::resize_file(image, 32u << 20);
  REQUIRE(run({"mke2fs", "-qF", "-t", "ext4", "-b", "1024", "-N", "8000", image.string()}).ok());
  const std::string name(250, 'x');
  std::string script;
  for (int level = 0; level < 3000; ++level) script += "mkdir " + name + "\ncd " + name + "\n";
  write_file(dir / "script", script);
  REQUIRE(run({"debugfs", "-w", "-f", (dir / "script").string(), image.string()}).ok());
  const std::string top = image.string() + ":/" + name;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"chmod", "-R", "700", top}, {"chmod", "-R", "700", top}, {"rm", "-r", top}}) {
    std::vector<std::string> argv{"sh", "-c", "ulimit -v 400000; exec \"$@\"", "sh", RAWIMG_TOOL};
    argv.insert(argv.end(), words.begin(), words.end());
    const Outcome outcome = run(argv);
    INFO(outcome.text());
    REQUIRE(outcome.ok());
    require_clean(image, 0);
  }
}

TEST_CASE("a failed build leaves the host as it was", "[judge][A35][B11][B18]") {
  const bool replace = GENERATE(false, true);
  const Canary canary(replace);
  const std::string before = canary.state();
  for (const Trouble& trouble : troubles(canary, replace)) {
    CAPTURE(replace, trouble.name);
    const Outcome outcome = run_rawimg(trouble.words);
    CAPTURE(outcome.text());
    CHECK(outcome.exit_code == trouble.exit_code);
    CHECK_THAT(outcome.err, Catch::Contains(trouble.reason));
    CHECK(canary.state() == before);
  }
}

TEST_CASE("an image that is too small names a size that is enough", "[judge][A35]") {
  const TempDir dir;
  const auto words = [&](const std::string& size) {
    return build_words(dir / "disk.img", rootfs_tar(Rootfs::Narrow).string(), false, size);
  };
  const Outcome small = run_rawimg(words("40M"));
  INFO(small.text());
  REQUIRE(small.exit_code == 5);
  // "... --size 123M would do": the last number with a unit in what it says.
  const auto at = small.err.rfind("--size ");
  REQUIRE(at != std::string::npos);
  const std::string enough =
      small.err.substr(at + 7, small.err.find_first_of(" \n',;)", at + 7) - at - 7);
  CAPTURE(enough);
  const Outcome fits = run_rawimg(words(enough));
  CAPTURE(fits.text());
  CHECK(fits.ok());
  require_clean(dir / "disk.img");
}

TEST_CASE("an older image is replaced only when asked, and only by a whole one", "[judge]") {
  const Canary canary(true);
  const std::string before = canary.state();
  const Outcome refused =
      run_rawimg(build_words(canary.image, rootfs_tar(Rootfs::Narrow).string(), false));
  INFO(refused.text());
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::Contains("--force"));
  CHECK(canary.state() == before);
  const Outcome replaced =
      run_rawimg(build_words(canary.image, rootfs_tar(Rootfs::Narrow).string(), true));
  INFO(replaced.text());
  CHECK(replaced.ok());
  require_clean(canary.image);
}

TEST_CASE("a build that is stopped in the middle leaves nothing under the image's name",
          "[judge]") {
  struct Row {
    const char* name;
    int signal;
    int exit_code;
  };
  const auto row = GENERATE(values<Row>(
      {{"interrupted", SIGINT, 130}, {"terminated", SIGTERM, 143}, {"killed", SIGKILL, -1}}));
  const bool replace = GENERATE(false, true);
  CAPTURE(row.name, replace);
  const Canary canary(replace);
  const std::string before = canary.state();

  Process process(rawimg_command(build_words(canary.image, "-", replace)));
  const std::string half = first_part(rootfs_tar(Rootfs::Narrow), 2);
  REQUIRE(process.feed(half));
  // Half of the stream has gone into the pipe, so nearly all of it has been taken in; the rest
  // never comes.
  REQUIRE(process.running());
  REQUIRE(fs::exists(canary.image.string() + ".part"));
  REQUIRE(allocated_bytes(canary.image.string() + ".part") > (1 << 20));
  process.send_signal(row.signal);
  // A process that waits for its input must notice the signal all the same: wait() would close
  // stdin, and that would be an end of file.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (process.running() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(10ms);
  CHECK_FALSE(process.running());
  const Outcome outcome = process.wait();
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code == row.exit_code);
  if (row.signal == SIGKILL) {
    // Nobody could clean up; the next build does.
    CHECK(outcome.signal == SIGKILL);
    CHECK(fs::exists(canary.image) == replace);
    if (replace) CHECK(read_file(canary.image) == std::string(100'000, 'o'));
    const Outcome next =
        run_rawimg(build_words(canary.image, rootfs_tar(Rootfs::Narrow).string(), replace));
    CAPTURE(next.text());
    CHECK(next.ok());
    CHECK_FALSE(fs::exists(canary.image.string() + ".part"));
    require_clean(canary.image);
  } else {
    CHECK(canary.state() == before);
  }
}

TEST_CASE("a limit on file sizes is an error, not a signal", "[judge][A35]") {
  const Canary canary(false);
  const std::string before = canary.state();
  Command command =
      rawimg_command(build_words(canary.image, rootfs_tar(Rootfs::Narrow).string(), false));
  command.limits = {{RLIMIT_FSIZE, 30 << 20}};
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.exit_code == 5);
  CHECK_THAT(outcome.err, Catch::Contains("too large"));
  CHECK(canary.state() == before);
}

TEST_CASE("a full host disk is an error that leaves nothing behind", "[judge][A35]") {
  const TempDir dir;
  fs::create_directory(dir / "small");
  Command command;
  // A namespace of mounts of its own: as root, or as the root of a user namespace of its own.
  const std::vector<std::string> unshare = ::geteuid() == 0
                                               ? std::vector<std::string>{"unshare", "-m"}
                                               : std::vector<std::string>{"unshare", "-rm"};
  command.argv = unshare;
  command.argv.insert(command.argv.end(), {"true"});
  if (!run(command).ok()) throw NotRun("no mount namespace to be had: a full host disk");
  command.argv = unshare;
  command.argv.insert(
      command.argv.end(),
      {"sh", "-c",
       "mount -t tmpfs -o size=30M none \"$1\" && cd \"$1\" && echo old >old.img && \"$2\" build "
       "disk.img --from \"$3\" --size 300M --no-sync -q; echo exit $?; "
       "\"$2\" build old.img --from \"$3\" --size 300M --no-sync -q --force; echo exit $?; ls -A; "
       "cat old.img",
       "sh", (dir / "small").string(), RAWIMG_TOOL, rootfs_tar(Rootfs::Narrow).string()});
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.out == "exit 5\nexit 5\nold.img\nold\n");
  CHECK_THAT(outcome.err, Catch::Contains("No space left") || Catch::Contains("no space"));
}

TEST_CASE("populate that fails leaves the image as it was, and its holes", "[judge][A35]") {
  struct Row {
    const char* name;
    const char* size;
    bool truncated;
    int exit_code;
  };
  const auto row =
      GENERATE(values<Row>({{"too small", "24M", false, 5}, {"truncated", "300M", true, 1}}));
  CAPTURE(row.name);
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar";
  std::string bytes = read_file(rootfs_tar(Rootfs::Narrow));
  if (row.truncated) bytes.resize(bytes.size() / 2);
  write_file(tar, bytes);
  REQUIRE(run_rawimg({"init", image.string(), "--size", row.size, "-t", "ext4", "--no-sync"}).ok());
  const std::uint64_t before = allocated_bytes(image);
  fs::copy_file(image, dir / "before.img");
  const Outcome outcome = run_rawimg({"populate", image.string(), tar.string()});
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code == row.exit_code);
  CHECK(same_bytes(image, dir / "before.img"));
  CHECK(allocated_bytes(image) <= before + 65536);
}

TEST_CASE("populate on a full host disk leaves the image as it was", "[judge][A35]") {
  const TempDir dir;
  fs::create_directory(dir / "small");
  const std::vector<std::string> unshare = ::geteuid() == 0
                                               ? std::vector<std::string>{"unshare", "-m"}
                                               : std::vector<std::string>{"unshare", "-rm"};
  Command command;
  command.argv = unshare;
  command.argv.push_back("true");
  if (!run(command).ok()) throw NotRun("no mount namespace to be had: a full host disk");
  const std::string script = R"(
mount -t tmpfs -o size=$4 none "$1" && cd "$1" && "$2" init x.img --size 300M --no-sync -q || exit 99
cp --sparse=always x.img "$5"
"$2" populate x.img "$3" --no-sync -q; echo exit $?
cmp x.img "$5" && ls -A
"$2" init y.img --size 64G --no-sync -q; echo exit $?
)";
  for (const char* room : {"1M", "4M", "20M"}) {
    CAPTURE(room);
    command.argv = unshare;
    command.argv.insert(command.argv.end(),
                        {"sh", "-c", script, "sh", (dir / "small").string(), RAWIMG_TOOL,
                         rootfs_tar(Rootfs::Narrow).string(), room, (dir / "copy.img").string()});
    const Outcome outcome = run(command);
    INFO(outcome.text());
    CHECK_THAT(outcome.out, Catch::StartsWith("exit 5\nx.img\nexit "));
    CHECK_THAT(outcome.err, Catch::Contains("no space"));
  }
}

TEST_CASE("closed standard streams change nothing but what is said", "[judge]") {
  const TempDir dir;
  for (int closed = 1; closed < 8; ++closed) {
    const std::string image = (dir / (std::to_string(closed) + ".img")).string();
    Command command;
    std::string redirections;
    for (int fd = 0; fd < 3; ++fd)
      if ((closed >> fd & 1) != 0)
        redirections += ' ' + std::to_string(fd) + (fd == 0 ? "<&-" : ">&-");
    command.argv = {
        "sh", "-c",        "exec \"$1\" init \"$2\" --size 16M --no-sync" + redirections,
        "sh", RAWIMG_TOOL, image};
    command.timeout = std::chrono::seconds(20);
    const Outcome outcome = run(command);
    CAPTURE(closed, outcome.text());
    CHECK(outcome.ok());
    require_clean(image);
  }
  Command command;  // no standard input is an empty one, not one that never ends
  command.argv = {"sh", "-c",        "exec \"$1\" build \"$2\" --from - --size 16M <&-",
                  "sh", RAWIMG_TOOL, (dir / "none.img").string()};
  command.timeout = std::chrono::seconds(20);
  CHECK(run(command).exit_code == 1);
}

TEST_CASE("content that was replaced does not shine through where tables come to lie",
          "[judge][A11]") {
  const TempDir dir;
  write_file(dir / "x.tar", TarWriter()
                                .entry({.name = "a"}, std::string(16'300'000, '\xA5'))
                                .entry({.name = "a"}, "x")
                                .finish());
  const Outcome built =
      run_rawimg({"build", (dir / "x.img").string(), "--from", (dir / "x.tar").string(), "-t",
                  "ext4", "--features", "^metadata_csum,^has_journal", "--table", "none", "--size",
                  "16M", "--block-size", "1K", "-q", "--no-sync"});
  CAPTURE(built.text());
  REQUIRE(built.ok());
  require_clean(dir / "x.img", 0);
}

TEST_CASE("populate gives back only what is a directory's to give", "[judge]") {
  const TempDir dir;
  fs::create_directories(dir / "tree" / "lost+found");
  write_file(dir / "tree" / "lost+found" / "file", "x");
  REQUIRE(run({"tar", "-cf", (dir / "x.tar").string(), "-C", (dir / "tree").string(), "."}).ok());
  const fs::path image = dir / "x.img";
  for (const char* block : {"1", "3000000"}) {  // a group descriptor; outside
    CAPTURE(block);
    fs::remove(image);
    REQUIRE(
        run_rawimg({"init", image.string(), "--size", "20M", "--table", "none", "--no-sync", "-q"})
            .ok());
    REQUIRE(run({"debugfs", "-w", "-R", std::string("set_inode_field <11> block[1] ") + block,
                 image.string()})
                .ok());
    fs::copy_file(image, dir / "before.img", fs::copy_options::overwrite_existing);
    const Outcome outcome =
        run_rawimg({"populate", image.string() + ":0", (dir / "x.tar").string()});
    CAPTURE(outcome.text());
    CHECK(outcome.exit_code == 6);
    CHECK(same_bytes(image, dir / "before.img"));
  }
}

TEST_CASE("a standard stream that is closed is an error for who needs it, and no image gets it",
          "[judge]") {
  const TempDir dir;
  const fs::path image = dir / "x.img";
  require_build(image, rootfs_tar(Rootfs::Narrow), {"--size", "300M"});
  const std::string before = read_file(image);
  const auto shell = [&](const std::string& line) {
    Command command = rawimg_command({});
    command.argv = {"/bin/sh", "-c", command.argv[0] + " " + line};
    command.directory = dir.path();
    return run(command);
  };
  CHECK(shell("ls x.img >&-").exit_code == 1);
  CHECK(shell("version >&-").exit_code == 1);
  CHECK(shell("--help >/dev/full").exit_code == 1);
  CHECK(shell("cp - x.img:/x <&-").exit_code == 1);
  CHECK(shell("ls x.img <&- 2>&-").exit_code == 0);
  CHECK((read_file(image) == before));
}
