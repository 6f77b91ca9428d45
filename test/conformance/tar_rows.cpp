// SPDX-License-Identifier: MIT
#include <algorithm>

#include "conformance/tar_maker.h"

namespace rawimg::conformance {

test::Outcome make(Bench& bench, Tool tool, const Making& making) {
  const std::string tar = bench.path(making.tar_name).string(), image = bench.image.string();
  test::Command command;
  command.timeout = making.timeout;
  const auto add = [&](const Words& words) {
    command.argv.insert(command.argv.end(), words.begin(), words.end());
  };
  if (tool == Tool::Rawimg) {
    add({RAWIMG_TOOL, "build", image, "--from", tar, "--size", std::to_string(making.mib) + "M",
         "--table", "none", "-t", making.type, "--block-size", making.block_size, "--no-sync",
         "-q"});
    add(making.rawimg_words);
  } else if (tool == Tool::Genext2fs) {
    const int blocks = making.mib * 1024 * 1024 / std::stoi(making.block_size);
    add({"genext2fs", "-a", tar, "-B", making.block_size, "-b", std::to_string(blocks)});
    add(making.genext2fs_words);
    add({image});
  } else {
    fs::create_directory(bench.path("tree"));
    const test::Outcome unpacked =
        test::run({"tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf",
                   tar, "-C", bench.path("tree").string()});
    if (!unpacked.ok()) return unpacked;
    add({"mke2fs", "-q", "-F", "-t", making.type, "-b", making.block_size});
    add(making.mke2fs_words);
    add({"-d", bench.path("tree").string(), image, std::to_string(making.mib) + "M"});
  }
  return test::run(command);
}

Row from_tar(std::string id, std::string behaviour, TarWriter tar, Check check, Making making,
             std::string note) {
  return {std::move(id), std::move(behaviour),
          [=](Bench& bench, Tool tool) {
            if (!makes(tool)) return not_offered();
            bench.write(making.tar_name, tar.finish());
            return judge_success(make(bench, tool, making), [&] {
              const std::string wrong = damage(bench.image);
              return wrong.empty() ? check(Found(bench.image)) : wrong;
            });
          },
          std::move(note)};
}

Row refuses(std::string id, std::string behaviour, TarWriter tar, std::string note) {
  return {std::move(id), std::move(behaviour),
          [=](Bench& bench, Tool tool) {
            if (!makes(tool)) return not_offered();
            bench.write("in.tar", tar.finish());
            return judge_refusal(make(bench, tool, {}));
          },
          std::move(note)};
}

Row refuses_or(std::string id, std::string behaviour, TarWriter tar, Check check,
               std::string note) {
  return from_tar(std::move(id), std::move(behaviour), std::move(tar), std::move(check), {},
                  std::move(note));
}

TarHeaderSpec file(std::string name, std::int64_t size) {
  TarHeaderSpec spec;
  spec.name = std::move(name);
  spec.size = size;
  spec.mtime = 1'600'000'000;
  return spec;
}

TarHeaderSpec directory(std::string name, std::int64_t mode) {
  TarHeaderSpec spec = file(std::move(name));
  spec.type = '5';
  spec.mode = mode;
  return spec;
}

TarHeaderSpec link(std::string name, std::string target, char type) {
  TarHeaderSpec spec = file(std::move(name));
  spec.type = type;
  spec.link = std::move(target);
  return spec;
}

namespace {

std::string want(bool is_so, const std::string& why) { return is_so ? "" : why; }

bool same_inode(const Found& fs, const std::string& a, const std::string& b) {
  return fs.exists(a) && fs.field(a, "Inode") == fs.field(b, "Inode");
}

/// The same input twice, with some time between.
Verdict twice_the_same(Bench& bench, Tool tool) {
  if (!makes(tool)) return not_offered();
  bench.write("in.tar", TarWriter().entry(directory("d")).entry(file("d/f"), "x").finish());
  std::string first;
  for (int i = 0; i < 2; ++i) {
    const test::Outcome outcome = make(bench, tool, {});
    if (!outcome.ok()) return refused();
    const std::string bytes = test::read_file(bench.image);
    if (i == 1) return holds(want(bytes == first, "the images differ"));
    first = bytes;
    fs::remove(bench.image);
    fs::remove_all(bench.path("tree"));
    test::run({"sleep", "1.1"});
  }
  return yes();
}

std::string many_links(int count) {
  TarWriter tar;
  tar.entry(file("d/first"), "x");
  for (int i = 1; i < count; ++i) tar.entry(link("d/" + std::to_string(i), "d/first", '1'));
  return tar.finish();
}

}  // namespace

Rows tar_rows_order() {
  const auto late_parent = TarWriter().entry(file("d/f"), "content").entry(directory("d", 0750));
  const auto replaced =
      TarWriter().entry(file("f"), std::string(50'000, 'a')).entry(file("f"), "b");
  const auto dup_directory =
      TarWriter().entry(directory("d", 0700)).entry(file("d/f"), "x").entry(directory("d", 0751));
  auto with_owner = link("b", "a", '1');
  with_owner.uid = 99;
  with_owner.mode = 0777;
  return {
      from_tar("A01", "a directory's own entry may come after what is in it", late_parent,
               [](const Found& fs) {
                 return want(fs.cat("/d/f") == "content" && fs.field("/d", "Mode") == "0750",
                             "the directory's mode is not that of its entry");
               }),
      from_tar(
          "A02", "parents without an entry are made", TarWriter().entry(file("x/y/f"), "1"),
          [](const Found& fs) { return want(fs.cat("/x/y/f") == "1", "the file is missing"); }),
      {"A03", "the same input twice gives the same bytes", twice_the_same},
      from_tar(
          "A04", "a hard link to a symlink is a name of the symlink",
          TarWriter().entry(link("s", "nowhere")).entry(link("h", "s", '1')),
          [](const Found& fs) { return want(same_inode(fs, "/s", "/h"), "they are two inodes"); }),
      from_tar(
          "A05", "an absolute target of a hard link is looked for inside of the image",
          TarWriter().entry(file("regular"), "x").entry(link("h", "/regular", '1')),
          [](const Found& fs) {
            return want(same_inode(fs, "/regular", "/h"), "they are two inodes");
          },
          {}, "with `..` in a target rawimg refuses the tarball"),
      from_tar("A06", "owner and mode in a hard link's header do not change the file",
               TarWriter().entry(file("a"), "x").entry(with_owner),
               [](const Found& fs) {
                 return want(fs.field("/a", "User") == "0" && fs.field("/a", "Mode") == "0644",
                             "the link's header changed the file");
               }),
      refuses("A07", "a hard link to what is not there is an error",
              TarWriter().entry(link("h", "missing", '1'))),
      from_tar("A08", "two names of a file count as two links",
               TarWriter().entry(file("a"), "x").entry(link("b", "a", '1')),
               [](const Found& fs) {
                 return want(fs.field("/a", "Links") == "2", "the count is wrong");
               }),
      from_tar("A09", "of two entries with one name the later file wins, and no block is lost",
               replaced,
               [](const Found& fs) { return want(fs.cat("/f") == "b", "the first one"); }),
      from_tar("A10", "a directory that comes twice keeps what is in it, with the later metadata",
               dup_directory,
               [](const Found& fs) {
                 return want(fs.cat("/d/f") == "x" && fs.field("/d", "Mode") == "0751",
                             "content or metadata are those of one entry only");
               }),
      from_tar(
          "A11", "a later symlink replaces a file",
          TarWriter().entry(file("f"), "x").entry(link("f", "target")),
          [](const Found& fs) {
            return want(fs.stat("/f").find("Type: symlink") != std::string::npos,
                        "it is still the file");
          },
          {}, "rawimg: the later entry wins over anything but a directory that holds something"),
      refuses_or(
          "A12", "a file over a directory that holds something is refused or replaces it whole",
          TarWriter().entry(file("d/f"), "x").entry(file("d"), "y"),
          [](const Found& fs) { return want(fs.cat("/d") == "y", "neither of the two"); },
          "rawimg refuses it and names both"),
      refuses_or(
          "A13", "an entry below a file is refused or replaces it",
          TarWriter().entry(file("n"), "x").entry(file("n/foo"), "y"),
          [](const Found& fs) { return want(fs.cat("/n/foo") == "y", "neither of the two"); },
          "rawimg refuses it"),
      refuses("A14", "lost+found is not replaced by a file",
              TarWriter().entry(file("lost+found"), "x")),
      refuses("A15", "the root is not replaced by a symlink", TarWriter().entry(link("./", "x"))),
      from_tar("A16", "a hard link to its own name changes nothing",
               TarWriter().entry(file("f"), "x").entry(link("f", "f", '1')),
               [](const Found& fs) { return want(fs.cat("/f") == "x", "the content is lost"); }),
      from_tar("A17", "a later entry's extended attributes replace those before",
               TarWriter()
                   .pax({{"SCHILY.xattr.user.old", std::string(600, 'x')}})
                   .entry(file("f"), "x")
                   .pax({{"SCHILY.xattr.user.new", "y"}})
                   .entry(file("f"), "x"),
               [](const Found& fs) {
                 return want(
                     fs.xattr("/f", "user.new") == "y" && fs.xattr("/f", "user.old") == "(none)",
                     "not the later one's");
               }),
      {"A30", "a file has at most 65000 names: one more is an error", [](Bench& bench, Tool tool) {
         if (!makes(tool)) return not_offered();
         bench.write("in.tar", many_links(65'001));
         return judge_refusal(make(bench, tool, {.mib = 64, .timeout = std::chrono::seconds(100)}));
       }}};
}

Rows tar_rows() {
  Rows rows = tar_rows_order();
  Rows more = tar_rows_shape();
  rows.insert(rows.end(), more.begin(), more.end());
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
  return rows;
}

}  // namespace rawimg::conformance
