// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include <cstdio>
#include <sstream>

#include "conformance/tar_maker.h"

namespace rawimg::conformance {
namespace {

std::string want(bool is_so, const std::string& why) { return is_so ? "" : why; }

std::uint64_t blocks_of(const Found& fs, const std::string& path) {
  const std::string text = fs.stat(path);
  const std::size_t at = text.find("Blockcount: ");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 12));
}

std::uint64_t allocated(const fs::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512
                                            : 0;
}

TarHeaderSpec device(std::string name, char type, std::int64_t major, std::int64_t minor) {
  TarHeaderSpec spec = file(std::move(name));
  spec.type = type;
  spec.device_major = major;
  spec.device_minor = minor;
  return spec;
}

TarWriter symlinks(const std::vector<std::size_t>& lengths) {
  TarWriter tar;
  for (const std::size_t n : lengths)
    tar.gnu_long('K', std::string(n, 't')).entry(link("s" + std::to_string(n), "t"));
  return tar;
}

std::string wrong_symlink(const Found& fs, const std::vector<std::size_t>& lengths) {
  for (const std::size_t n : lengths)
    if (fs.field("/s" + std::to_string(n), "Size") != std::to_string(n))
      return "the target of " + std::to_string(n) + " bytes is not whole";
  return {};
}

TarWriter files_of(const std::vector<std::size_t>& sizes) {
  TarWriter tar;
  for (const std::size_t n : sizes) tar.entry(file("f" + std::to_string(n)), noise(n));
  return tar;
}

std::string wrong_content(const Found& fs, const std::vector<std::size_t>& sizes) {
  for (const std::size_t n : sizes)
    if (fs.cat("/f" + std::to_string(n)) != noise(n))
      return "the content of " + std::to_string(n) + " bytes is another";
  return {};
}

TarWriter many_files(int count, const std::string& directory_name) {
  TarWriter tar;
  for (int i = 0; i < count; ++i) tar.entry(file(directory_name + "/" + std::to_string(i)));
  return tar;
}

TarWriter deep(int levels) {
  std::string path;
  for (int i = 0; i < levels; ++i) path += "d" + std::to_string(i) + "/";
  return TarWriter().gnu_long('L', path + "f").entry(file("x"), "deep");
}

std::string deep_path(int levels) {
  std::string path;
  for (int i = 0; i < levels; ++i) path += "/d" + std::to_string(i);
  return path + "/f";
}

TarWriter timed(const std::string& mtime) {
  return TarWriter().pax({{"mtime", mtime}}).entry(file("f"), "x");
}

/// A tarball in a compression whose name says nothing of it.
Verdict compressed(Bench& bench, Tool tool) {
  if (!makes(tool)) return not_offered();
  const fs::path plain = bench.write("plain.tar", TarWriter().entry(file("f"), "x").finish());
  for (const std::string program : {"gzip", "xz", "zstd"}) {
    test::Command command;
    command.argv = {program, "-qc", plain.string()};
    command.output_file = bench.path("in.tar");
    if (!test::run(command).ok()) return refused();
    fs::remove(bench.image);
    fs::remove_all(bench.path("tree"));
    const test::Outcome outcome = make(bench, tool, {});
    if (!outcome.ok()) return refused();
    if (Found(bench.image).cat("/f") != "x") return no("exits with 0 and leaves the file out");
  }
  return yes();
}

Verdict too_small(Bench& bench, Tool tool) {
  if (!makes(tool)) return not_offered();
  bench.write("in.tar", TarWriter().entry(file("large"), noise(3'000'000)).finish());
  const test::Outcome outcome = make(bench, tool, {.mib = 2});
  const Verdict verdict = judge_refusal(outcome);
  if (verdict.word != "yes" || !fs::exists(bench.image)) return verdict;
  return damage(bench.image).empty() ? no("leaves a filesystem that looks whole") : yes();
}

