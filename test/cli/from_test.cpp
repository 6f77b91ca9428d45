// SPDX-License-Identifier: MIT
// `rawimg help from`: each line of rawimg that it shows does what it is said to do.
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "edit/batch_line.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Lines name files relative to where they are run.
class InDirectory {
 public:
  explicit InDirectory(const fs::path& where) : before_(fs::current_path()) {
    fs::current_path(where);
  }
  ~InDirectory() { fs::current_path(before_); }
  InDirectory(const InDirectory&) = delete;
  InDirectory& operator=(const InDirectory&) = delete;

 private:
  fs::path before_;
};

std::string out_of(const std::vector<std::string>& words) { return run_rawimg(words).out; }

void require_done(const std::vector<std::string>& words) {
  const CliResult result = run_rawimg(words);
  CAPTURE(words, result.err);
  REQUIRE(result.code == 0);
}

/// What the lines name, in the current directory.
void make_files() {
  fs::create_directories("root/etc");
  fs::create_directories("root/sbin");
  fs::create_directories("root/bin");
  fs::create_directories("root/dev");
  fs::create_directories("root/opt");
  fs::create_directories("root/var/log");
  fs::create_directories("bench");
  write_file("root/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\n");
  write_file("root/etc/motd", "hello\n");
  write_file("root/bin/su", "su\n");
  write_file("root/var/log/messages", "booted\n");
  write_file("bench/run", "benchmark\n");
  write_file("m5", "m5 tool\n");
  REQUIRE(run({"tar", "-cf", "root.tar", "-C", "root", "."}).ok());
  require_done({"build", "disk.img", "--from", "root", "--size", "16M", "-t", "ext4"});
  require_done({"build", "fs.img", "--from", "root", "--size", "8M", "--table", "none"});
  require_done({"create", "blank.img", "--size", "8M"});
  require_done({"create", "table.img", "--size", "8M"});
  require_done({"partition", "table.img"});
}

nlohmann::json slot_of(const std::string& image) {
  return run_rawimg({"info", "--json", image}).json().at("result").at("slots").at(0);
}

nlohmann::json stat_of(const std::string& file) {
  return run_rawimg({"stat", "--json", file}).json().at("result");
}

using Check = std::function<bool(const std::string& printed)>;

Check has_file(const std::string& address, const std::string& content) {
  return [=](const std::string&) { return out_of({"cat", address}) == content; };
}

Check lacks(const std::string& address) {
  return [=](const std::string&) { return run_rawimg({"stat", address}).code == 4; };
}

Check prints(const std::string& part) {
  return [=](const std::string& printed) { return printed.find(part) != std::string::npos; };
}

Check host_has(const std::string& file, const std::string& content) {
  return [=](const std::string&) { return fs::exists(file) && read_file(file) == content; };
}

/// An image of this size whose filesystem starts there, has this type and holds the root tree.
Check is_built(std::uint64_t size, std::uint64_t start, const std::string& type) {
  return [=](const std::string&) {
    const auto slot = slot_of("new.img");
    return (size == 0 || fs::file_size("new.img") == size) && slot.at("offset") == start &&
           slot.at("filesystem").at("type") == type &&
           out_of({"cat", "new.img:/etc/motd"}) == "hello\n";
  };
}

bool same_as_disk(const std::string& file) { return read_file(file) == read_file("disk.img"); }

