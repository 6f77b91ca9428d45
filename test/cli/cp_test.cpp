// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"
#include "support/not_run.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

/// Where the tester is root, somebody whom modes of files concern.
class AsNobody {
 public:
  AsNobody() : before_(geteuid()) {
    if (before_ == 0) REQUIRE(seteuid(65534) == 0);
  }
  ~AsNobody() {
    if (before_ == 0) CHECK(seteuid(0) == 0);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  uid_t before_;
};

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
        Row{{"cp", "-r", disk.image + ":/*t*", disk.image + ":/none"}, 4, "does not exist, and"},
        Row{{"cp", "-r", disk.image + ":/*t*", host.string() + "2"}, 1, "does not exist, and"}}) {
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

TEST_CASE("cp gives setuid to the owner it was of only", "[cli][edit]") {
  const Disk disk;
  const fs::path tool = disk.dir / "tool", out = disk.dir / "out";
  write_file(tool, "tool");
  const auto permissions = [](const fs::path& path) { return status_of(path).st_mode & 07777; };
  disk.require_verb({"cp", tool.string(), ":/tool"});
  disk.require_verb({"chown", "1000:1000", ":/tool"});
  disk.require_verb({"chmod", "6755", ":/tool"});
  struct Row {
    std::vector<std::string> how;
    std::string mode;
  };
  for (const Row& row : std::vector<Row>{{{"-a"}, "06755"},
                                         {{"-p"}, "06755"},
                                         {{"-a", "--owner", "1000"}, "06755"},
                                         {{"-a", "--owner", "0"}, "0755"},
                                         {{"-a", "--owner", ":0"}, "0755"},
                                         {{"--preserve=mode"}, "0755"},
                                         {{"--preserve=mode", "--chmod", "u+s"}, "04755"},
                                         {{"-a", "--chmod", "g-w"}, "06755"},
                                         {{"-a", "--owner", "0:0", "--chmod", "g-w"}, "0755"}}) {
    std::vector<std::string> words{"cp"};
    words.insert(words.end(), row.how.begin(), row.how.end());
    CAPTURE(words);
    std::vector<std::string> into = words, to_host = words;
    into.insert(into.end(), {":/tool", ":/copy"});
    to_host.insert(to_host.end(), {":/tool", out.string()});
    disk.require_verb(into);
    CHECK(std::stoul(disk.stat("/copy").at("mode").get<std::string>(), nullptr, 8) ==
          std::stoul(row.mode, nullptr, 8));
    disk.require_verb({"rm", ":/copy"});
    fs::remove(out);
    if (getuid() == 0) {
      disk.require_verb(to_host);
      CHECK(permissions(out) == std::stoul(row.mode, nullptr, 8));
    }
  }
  // capabilities, together with setuid
  disk.require_verb({"xattr", "--set",
                     "security.capability=0x0100000202000000000000000000000000000000", ":/tool"});
  disk.require_verb({"chmod", "6755", ":/tool"});
  const CliResult other = disk.run_verb({"cp", "-a", "--owner", "0:0", ":/tool", ":/other"});
  CHECK_THAT(other.err, Catch::Contains("somebody else"));
  CHECK(disk.stat("/other").at("xattrs").empty());
  CHECK(disk.stat("/other").at("mode") == "0755");
  disk.require_verb({"cp", "-a", ":/tool", ":/same"});
  CHECK(disk.stat("/same").at("xattrs").size() == 1);
  // over a program that has it already
  disk.require_verb({"cp", "-a", ":/tool", ":/over"});
  disk.require_verb({"cp", "--owner", "0:0", tool.string(), ":/over"});
  CHECK(disk.stat("/over").at("mode") == "0755");
  disk.require_verb({"cp", "-a", ":/tool", ":/again"});
  disk.require_verb({"cp", "--preserve=ownership", tool.string(), ":/again"});
  CHECK(disk.stat("/again").at("mode") == "0755");
}

TEST_CASE("cp -r to the host leaves the modes of directories that are there", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/t/sub/new"});
  const fs::path out = disk.dir / "t";
  fs::create_directories(out / "sub");
  fs::permissions(out, fs::perms{0700});
  fs::permissions(out / "sub", fs::perms{0711});
  disk.require_verb({"cp", "-r", ":/t", disk.dir.path().string()});
  CHECK((status_of(out).st_mode & 0777) == 0700);
  CHECK((status_of(out / "sub").st_mode & 0777) == 0711);
  CHECK((status_of(out / "sub/new").st_mode & 0777) == 0755);
  disk.require_verb({"cp", "-rp", ":/t", disk.dir.path().string()});
  CHECK((status_of(out).st_mode & 0777) == 0755);
}

TEST_CASE("cp --dry-run to the host finds what would fail, and writes nothing", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mknod", ":/etc/dev", "c", "1", "3"});
  fs::create_directories(disk.dir / "out/fstab");
  const std::string out = (disk.dir / "out").string();
  CHECK(disk.run_verb({"cp", "--dry-run", ":/etc", out + "/new"}).code == 1);
  CHECK(disk.run_verb({"cp", "--dry-run", ":/etc/dev", out + "/dev"}).code == 3);
  CHECK(disk.run_verb({"cp", "--dry-run", ":/etc/fstab", out + "/none/fstab"}).code == 1);
  CHECK(disk.run_verb({"cp", "--dry-run", ":/etc/fstab", out}).code == 1);
  const CliResult tree = disk.run_verb({"cp", "-rv", "--dry-run", ":/etc", out + "/new"});
  CAPTURE(tree.out, tree.err);
  CHECK(tree.code == 0);
  CHECK_THAT(tree.out, Catch::Contains("/etc/fstab' -> "));
  CHECK_THAT(tree.err, Catch::Contains("is a device node"));
  CHECK_FALSE(fs::exists(out + "/new"));
  const CliResult json = disk.run_verb({"cp", "-r", "--json", ":/etc", out + "/new"});
  const auto files = std::distance(fs::directory_iterator(out + "/new"), fs::directory_iterator());
  CHECK(files > 0);
  CHECK(json.json().at("result").at("copied") == files);
}

namespace {

struct Row {
  std::vector<std::string> words;
  int code;
  const char* says;  ///< on standard error
};

}  // namespace

TEST_CASE("a wildcard in a destination names what it matches", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "f", "f");
  const std::string f = (disk.dir / "f").string();
  disk.require_verb({"mkdir", ":/home", ":/hose"});
  disk.require_verb({"cp", f, ":/hom*"});
  CHECK(disk.cat("/home/f") == "f");
  disk.require_verb({"cp", f, ":/h?me/g"});
  CHECK(disk.cat("/home/g") == "f");
  disk.require_verb({"mv", ":/home/g", ":/hos*"});
  CHECK(disk.cat("/hose/g") == "f");
  const std::string before = read_file(disk.image);
  for (const Row& row :
       std::vector<Row>{{{"cp", f, ":/ho*"}, 1, "matches 2 files"},
                        {{"cp", f, ":/no*"}, 4, "nothing in the image matches"},
                        {{"cp", f, ":/no*/x"}, 4, "nothing in the image matches"},
                        {{"mkdir", ":/no*"}, 4, "nothing in the image matches"},
                        {{"mv", ":/home/f", ":/no*"}, 4, "nothing in the image matches"},
                        {{"ln", ":/home/f", ":/no*"}, 4, "nothing in the image matches"}}) {
    const CliResult result = disk.run_verb(row.words);
    CAPTURE(row.words, result.err);
    CHECK(result.code == row.code);
    CHECK_THAT(result.err, Catch::Contains(row.says));
    CHECK((read_file(disk.image) == before));
  }
  // what is no wildcard, or is not meant as one
  disk.require_verb({"cp", f, ":/home/["});
  CHECK(disk.cat("/home/[") == "f");
  disk.require_verb({"cp", f, R"(:/home/\*)"});
  disk.require_verb({"mkdir", R"(:/home/a\[b\]c)"});
  CHECK_THAT(disk.ls("/home"), Catch::Contains("*") && Catch::Contains("a[b]c"));
  CHECK(disk.cat("/home/*") == "f");
}

