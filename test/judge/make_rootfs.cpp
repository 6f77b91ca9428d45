// SPDX-License-Identifier: MIT
// make_rootfs [--narrow] [--big] [--add GUEST-PATH=HOST-FILE]... > rootfs.tar
// A root filesystem in the shape of a stage3 with one of everything that gets lost on the way into
// an image; same bytes on every run, no root needed.
// --narrow leaves out what an inode of 128 bytes or a block of 1 KiB cannot hold. --big adds 200
// MiB of data that is not zero.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "judge/pax_writer.h"

using rawimg::judge::Member;
using rawimg::judge::PaxWriter;

namespace {

enum class Profile { Rich, Narrow };

// The members in the order of a walk, as in every tarball that is made from a directory. (GNU tar
// restores the time of a directory when it leaves it: with another order it, the reference, is
// wrong.)
class Tree {
 public:
  void add(Member member, std::string content = {}) {
    insert({std::move(member), std::move(content), 0, {}});
  }
  void add_sparse(Member member, std::uint64_t real_size,
                  std::vector<std::pair<std::uint64_t, std::string>> pieces) {
    insert({std::move(member), {}, real_size, std::move(pieces)});
  }
  void write(PaxWriter& tar) const {
    for (const auto& [key, item] : items_) {
      if (item.real_size == 0)
        tar.add(item.member, item.content);
      else
        tar.add_sparse(item.member, item.real_size, item.pieces);
    }
  }

 private:
  struct Item {
    Member member;
    std::string content;
    std::uint64_t real_size;
    std::vector<std::pair<std::uint64_t, std::string>> pieces;
  };
  void insert(Item item) {
    // With 1 for the slash a directory's children follow it at once; the one name with a byte 1 has
    // no sibling that this could disturb.
    std::string key = item.member.path;
    if (key.back() == '/') key.pop_back();
    for (char& byte : key) byte = byte == '/' ? '\1' : byte;
    items_.emplace(std::move(key), std::move(item));
  }
  std::map<std::string, Item> items_;
};

// The same on every machine; never zero, so that no block of it can become a hole.
std::string noise(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>((state >> 32) % 255 + 1);
  }
  return bytes;
}

Member directory(const std::string& path, unsigned mode = 0755) {
  return {.path = path, .type = '5', .mode = mode};
}
Member symlink(const std::string& path, const std::string& target) {
  return {.path = path, .type = '2', .mode = 0777, .link = target};
}
Member hard_link(const std::string& path, const std::string& target) {
  return {.path = path, .type = '1', .link = target};
}

// VFS_CAP_REVISION_2 with the effective bit; CAP_NET_RAW is number 13.
const std::string kPingCapability{
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20};

constexpr auto kInit = R"(#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc proc /proc
echo BOOTED-FROM $($B awk '$2 == "/" {print $1, $3}' /proc/mounts)
$B ls -l /etc/hostname
/usr/bin/getcap /usr/bin/ping
$B ifconfig lo up
$B su nobody -s /bin/sh -c 'id -u; /usr/bin/ping -c 1 127.0.0.1 >/dev/null && echo PING-BY-CAPABILITY; /usr/bin/plain/ping -c 1 127.0.0.1 >/dev/null 2>&1 || echo NO-PING-WITHOUT'
echo INIT-ENDED
$B poweroff -f
)";

void add_system(Tree& tar) {
  tar.add(directory("./"));
  for (const char* path : {"./usr/", "./usr/bin/", "./usr/lib/", "./usr/lib64/", "./etc/", "./dev/",
                           "./proc/", "./sys/", "./root/", "./var/", "./home/"})
    tar.add(directory(path));
  for (const auto& [path, target] : {std::pair{"./bin", "usr/bin"},
                                     {"./sbin", "usr/bin"},
                                     {"./lib", "usr/lib"},
                                     {"./lib64", "usr/lib64"}})
    tar.add(symlink(path, target));
  tar.add(directory("./tmp/", 01777));
  tar.add(directory("./var/tmp/", 01777));
  tar.add(directory("./root/private/", 0700));
  tar.add(directory("./var/mail/", 02775));
  tar.add({.path = "./init.sh", .mode = 0755}, kInit);
  tar.add({.path = "./etc/hostname", .mtime = "1234567890"}, "judge\n");
  tar.add({.path = "./etc/passwd"},
          "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
  tar.add({.path = "./etc/shadow", .mode = 0640, .gid = 42}, "root:*:1::::::\n");
  tar.add({.path = "./etc/fstab"}, "/dev/ROOT\t\t/\t\text3\t\tnoatime\t\t0 1\n");
}

std::string read_host_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    std::fprintf(stderr, "make_rootfs: cannot read '%s'\n", name.c_str());
    std::exit(1);
  }
  return bytes;
}

