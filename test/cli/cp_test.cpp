// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("cp of a directory to the host leaves devices out and says so", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mknod", ":/etc/dev", "c", "1", "3"});
  const fs::path out = disk.dir / "out";
  const CliResult result = disk.run_verb({"cp", "-r", ":/etc", out.string()});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err,
             Catch::Contains("/etc/dev' is a device node") && Catch::Contains("--devices"));
  CHECK(fs::exists(out / "fstab"));
  CHECK_FALSE(fs::exists(out / "dev"));
  CHECK(disk.run_verb({"cp", ":/etc/dev", (disk.dir / "dev").string()}).code == 3);
  CHECK_FALSE(fs::exists(disk.dir / "dev"));
}

TEST_CASE("holes of any size stay holes on the way to the host and back", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"truncate", "-s", "2T", ":/big"});
  const fs::path big = disk.dir / "big";
  disk.require_verb({"cp", ":/big", big.string()});
  CHECK(fs::file_size(big) == std::uint64_t{2} << 40);
  CHECK(status_of(big).st_blocks < 64);
  disk.require_verb({"cp", ":/big", ":/again"});
  CHECK(disk.stat("/again").at("size") == std::uint64_t{2} << 40);
  CHECK(disk.stat("/again").at("sectors") == 0);

  // Data at the beginning, in the middle and at the end.
  const fs::path mixed = disk.dir / "mixed", back = disk.dir / "back";
  std::string bytes(1'000'003, '\0');
  bytes.front() = bytes[300'000] = bytes.back() = 'x';
  write_file(mixed, bytes);
  disk.require_verb({"cp", mixed.string(), ":/mixed"});
  disk.require_verb({"cp", ":/mixed", back.string()});
  CHECK((read_file(back) == bytes));
  CHECK((disk.cat("/mixed") == bytes));
  CHECK((disk.run_verb({"cp", ":/mixed", "-"}).out == bytes));
  const fs::path fifo = disk.dir / "fifo", through = disk.dir / "through";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  Command reader;
  reader.argv = {"cat", fifo.string()};
  reader.output_file = through;
  Process process(reader);
  disk.require_verb({"cp", ":/mixed", fifo.string()});
  CHECK(process.wait().ok());
  CHECK((read_file(through) == bytes));
}

TEST_CASE("symlinks that lead in a circle end cp -L", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", ":/d"});
  disk.require_verb({"ln", "-s", ".", ":/d/self"});
  const fs::path out = disk.dir / "out", loop = disk.dir / "loop";
  fs::create_directory(loop);
  fs::create_directory_symlink(".", loop / "self");
  const CliResult to_host = disk.run_verb({"cp", "-rL", ":/d", out.string()});
  CAPTURE(to_host.err);
  CHECK(to_host.code == 3);
  CHECK_THAT(to_host.err, Catch::Contains("leads to a directory that it is in"));
  CHECK(disk.run_verb({"cp", "-rL", ":/d", ":/e"}).code == 3);
  CHECK(disk.run_verb({"cp", "-rL", loop.string(), ":/e"}).code == 3);
  CHECK_FALSE(fs::exists(out / "self" / "self"));
  // the same directory twice, but not in itself
  disk.require_verb({"rm", ":/d/self"});
  disk.require_verb({"ln", "-s", "/etc", ":/d/one"});
  disk.require_verb({"ln", "-s", "/etc", ":/d/two"});
  disk.require_verb({"cp", "-rL", ":/d", (disk.dir / "twice").string()});
  CHECK(fs::exists(disk.dir / "twice/one/fstab"));
  CHECK(fs::exists(disk.dir / "twice/two/fstab"));
}

TEST_CASE("what has no name of its own is merged into the destination", "[cli][edit]") {
  const Disk disk;
  const Disk other;
  const fs::path host = disk.dir / "host";
  fs::create_directories(host / "sub");
  write_file(host / "sub/f", "f");
  disk.require_verb({"cp", "-r", host.string() + "/.", ":/etc"});
  CHECK(disk.cat("/etc/sub/f") == "f");
  CHECK(disk.cat("/etc/fstab") != "");
  disk.require_verb({"cp", "-a", ":/etc/.", (disk.dir / "out").string()});
  CHECK(fs::exists(disk.dir / "out/sub/f"));
  fs::create_directory(disk.dir / "there");
  disk.require_verb({"cp", "-a", ":/", (disk.dir / "there").string()});
  CHECK(fs::exists(disk.dir / "there/etc/sub/f"));
  other.require_verb({"cp", "-a", disk.image + ":/", ":/"});
  CHECK(other.cat("/etc/sub/f") == "f");
  const CliResult wild = other.run_verb({"cp", "-a", disk.image + ":/e*/su?", ":/"});
  CAPTURE(wild.err);
  CHECK(wild.code == 0);
  CHECK(other.cat("/sub/f") == "f");
  CHECK(other.run_verb({"cp", "-a", disk.image + ":/nope*", ":/"}).code == 4);
}