/// By the line, what it has to have done.
const std::map<std::string, Check>& checks() {
  constexpr std::uint64_t kMiB = 1 << 20;
  static const std::map<std::string, Check> kAll{
      {"create new.img --size 64M",
       [](const std::string&) { return fs::file_size("new.img") == 64 * kMiB; }},
      {"partition blank.img 'start=63,type=83'",
       [](const std::string&) { return slot_of("blank.img").at("offset") == 63 * 512; }},
      {"format table.img:1 -t ext4 --label root",
       [](const std::string&) {
         return slot_of("table.img").at("filesystem").at("type") == "ext4" &&
                slot_of("table.img").at("filesystem").at("label") == "root";
       }},
      {"populate disk.img:1 root.tar", has_file("disk.img:/etc/motd", "hello\n")},
      {"build new.img --from root.tar --size 64M -t ext4", is_built(64 * kMiB, kMiB, "ext4")},
      {"cp -a bench disk.img:/opt", has_file("disk.img:/opt/bench/run", "benchmark\n")},
      {"cp disk.img:/var/log/messages .", host_has("messages", "booted\n")},
      {"rm -r disk.img:/var/log", lacks("disk.img:/var/log")},
      {"edit -e 's/vda/sda/' disk.img:/etc/fstab",
       has_file("disk.img:/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n")},
      {"fstab set disk.img / PARTUUID=auto ext4 noatime",
       [](const std::string&) {
         const std::string text = out_of({"cat", "disk.img:/etc/fstab"});
         return text.starts_with("PARTUUID=" +
                                 slot_of("disk.img").at("partuuid").get<std::string>()) &&
                text.find(" ext4 noatime ") != std::string::npos;
       }},
      {"info disk.img", prints("ext4")},
      {"gem5img init new.img 64",
       [](const std::string&) {
         return fs::file_size("new.img") == 65520 * 1024 &&
                slot_of("new.img").at("offset") == 63 * 512;
       }},
      {"init new.img --size 64M --start 63s",
       [](const std::string&) {
         return slot_of("new.img").at("offset") == 63 * 512 &&
                slot_of("new.img").at("filesystem").at("type") == "ext2";
       }},
      {"cp ./m5 disk.img:/sbin/m5", has_file("disk.img:/sbin/m5", "m5 tool\n")},
      {"cp ./m5 fs.img:/sbin/m5", has_file("fs.img:/sbin/m5", "m5 tool\n")},
      {"rm fs.img:/etc/motd", lacks("fs.img:/etc/motd")},
      {"chmod 4755 fs.img:/bin/su",
       [](const std::string&) { return stat_of("fs.img:/bin/su").at("mode") == "4755"; }},
      {"mknod fs.img:/dev/console c 5 1",
       [](const std::string&) {
         const auto device = stat_of("fs.img:/dev/console").at("device");
         return device.at("major") == 5 && device.at("minor") == 1;
       }},
      {"xattr --set user.origin=gem5 fs.img:/bin/su",
       [](const std::string&) {
         return stat_of("fs.img:/bin/su").at("xattrs").at(0).at("value") == "gem5";
       }},
      {"batch fs.img -e 'rm :/etc/motd' -e 'cp ./m5 :/sbin/m5'",
       [](const std::string& out) {
         return lacks("fs.img:/etc/motd")(out) && has_file("fs.img:/sbin/m5", "m5 tool\n")(out);
       }},
      {"stat fs.img:/etc/fstab", prints("/etc/fstab")},
      {"cp -r fs.img:/etc .", host_has("etc/motd", "hello\n")},
      {"cp --chmod 755 ./m5 'disk.img?offset=1048576:/sbin/m5'",
       [](const std::string&) {
         const auto made = stat_of("disk.img:/sbin/m5");
         return made.at("mode") == "0755" && made.at("uid") == 0 && made.at("gid") == 0;
       }},
      {"ls -l fs.img:/etc", prints("motd")},
      {"mkdir -p fs.img:/opt/gem5",
       [](const std::string&) { return stat_of("fs.img:/opt/gem5").at("type") == "directory"; }},
      {"cat fs.img:/var/log/messages", prints("booted\n")},
      {"ln fs.img:/bin/su fs.img:/bin/sudo",
       [](const std::string&) { return stat_of("fs.img:/bin/sudo").at("links") == 2; }},
      {"cp ./m5 disk.img@@1048576:/sbin/m5", has_file("disk.img:/sbin/m5", "m5 tool\n")},
      {"build new.img --from root.tar -t ext4 --size auto+64M", is_built(0, kMiB, "ext4")},
      {"populate disk.img:/opt root.tar", has_file("disk.img:/opt/etc/motd", "hello\n")},
      {"cp -r bench disk.img:/opt", has_file("disk.img:/opt/bench/run", "benchmark\n")},
      {"cp -r disk.img:/etc .", host_has("etc/motd", "hello\n")},
      {"hostname disk.img gem5", has_file("disk.img:/etc/hostname", "gem5\n")},
      {"df disk.img", prints("disk.img")},
      {"sparsify disk.img",
       [](const std::string&) {
         return out_of({"cat", "disk.img:/etc/motd"}) == "hello\n";
       }},
      {"cp ./m5 disk.img:1/sbin/m5", has_file("disk.img:/sbin/m5", "m5 tool\n")},
      {"build new.img --from root -t ext4 --size 64M --table none", is_built(64 * kMiB, 0, "ext4")},
      {"build new.img --from root.tar -t ext4 --size 64M --table none",
       is_built(64 * kMiB, 0, "ext4")},
      {"build new.img --from root --size auto --table none", is_built(0, 0, "ext2")},
      {"ls disk.img:1/etc", prints("motd")},
      {"cp -r bench disk.img:1/opt", has_file("disk.img:/opt/bench/run", "benchmark\n")},
      {"rm disk.img:1/etc/motd", lacks("disk.img:/etc/motd")},
      {"convert disk.img copy.img", [](const std::string&) { return same_as_disk("copy.img"); }},
      {"convert disk.img.gz copy.img", [](const std::string&) { return same_as_disk("copy.img"); }},
  };
  return kAll;
}