Verdict too_few_inodes(Bench& bench, Tool tool) {
  if (!makes(tool)) return not_offered();
  bench.write("in.tar", many_files(300, "d").finish());
  return judge_refusal(make(bench, tool,
                            {.rawimg_words = {"--inodes", "32"},
                             .mke2fs_words = {"-N", "32"},
                             .genext2fs_words = {"-N", "32"}}));
}

Verdict below_a_directory(Bench& bench, Tool tool) {
  if (tool != Tool::Rawimg && tool != Tool::Genext2fs) return not_offered();
  const fs::path tar = bench.write("in.tar", TarWriter().entry(file("f"), "x").finish());
  const test::Outcome outcome =
      tool == Tool::Rawimg ? make(bench, tool, {.rawimg_words = {"--at", "/usr/local"}})
                           : test::run({"genext2fs", "-B", "1024", "-b", "8192", "-a",
                                        tar.string() + ":/usr/local", bench.image.string()});
  return judge_success(outcome, [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    return want(Found(bench.image).cat("/usr/local/f") == "x", "the file is not there");
  });
}

Verdict empty_archive(Bench& bench, Tool tool) {
  if (!makes(tool)) return not_offered();
  bench.write("in.tar", TarWriter().finish());
  return judge_success(make(bench, tool, {}), [&] { return damage(bench.image); });
}

Verdict progress(Bench& bench, Tool tool) {
  if (tool != Tool::Rawimg) return not_offered();
  bench.write("in.tar", files_of({3'000'000}).finish());
  const test::Outcome outcome =
      rawimg({"build", bench.image.string(), "--from", bench.path("in.tar").string(), "--size",
              "16M", "--progress", "json", "--no-sync"});
  std::uint64_t last = 0;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("\"content_bytes\":");
    if (at == std::string::npos) continue;
    const std::uint64_t now = std::stoull(line.substr(at + 16));
    if (now < last) return no("goes backwards");
    last = now;
  }
  return last == 3'000'000 ? yes() : no("does not come to the whole");
}