TEST_CASE("cp -H follows what is named, and --no-preserve takes back", "[cli][edit]") {
  const Disk disk;
  fs::create_directories(disk.dir / "d");
  write_file(disk.dir / "d/x", "x");
  fs::create_symlink("x", disk.dir / "d/link");
  fs::create_directory_symlink("d", disk.dir / "to_d");
  const std::string to_d = (disk.dir / "to_d").string();
  disk.require_verb({"cp", "-rH", to_d, ":/h"});
  CHECK(disk.cat("/h/x") == "x");
  CHECK(disk.stat("/h/link").at("type") == "symbolic link");
  disk.require_verb({"cp", "-rP", to_d, ":/p"});
  CHECK(disk.stat("/p").at("type") == "symbolic link");
  disk.require_verb({"cp", "-aL", to_d, ":/l"});
  CHECK(disk.stat("/l/link").at("type") == "regular file");
  disk.require_verb({"cp", "-LP", (disk.dir / "d/link").string(), ":/last"});
  CHECK(disk.stat("/last").at("type") == "symbolic link");
  REQUIRE(chmod((disk.dir / "d/x").c_str(), 0777) == 0);
  disk.require_verb(
      {"cp", "-a", "--no-preserve=mode,ownership", (disk.dir / "d/x").string(), ":/n"});
  CHECK(disk.stat("/n").at("mode") == "0644");
}