TEST_CASE("cp knows -u, -f, -d and what to preserve", "[cli][edit]") {
  const Disk disk;
  const fs::path host = disk.dir / "f", copy = disk.dir / "copy";
  write_file(host, "new");
  fs::permissions(host, fs::perms{0640});
  const auto hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(host, hour_ago);
  disk.require_verb({"cp", "--preserve=timestamps", host.string(), ":/f"});
  CHECK(disk.stat("/f").at("mtime").at("seconds") == status_of(host).st_mtim.tv_sec);
  CHECK(disk.stat("/f").at("mode") == "0640");
  CHECK(disk.stat("/f").at("uid") == 0);
  write_file(host, "newer");
  fs::last_write_time(host, hour_ago);
  disk.require_verb({"cp", "-u", host.string(), ":/f"});
  CHECK(disk.cat("/f") == "new");
  fs::last_write_time(host, hour_ago + std::chrono::minutes(1));
  disk.require_verb({"cp", "-u", host.string(), ":/f"});
  CHECK(disk.cat("/f") == "newer");
  write_file(copy, "mine");
  disk.require_verb({"truncate", "-s", "1", ":/f"});
  disk.require_verb({"touch", "-d", "@1000", ":/f"});
  disk.require_verb({"cp", "-u", ":/f", disk.dir.path().string()});
  CHECK(read_file(host) == "newer");
  disk.require_verb({"cp", "-f", ":/f", copy.string()});
  CHECK(read_file(copy) == "n");
  disk.require_verb({"ln", "-s", "f", ":/other"});
  disk.require_verb({"cp", "-d", ":/other", (disk.dir / "link").string()});
  CHECK(fs::read_symlink(disk.dir / "link") == "f");
  CHECK(disk.run_verb({"cp", "--preserve=mood", ":/f", copy.string()}).code == 2);
  CHECK(disk.run_verb({"cp", "--sparse=never", ":/f", copy.string()}).code == 2);
  disk.require_verb({"cp", "--sparse=always", ":/f", copy.string()});
  disk.require_verb({"cp", "--preserve=mode,links", "-R", ":/etc", (disk.dir / "etc").string()});
}

TEST_CASE("cp does not write through a symlink that leads nowhere", "[cli][edit]") {
  const Disk disk;
  const fs::path link = disk.dir / "link";
  fs::create_symlink("nowhere", link);
  const CliResult result = disk.run_verb({"cp", ":/etc/fstab", link.string()});
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK_FALSE(fs::exists(disk.dir / "nowhere"));
}

TEST_CASE("what --json prints is one object, whatever else a verb prints", "[cli][edit]") {
  const Disk disk;
  const CliResult made = disk.run_verb({"mkdir", "-v", "--json", ":/q"});
  CAPTURE(made.out);
  CHECK(made.json().at("result").at("output").get<std::string>().find("created directory") == 0);
  const CliResult diff =
      disk.run_verb({"edit", "-e", "s/ext/EXT/", "--dry-run", "--json", ":/etc/fstab"});
  CAPTURE(diff.out);
  CHECK(diff.json().at("result").at("dry_run") == true);
  const CliResult out =
      disk.run_verb({"cp", "-v", "--json", ":/etc/fstab", (disk.dir / "x").string()});
  CAPTURE(out.out);
  CHECK(out.json().at("command") == "cp");
  CHECK(disk.run_verb({"cp", "--json", ":/etc/fstab", "-"}).code == 2);
}

TEST_CASE("what concerns a whole batch is refused in a line of it", "[cli][edit]") {
  const Disk disk;
  for (const char* line : {"touch --dry-run :/x", "touch --json :/x", "touch -q :/x",
                           "ls --json :/", "rm --no-lock :/etc/fstab", "touch --help"}) {
    CAPTURE(line);
    const CliResult result = disk.run_verb({"batch", disk.image, "-e", "mkdir :/q", "-e", line});
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, Catch::Contains("-e 2: ") && Catch::Contains("of the batch"));
  }
  CHECK(disk.ls("/").find("q") == std::string::npos);
}

TEST_CASE("cp to - in a batch is standard output", "[cli][edit]") {
  const Disk disk;
  const CliResult result =
      disk.run_verb({"batch", disk.image, "-e", "cp :/etc/fstab -", "-e", "mkdir :/q"});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(result.out == disk.cat("/etc/fstab"));
  CHECK_FALSE(fs::exists("-"));
}

TEST_CASE("cp blames the word that is wrong", "[cli][edit]") {
  const Disk disk;
  const fs::path host = disk.dir / "host";
  write_file(host, "x");
  const std::string missing = (disk.dir / "none.img").string();
  struct Row {
    std::vector<std::string> words;
    int code;
    std::string says;
  };
  for (const Row& row :
       {Row{{"cp", host.string(), missing + ":/x"}, 1, "cannot open '" + missing},
        Row{{"cp", host.string(), disk.image + ":x"}, 2, "write " + disk.image + ":/x"},
        Row{{"cp", disk.image + ":x", disk.dir.path().string()}, 2, "write " + disk.image + ":/x"},
        Row{{"cp", disk.image + ":/etc/fstab", disk.image + ":d"},
            2,
            "write " + disk.image + ":/d"},
        Row{{"cp", host.string(), host.string() + "2"}, 2, "neither "},
        Row{{"cp", "-r", disk.image + ":/*t*", disk.image + ":/none"}, 4, "is not a directory"},
        Row{{"cp", "-r", disk.image + ":/*t*", host.string() + "2"}, 4, "is not a directory"}}) {
    CAPTURE(row.words);
    const CliResult result = run_rawimg(row.words);
    CAPTURE(result.err);
    CHECK(result.code == row.code);
    CHECK_THAT(result.err, Catch::Contains(row.says));
  }
  CHECK_FALSE(fs::exists(disk.image + ":d"));
  CHECK_FALSE(fs::exists(host.string() + "2"));
}

TEST_CASE("cp of what does not fit says how large it is, and what is free", "[cli][edit]") {
  const Disk disk;
  const fs::path host = disk.dir / "big";
  write_file(host, std::string(40 << 20, 'x'));
  const CliResult result = disk.run_verb({"cp", host.string(), ":/big"});
  CAPTURE(result.err);
  CHECK(result.code == 5);
  CHECK_THAT(result.err, Catch::Contains("big', which has 40.0 MiB, does not fit") &&
                             Catch::Contains("are free in the filesystem"));
  CHECK(disk.ls("/").find("big") == std::string::npos);
}