Verdict into_what_is_there(Bench& bench, Tool tool) {
  if (tool != Tool::Rawimg && tool != Tool::Genext2fs) return not_offered();
  const fs::path tar =
      bench.write("in.tar", TarWriter().entry(file("new"), noise(50'000)).finish());
  make_filesystem(bench.image, {"-t", "ext2", "-b", "1024", "-O", "^resize_inode"});
  const fs::path old = bench.write("old", noise(30'000));
  prepare(bench.image, {"write " + old.string() + " old"});
  test::Outcome outcome;
  if (tool == Tool::Rawimg) {
    outcome = rawimg({"populate", bench.image.string(), tar.string(), "--no-sync"});
  } else {
    const fs::path base = bench.path("base.img");
    fs::rename(bench.image, base);
    outcome = test::run(
        {"genext2fs", "-B", "1024", "-x", base.string(), "-a", tar.string(), bench.image.string()});
  }
  return judge_success(outcome, [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    const Found fs(bench.image);
    return want(fs.cat("/old") == noise(30'000) && fs.cat("/new") == noise(50'000),
                "old or new content is another");
  });
}

Verdict smallest(Bench& bench, Tool tool) {
  if (tool == Tool::Rawimg) return {"not yet"};
  if (tool != Tool::Genext2fs) return not_offered();
  bench.write("in.tar", files_of({1'000'000}).finish());
  const test::Outcome outcome = test::run({"genext2fs", "-B", "1024", "-b", "0", "-a",
                                           bench.path("in.tar").string(), bench.image.string()});
  return judge_success(outcome, [&] { return damage(bench.image); });
}

/// Bytes in front of a filesystem at an offset and behind it stay as they are.
Verdict at_an_offset(Bench& bench, Tool tool) {
  if (tool != Tool::Rawimg && tool != Tool::Mke2fs) return not_offered();
  constexpr std::size_t kFront = 1 << 20, kSize = 8 << 20, kBehind = 1 << 20;
  const std::string mark(kFront + kSize + kBehind, '\xA5');
  bench.write("fs.img", mark);
  bench.write("in.tar", TarWriter().entry(file("f"), "x").finish());
  if (tool == Tool::Mke2fs) {
    fs::create_directory(bench.path("tree"));
    test::write_file(bench.path("tree") / "f", "x");
    const test::Outcome outcome =
        test::run({"mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", "-E", "offset=1048576", "-d",
                   bench.path("tree").string(), bench.image.string(), "8M"});
    if (!outcome.ok()) return refused();
  } else {
    // A partition of that size at that place, in the table that is part of the front.
    bench.write("fs.img", std::string(kFront + kSize + kBehind, '\0'));
    const std::string image = bench.image.string();
    if (!rawimg({"partition", image, "start=1M,size=8M", "--no-sync"}).ok()) return refused();
    std::string bytes = test::read_file(bench.image);
    std::fill(bytes.begin() + 512, bytes.begin() + kFront, '\xA5');
    std::fill(bytes.end() - kBehind, bytes.end(), '\xA5');
    test::write_file(bench.image, bytes);
    if (!rawimg({"format", image + ":1", "--force", "--no-sync"}).ok()) return refused();
    if (!rawimg({"populate", image + ":1", bench.path("in.tar").string(), "--no-sync"}).ok())
      return refused();
  }
  const std::string bytes = test::read_file(bench.image);
  const bool front = bytes.compare(512, kFront - 512, mark, 512, kFront - 512) == 0;
  const bool behind = bytes.compare(kFront + kSize, kBehind, mark, 0, kBehind) == 0;
  return holds(want(front && behind, "bytes outside have changed"));
}

}  // namespace

Rows tar_rows_shape() {
  const std::vector<std::size_t> targets{30, 59, 60, 61, 300, 1023},
      sizes{0, 1, 1023, 1024, 1025, 12'287, 12'288, 12'289, 274'431, 274'432, 274'433, 2'000'000},
      small{29, 30, 60, 61, 120};
  auto setuid = file("su");
  setuid.mode = 06755;
  setuid.uid = 1000;
  auto large_owner = file("f");
  large_owner.uid = 4294967294;
  large_owner.gid = 70'000;
  auto fifo = file("fifo");
  fifo.type = '6';
  auto null = device("dev/null", '3', 1, 3);
  null.mode = 0666;
  const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string odd = "sp ace\xC3\xA4\xFF'\\\x01-";
  return {
      from_tar("A18", "symlink targets of 30 to 1023 bytes", symlinks(targets),
               [=](const Found& fs) { return wrong_symlink(fs, targets); }),
      from_tar("A19", "file sizes around every step of the block map", files_of(sizes),
               [=](const Found& fs) { return wrong_content(fs, sizes); }),
      from_tar(
          "A20", "contents small enough for an inode", files_of(small),
          [=](const Found& fs) { return wrong_content(fs, small); }, {},
          "rawimg makes no inline_data: small files have a block"),
      from_tar(
          "A21", "device nodes with numbers over 255, 0:0, and FIFOs",
          TarWriter()
              .entry(device("c", '3', 1234, 0x51234))
              .entry(device("b", '4', 8, 1))
              .entry(device("w", '3', 0, 0))
              .entry(fifo),
          [](const Found& fs) {
            const bool numbers = fs.stat("/c").find("1234:332340") != std::string::npos ||
                                 fs.stat("/c").find("(New-style) 1234:332340") != std::string::npos;
            return want(numbers && fs.stat("/fifo").find("FIFO") != std::string::npos,
                        "the large device number is another");
          },
          {}, "a major number over 12 bits is an error in rawimg, because Linux has none"),
      from_tar("A22", "a /dev tree keeps its modes",
               TarWriter().entry(null).entry(link("dev/fd", "/proc/self/fd")),
               [](const Found& fs) {
                 return want(fs.field("/dev/null", "Mode") == "0666", "the mode is another");
               }),
      from_tar("A23", "a file capability from a pax header",
               TarWriter().pax({{"SCHILY.xattr.security.capability", capability}}).entry(file("p")),
               [=](const Found& fs) {
                 return want(fs.xattr("/p", "security.capability") == capability, "it is lost");
               }),
      from_tar(
          "A24", "an ACL from a pax header",
          TarWriter()
              .pax({{"SCHILY.acl.access", "user::rw-,user:5:r--,group::r--,mask::r--,other::---"}})
              .entry(file("a")),
          [](const Found& fs) {
            return want(fs.stat("/a").find("system.posix_acl_access") != std::string::npos,
                        "it is lost");
          }),
      from_tar("A25", "extended attributes: empty, binary, larger than the inode",
               TarWriter()
                   .pax({{"SCHILY.xattr.user.empty", ""}, {"SCHILY.xattr.user.large", noise(700)}})
                   .entry(file("x")),
               [](const Found& fs) {
                 return want(fs.xattr("/x", "user.large") == noise(700), "they are lost");
               }),
      from_tar(
          "A26", "times before 1970 and after 2038, with nanoseconds", timed("-14182940.25"),
          [](const Found& fs) {
            const std::string text = fs.stat("/f");
            return want(text.find("mtime: 0xff2795e3") != std::string::npos, "the time is another");
          },
          {}, "a time that the inode cannot hold is an error in rawimg"),
      from_tar("A27", "setuid and setgid survive the owner", TarWriter().entry(setuid, "x"),
               [](const Found& fs) {
                 return want(
                     fs.field("/su", "Mode") == "06755" && fs.field("/su", "User") == "1000",
                     "they are lost");
               }),
      from_tar("A28", "owners beyond 16 bits", TarWriter().entry(large_owner, "x"),
               [](const Found& fs) {
                 return want(
                     fs.field("/f", "User") == "4294967294" || fs.field("/f", "User") == "-2",
                     "the owner is another");
               }),
      from_tar("A29", "5 000 files in a directory", many_files(5'000, "many"),
               [](const Found& fs) {
                 return want(fs.exists("/many/0") && fs.exists("/many/4999") &&
                                 fs.names("/many").size() == 5'000,
                             "some are missing");
               },
               {.mib = 64}),
      from_tar("A31", "names of 255 bytes, and of any bytes",
               TarWriter()
                   .gnu_long('L', std::string(255, 'n'))
                   .entry(file("x"), "1")
                   .entry(file(odd), "2"),
               [=](const Found& fs) {
                 const auto names = fs.names("/");
                 return want(std::count(names.begin(), names.end(), odd) == 1 &&
                                 fs.cat("/" + std::string(255, 'n')) == "1",
                             "a name is another");
               }),
      from_tar("A32", "directories 50 deep", deep(50),
               [](const Found& fs) {
                 return want(fs.cat(deep_path(50)) == "deep", "the file is missing");
               }),
      from_tar("A33", "a sparse file of GNU tar keeps its hole",
               TarWriter()
                   .pax({{"GNU.sparse.major", "1"},
                         {"GNU.sparse.minor", "0"},
                         {"GNU.sparse.name", "s"},
                         {"GNU.sparse.realsize", "8000000"}})
                   .entry(file("GNUSparseFile.0/s"),
                          [] {
                            std::string body = "2\n4194304\n512\n8000000\n0\n";
                            body.resize(512);
                            return body + noise(512);
                          }()),
               [](const Found& fs) {
                 if (fs.field("/s", "Size") != "8000000") return std::string("the size is another");
                 return want(blocks_of(fs, "/s") < 64, "the hole takes blocks");
               }),
      from_tar("A34", "a long run of zeros takes no blocks",
               TarWriter().entry(file("z"), std::string(4'000'000, '\0')),
               [](const Found& fs) {
                 return want(fs.field("/z", "Size") == "4000000" && blocks_of(fs, "/z") < 64,
                             "the zeros take blocks");
               }),
      {"A35", "too small a size is an error, and leaves nothing that looks whole", too_small},
      {"A36", "too few inodes are an error", too_few_inodes},
      {"A37", "a tarball goes below a directory, which is made", below_a_directory},
      {"A38", "the compression is known by its content", compressed},
      {"A39", "an archive that holds nothing is an empty filesystem", empty_archive,
       "an empty file is not a tarball, and an error in rawimg"},
      {"A40", "progress goes forward and comes to the whole", progress},
      from_tar(
          "A41", "a file of no bytes", TarWriter().entry(file("e")),
          [](const Found& fs) { return want(fs.field("/e", "Size") == "0", "it is missing"); }),
      {"A42", "a tarball is added to a filesystem that holds something", into_what_is_there},
      from_tar("A43", "the filesystem has the label that was asked for",
               TarWriter().entry(file("f"), "x"),
               [](const Found& fs) {
                 return want(fs.header("Filesystem volume name") == "scratch", "it has none");
               },
               {.rawimg_words = {"--label", "scratch"},
                .mke2fs_words = {"-L", "scratch"},
                .genext2fs_words = {"-L", "scratch"}}),
      from_tar(
          "A44", "the number of inodes fits many small files without being asked",
          many_files(3'000, "d"),
          [](const Found& fs) { return want(fs.names("/d").size() == 3'000, "some are missing"); },
          {.mib = 8}),
      {"A45", "a filesystem of 1 TiB takes little of the disk",
       [](Bench& bench, Tool tool) {
         if (!makes(tool)) return not_offered();
         bench.write("in.tar", TarWriter().entry(file("f"), "x").finish());
         if (tool == Tool::Genext2fs) return refused("its sizes end before");
         const Verdict made = judge_success(
             make(bench, tool, {.mib = 1 << 20, .type = "ext4", .block_size = "4096"}),
             [] { return std::string(); });
         if (made.word != "yes") return made;
         return holds(want(allocated(bench.image) < (100u << 20), "it takes more than 100 MiB"));
       }},
      from_tar("A46", "a backslash in a name is a byte like others",
               TarWriter().entry(file("a\\b"), "x"),
               [](const Found& fs) {
                 const auto names = fs.names("/");
                 return want(std::count(names.begin(), names.end(), "a\\b") == 1,
                             "the name is another");
               }),
      {"A47", "the smallest filesystem that holds the tarball", smallest},
      {"A48", "a journal where one is asked for",
       [](Bench& bench, Tool tool) {
         if (tool == Tool::Genext2fs || !makes(tool)) return not_offered();
         bench.write("in.tar", TarWriter().entry(file("f"), "x").finish());
         return judge_success(make(bench, tool, {.type = "ext3"}), [&] {
           const Found fs(bench.image);
           return want(fs.header("Filesystem features").find("has_journal") != std::string::npos &&
                           fs.header("Journal inode") == "8",
                       "there is none");
         });
       }},
      {"A49", "a filesystem at an offset leaves the bytes around it", at_an_offset},
      {"A50", "bytes behind the filesystem's end are not disturbed by adding to it",
       [](Bench& bench, Tool tool) {
         if (tool != Tool::Rawimg) return not_offered();
         bench.write("in.tar", TarWriter().entry(file("f"), noise(100'000)).finish());
         make_filesystem(bench.image, {"-t", "ext4"});
         const std::string footer = "conectix" + noise(504);
         test::write_file(bench.image, test::read_file(bench.image) + footer);
         return judge_success(rawimg({"populate", bench.image.string() + ":0",
                                      bench.path("in.tar").string(), "--no-sync"}),
                              [&] {
                                const std::string bytes = test::read_file(bench.image);
                                if (!bytes.ends_with(footer))
                                  return std::string("the footer is another");
                                return damage(bench.image);
                              });
       }}};
}

}  // namespace rawimg::conformance