TEST_CASE("cp --no-preserve=mode gives the mode of a new file", "[cli][edit]") {
  const Disk disk;
  fs::create_directories(disk.dir / "d");
  write_file(disk.dir / "d/x", "x");
  REQUIRE(chmod((disk.dir / "d/x").c_str(), 0444) == 0);
  REQUIRE(chmod((disk.dir / "d").c_str(), 0700) == 0);
  disk.require_verb({"cp", "-rp", "--no-preserve=mode", (disk.dir / "d").string(), ":/new"});
  CHECK(disk.stat("/new").at("mode") == "0755");
  CHECK(disk.stat("/new/x").at("mode") == "0644");
  disk.require_verb({"cp", "-rp", (disk.dir / "d").string(), ":/kept"});
  const mode_t before = umask(027);
  disk.require_verb({"cp", "-rp", "--no-preserve=mode", ":/kept", (disk.dir / "out").string()});
  umask(before);
  CHECK((status_of(disk.dir / "out").st_mode & 07777) == 0750);
  CHECK((status_of(disk.dir / "out/x").st_mode & 07777) == 0640);
  disk.require_verb({"cp", "--no-preserve=mode", "-p", ":/kept/x", (disk.dir / "y").string()});
  CHECK((status_of(disk.dir / "y").st_mode & 07777) == 0444);
}

TEST_CASE("without -r, a device of the host is read and a socket is refused", "[cli][edit]") {
  const Disk disk;
  const fs::path socket_file = disk.dir / "socket";
  REQUIRE(mknod(socket_file.c_str(), S_IFSOCK | 0644, 0) == 0);
  const CliResult refused = disk.run_verb({"cp", socket_file.string(), ":/s"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, Catch::Contains("is a socket, which has no content"));
  disk.require_verb({"cp", "-r", socket_file.string(), ":/s"});
  CHECK(disk.stat("/s").at("type") == "socket");
}

TEST_CASE("cp -a to the host keeps the attributes of files that may not be written",
          "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"tee", ":/f"});
  disk.require_verb({"xattr", "--set", "user.k=v", ":/f"});
  disk.require_verb({"chmod", "0444", ":/f"});
  REQUIRE(chmod(disk.dir.path().c_str(), 0777) == 0);
  const AsNobody nobody;
  for (const char* how : {"-a", "--preserve=xattr"}) {
    const fs::path out = disk.dir / how;
    const CliResult result = disk.run_verb({"cp", how, ":/f", out.string()});
    CAPTURE(how, result.err);
    CHECK(result.code == 0);
    char value = 0;
    if (getxattr(out.c_str(), "user.k", &value, 1) < 0 && errno == ENOTSUP)
      throw NotRun("no user attributes on the file system of temporary files");
    CHECK(value == 'v');
    CHECK((status_of(out).st_mode & 07777) == 0444);
    CHECK_FALSE(result.err.find("cannot set") != std::string::npos);
  }
}

TEST_CASE("cp of what is in a circle of parents ends", "[cli][edit]") {
  const Disk disk("ext2");
  disk.require_verb({"mkdir", "-p", ":/a/b"});
  const std::string image = (disk.dir / "circle.img").string();
  fs::copy_file(disk.image, image);
  // ".." of /a leads to /a/b
  const auto inode = [&](const char* path) {
    const auto number = disk.stat(path).at("inode").get<std::uint32_t>();
    return std::string(reinterpret_cast<const char*>(&number), sizeof number);
  };
  std::string bytes = read_file(image);
  const std::size_t at = bytes.find(inode("/a") + std::string("\x0c\0\x01\x02.\0\0\0", 8));
  REQUIRE(at != std::string::npos);
  bytes.replace(at + 12, 4, inode("/a/b"));
  write_file(image, bytes);
  const CliResult result = run_rawimg({"cp", "-r", disk.dir.path().string(), image + ":/a/b"});
  CAPTURE(result.err);
  CHECK(result.code == 6);
  CHECK_THAT(result.err, Catch::Contains("'..'"));
}

TEST_CASE("cp of a directory that has a name twice says so", "[cli][edit]") {
  const Disk disk("ext2");
  disk.require_verb({"mkdir", ":/d"});
  disk.require_verb({"touch", ":/d/dupe1", ":/d/dupe2"});
  const std::string image = (disk.dir / "twice.img").string();
  std::string bytes = read_file(disk.image);
  const std::size_t at = bytes.find("dupe2");
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 5, "dupe1");
  write_file(image, bytes);
  for (const std::string& target : {image + ":/copy", (disk.dir / "out").string()}) {
    const CliResult result = run_rawimg({"cp", "-a", image + ":/d", target});
    CAPTURE(target, result.err);
    CHECK(result.code == 6);
    CHECK_THAT(result.err, Catch::Contains("has the name 'dupe1' twice"));
  }
}