void add_programs(Tree& tar, const std::map<std::string, std::string>& from_host) {
  // A path of the host such as /lib/x86_64-linux-gnu/libc.so.6 leads through ./lib, which is a
  // symlink: its directory is made where the symlink leads.
  std::map<std::string, int> made;
  for (const auto& [path, file] : from_host) {
    const auto parent = "./" + std::filesystem::path(path).parent_path().string() + "/";
    if (parent != "./usr/bin/" && parent != "./usr/lib/" && parent != "./usr/lib64/" &&
        made[parent]++ == 0)
      tar.add(directory(parent));
    tar.add({.path = "./" + path, .mode = 0755}, read_host_file(file));
  }
  const std::string busybox = read_host_file(from_host.at("usr/bin/busybox"));
  tar.add(symlink("./usr/bin/sh", "busybox"));
  tar.add({.path = "./usr/bin/ping",
           .mode = 0755,
           .xattrs = {{"security.capability", kPingCapability}}},
          busybox);
  tar.add(hard_link("./usr/bin/ping.hardlink", "./usr/bin/ping"));
  tar.add(directory("./usr/bin/plain/"));
  tar.add({.path = "./usr/bin/plain/ping", .mode = 0755}, busybox);
  tar.add({.path = "./usr/bin/setuid", .mode = 04755}, "#!/bin/sh\n");
  tar.add({.path = "./usr/bin/setgid", .mode = 02711, .gid = 5}, "#!/bin/sh\n");
  tar.add({.path = "./usr/bin/all-bits", .mode = 07777}, "#!/bin/sh\n");
}

void add_devices(Tree& tar) {
  struct Row {
    const char* path;
    char type;
    unsigned mode, dev_major, dev_minor;
  };
  for (const Row& row : std::vector<Row>{{"console", '3', 0600, 5, 1},
                                         {"null", '3', 0666, 1, 3},
                                         {"ptmx", '3', 0666, 5, 2},
                                         {"tty", '3', 0666, 5, 0},
                                         {"sda", '4', 0660, 8, 0},
                                         {"zero-zero", '3', 0600, 0, 0},
                                         {"old-limit", '4', 0600, 255, 255},
                                         {"new-major", '3', 0600, 256, 1},
                                         {"new-minor", '4', 0600, 8, 256},
                                         {"largest", '3', 0600, 4095, 1048575}}) {
    tar.add({.path = std::string("./dev/") + row.path,
             .type = row.type,
             .mode = row.mode,
             .dev_major = row.dev_major,
             .dev_minor = row.dev_minor});
  }
  tar.add({.path = "./dev/initctl", .type = '6', .mode = 0600});
  tar.add(symlink("./dev/fd", "/proc/self/fd"));
}