/// The lines of rawimg, without its name.
std::vector<std::string> lines_of_topic() {
  std::istringstream text(run_rawimg({"help", "from"}).out);
  const std::string mark = "      rawimg ";
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(mark)) lines.push_back(line.substr(mark.size()));
  return lines;
}

/// The same file under another name, which a line may change.
void copy_all(const fs::path& from, const fs::path& to) {
  REQUIRE(run({"cp", "-a", "--sparse=always", from.string(), to.string()}).ok());
}

}  // namespace

TEST_CASE("each line of the topic \"from\" does what it says", "[cli][from]") {
  const TempDir dir;
  fs::create_directory(dir / "files");
  {
    const InDirectory there(dir / "files");
    make_files();
    REQUIRE(run(Command{.argv = {"gzip", "-1kf", "disk.img"}}).ok());
  }
  const std::vector<std::string> lines = lines_of_topic();
  CHECK(lines.size() >= checks().size());
  for (const std::string& line : lines) {
    CAPTURE(line);
    const auto check = checks().find(line);
    REQUIRE(check != checks().end());
    copy_all(dir / "files", dir / "here");
    {
      const InDirectory there(dir / "here");
      const CliResult result = run_rawimg(cli::split_line(line));
      CAPTURE(result.out, result.err);
      CHECK(result.code == 0);
      CHECK(check->second(result.out));
    }
    fs::remove_all(dir / "here");
  }
}

TEST_CASE("the checks of the topic \"from\" fail where nothing was done", "[cli][from]") {
  const TempDir dir;
  const InDirectory there(dir.path());
  make_files();
  for (const char* line : {"cp ./m5 disk.img:/sbin/m5", "rm fs.img:/etc/motd",
                           "chmod 4755 fs.img:/bin/su", "hostname disk.img gem5",
                           "cp -r disk.img:/etc .", "edit -e 's/vda/sda/' disk.img:/etc/fstab"}) {
    CAPTURE(line);
    CHECK_FALSE(checks().at(line)(""));
  }
}

TEST_CASE("the topic \"from\" names all that people come from", "[cli][from]") {
  const std::string text = run_rawimg({"help", "from"}).out;
  for (const char* other :
       {"losetup", "mount ", "gem5img.py", "debugfs -w", "e2cp", "virt-tar-in", "virt-make-fs",
        "mke2fs -t ext4 -d", "wic cp", "guestfish", "upload", "sfdisk", "e2image -ra",
        "cp --sparse", "fallocate -d", "virt-sparsify", "mcopy", "genext2fs"}) {
    CAPTURE(other);
    CHECK(text.find(other) != std::string::npos);
  }
}