void add_names(Tree& tar) {
  tar.add(directory("./names/"));
  int number = 0;
  for (const std::string& name :
       {std::string("latin1-\xE4\xF6\xFC"),
        std::string("utf8-\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), std::string("new\nline"),
        std::string("tab\tand\x01\x7F"), std::string("-rf"), std::string("back\\slash"),
        std::string("quote\"'`$(x)"), std::string(" leading and trailing "), std::string(".hidden"),
        std::string("..."), std::string("*?[a]"), std::string(255, 'n'),
        std::string(254, '\xE4') + "z", std::string(101, 'h')}) {
    tar.add({.path = "./names/" + name}, "name " + std::to_string(number++) + "\n");
  }
  std::string deep = "./names";
  for (int level = 0; level < 50; ++level)
    tar.add(directory((deep += "/level-" + std::to_string(level) + std::string(40, 'd')) + "/"));
  tar.add({.path = deep + "/bottom"}, "deep\n");
}

void add_links(Tree& tar, Profile profile) {
  tar.add(directory("./links/"));
  std::vector<std::size_t> lengths{1, 30, 59, 60, 61, 70, 99, 100, 101, 120, 300, 500, 1022, 1023};
  if (profile == Profile::Rich) lengths.insert(lengths.end(), {1024, 1500, 4094, 4095});
  for (const auto length : lengths)
    tar.add(symlink("./links/symlink-" + std::to_string(length), std::string(length, 't')));
  tar.add(symlink("./links/dangling", "../../../../nowhere"));
  tar.add(symlink("./links/bytes", "latin1-\xE4 new\nline"));
  tar.add(directory("./links/sub/"));
  tar.add({.path = "./links/first", .uid = 7, .mtime = "1600000000.000000001"}, "three names\n");
  tar.add(hard_link("./links/sub/second", "./links/first"));
  tar.add(hard_link("./zz-third-name", "./links/sub/second"));
  tar.add(hard_link("./links/symlink-60-hard", "./links/symlink-60"));
  tar.add(hard_link("./dev/null-hard", "./dev/null"));
}

void add_sizes(Tree& tar) {
  tar.add(directory("./sizes/"));
  for (const std::size_t size :
       {0,     1,      40,     511,    512,     513,     1023,    1024,    1025,     2047,
        2048,  4095,   4096,   4097,   8192,    8193,    12287,   12288,   12289,    49152,
        49153, 274431, 274432, 274433, 1048576, 4243456, 4243457, 8388608, 16777216, 16777217}) {
    tar.add({.path = "./sizes/" + std::to_string(size)}, noise(size, size));
  }
  tar.add({.path = "./sizes/zeros"}, std::string(3'000'000, '\0'));
  tar.add({.path = "./sizes/zeros-in-noise"}, noise(5000, 1) + std::string(1'000'000, '\0') +
                                                  noise(5000, 2) + std::string(70'000, '\0'));
  // At 1 KiB a block the last piece is behind the third indirection.
  tar.add_sparse({.path = "./sizes/sparse-200M"}, 200u << 20,
                 {{0, noise(512, 3)},
                  {4096 * 13, noise(4096, 4)},
                  {100u << 20, noise(10'240, 5)},
                  {(200u << 20) - 4096, noise(4096, 6)}});
  tar.add_sparse({.path = "./sizes/hole-at-both-ends"}, 10u << 20, {{5u << 20, noise(1024, 7)}});
  tar.add_sparse({.path = "./sizes/only-a-hole"}, 1u << 30, {});
}

void add_times(Tree& tar, Profile profile) {
  tar.add(directory("./times/"));
  std::vector<std::string> times{"0",           "1",          "0.000000001",
                                 "0.999999999", "-1",         "-2147483648",
                                 "-14182940",   "2147483647", "1700000000.100000000"};
  if (profile == Profile::Rich) {
    times.insert(times.end(), {"2147483647.999999999", "2147483648", "4294967295", "4294967296.5",
                               "6442450943", "6442450944.000000001", "10737418239"});
  }
  for (const auto& time : times) tar.add({.path = "./times/" + time, .mtime = time}, time);
  tar.add({.path = "./times/directory/", .type = '5', .mode = 0755, .mtime = "-3600"});
  tar.add({.path = "./times/directory/later", .mtime = "1000000000"},
          "a file made in it must not move the directory's time\n");
  tar.add({.path = "./times/symlink",
           .type = '2',
           .mode = 0777,
           .mtime = "86400.5",
           .link = "nowhere"});
  tar.add({.path = "./times/device",
           .type = '3',
           .mode = 0600,
           .mtime = "86401.25",
           .dev_major = 1,
           .dev_minor = 5});
}

void add_owners(Tree& tar) {
  tar.add(directory("./owners/"));
  for (const std::uint64_t id : {1ull, 65534ull, 65535ull, 65536ull, 70'000ull, 2'097'151ull,
                                 2'097'152ull, 2'147'483'653ull, 4'294'967'294ull}) {
    tar.add({.path = "./owners/" + std::to_string(id),
             .mode = 0604,
             .uid = id,
             .gid = 4'294'967'294ull - id + 1},
            "mine\n");
  }
  for (const unsigned mode : {0u, 01u, 0111u, 0444u, 0777u})
    tar.add({.path = "./owners/mode-" + std::to_string(mode), .mode = mode}, "mode\n");
  tar.add({.path = "./owners/directory/",
           .type = '5',
           .mode = 03711,
           .uid = 3'000'000'000ull,
           .gid = 12});
}

void add_xattrs(Tree& tar, Profile profile) {
  const std::string binary("\x00\xFF line\n=\x00", 9);
  const std::string acl =
      "user::rw-\nuser:1000:r--\nuser:70000:rw-\ngroup::r--\ngroup:100:---\nmask::rw-\nother::---"
      "\n";
  const std::string default_acl = "user::rwx\nuser:1000:r-x\ngroup::r-x\nmask::r-x\nother::---\n";
  tar.add(directory("./xattrs/"));
  tar.add({.path = "./xattrs/user",
           .xattrs = {{"user.one", "1"},
                      {"user.binary", binary},
                      {"user.with.dots and space", "x"},
                      {"user.x\xE4y", "latin"}}},
          "user\n");
  tar.add({.path = "./xattrs/trusted",
           .xattrs = {{"trusted.overlay.opaque", "y"}, {"trusted.md5sum", "0123"}}},
          "trusted\n");
  tar.add({.path = "./xattrs/selinux",
           .xattrs = {{"security.selinux", std::string("system_u:object_r:etc_t:s0\0", 27)}}},
          "selinux\n");
  tar.add({.path = "./xattrs/fills-900", .xattrs = {{"user.large", noise(850, 8)}}}, "large\n");
  Member many{.path = "./xattrs/many"};
  for (int i = 0; i < 20; ++i)
    many.xattrs["user.number-" + std::to_string(i)] = std::string(static_cast<std::size_t>(i), 'v');
  many.xattrs.erase("user.number-0");
  tar.add(many, "many\n");
  tar.add({.path = "./xattrs/directory/",
           .type = '5',
           .mode = 0755,
           .xattrs = {{"user.dir", "d"}, {"trusted.dir", binary}}});
  tar.add({.path = "./xattrs/symlink",
           .type = '2',
           .mode = 0777,
           .link = "user",
           .xattrs = {{"trusted.on-link", "l"}}});
  tar.add({.path = "./xattrs/device",
           .type = '3',
           .mode = 0600,
           .dev_major = 1,
           .dev_minor = 7,
           .xattrs = {{"security.selinux", std::string("device_t\0", 9)}}});
  tar.add({.path = "./xattrs/acl", .mode = 0660, .acl = acl}, "acl\n");
  tar.add({.path = "./xattrs/acl-dir/",
           .type = '5',
           .mode = 0750,
           .acl = "user::rwx\nuser:1000:r-x\ngroup::r-x\nmask::r-x\nother::---\n",
           .default_acl = default_acl});
  tar.add({.path = "./xattrs/acl-and-capability",
           .mode = 0750,
           .xattrs = {{"security.capability", kPingCapability}, {"user.more", "m"}},
           .acl = "user::rwx\ngroup::r-x\ngroup:4000000000:--x\nmask::r-x\nother::---\n"},
          "both\n");
  // Equal attributes of many inodes share a block; the block's count is 16 bits wide and has a
  // limit of 1024.
  for (int i = 0; i < 1100; ++i)
    tar.add({.path = "./xattrs/directory/shared-" + std::to_string(i),
             .xattrs = {{"user.shared", noise(200, 9)}}},
            {});
  if (profile == Profile::Rich)
    tar.add({.path = "./xattrs/fills-4K", .xattrs = {{"user.block", noise(3900, 10)}}}, "block\n");
}

void add_directories(Tree& tar) {
  tar.add(directory("./many/"));
  for (int i = 0; i < 20'000; ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "./many/an-entry-with-a-name-of-some-length-%05d", i);
    tar.add({.path = name}, i % 100 == 0 ? "hundredth\n" : "");
  }
  tar.add(directory("./subdirectories/"));
  for (int i = 0; i < 300; ++i) tar.add(directory("./subdirectories/" + std::to_string(i) + "/"));
  tar.add(directory("./empty/", 0555));
}

}  // namespace

int main(int argc, char** argv) {
  Profile profile = Profile::Rich;
  bool big = false;
  std::map<std::string, std::string> from_host;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto equals = i + 1 < argc ? std::string(argv[i + 1]).find('=') : std::string::npos;
    if (word == "--narrow") {
      profile = Profile::Narrow;
    } else if (word == "--big") {
      big = true;
    } else if (word == "--add" && equals != std::string::npos) {
      const std::string pair = argv[++i];
      from_host[pair.substr(0, equals)] = pair.substr(equals + 1);
    } else {
      std::fputs(
          "usage: make_rootfs [--narrow] [--big] [--add GUEST-PATH=HOST-FILE]... >rootfs.tar\n",
          stderr);
      return 2;
    }
  }
  Tree tar;
  add_system(tar);
  add_programs(tar, from_host);
  add_devices(tar);
  add_names(tar);
  add_links(tar, profile);
  add_sizes(tar);
  add_times(tar, profile);
  add_owners(tar);
  add_xattrs(tar, profile);
  add_directories(tar);
  if (big) tar.add({.path = "./sizes/noise-200M"}, noise(200u << 20, 11));
  PaxWriter writer(stdout);
  tar.write(writer);
  writer.finish();
}
