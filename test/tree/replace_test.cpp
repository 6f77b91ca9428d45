// SPDX-License-Identifier: MIT
#include "tree/tree_test.h"

namespace rawimg::test {

TEST_CASE("missing parents are implied, and corrected by their own entries",
          "[tree][A01][A02][A41]") {
  Tree tree({file("a/b/c", "x").mtime(500),
             directory("a/b").mode(01777).owner(3, 4).mtime(600).xattr("user.d", "1"),
             symlink("s/l", "x").mtime(1), special("f/i", FileType::Fifo),
             hard_link("h/l", "a/b/c")});
  tree.how.epoch = 1000;
  const FakeImage& image = tree.build();
  CHECK(image.at("/a/b").meta.permissions == 01777);
  CHECK(image.at("/a/b").meta.uid == 3);
  CHECK(image.at("/a/b").meta.gid == 4);
  CHECK(image.at("/a/b").meta.mtime.seconds == 600);
  CHECK(image.at("/a/b").xattrs.size() == 1);
  CHECK(image.at("/a/b/c").content == "x");
  for (const char* implied : {"/", "/a", "/s", "/f", "/h"}) {
    const NodeMeta& meta = image.at(implied).meta;
    CAPTURE(implied);
    CHECK(meta.type == FileType::Directory);
    CHECK(meta.permissions == 0755);
    CHECK(meta.uid == 0);
    CHECK(meta.gid == 0);
    for (const Timestamp time : {meta.mtime, meta.atime, meta.ctime, meta.birthtime})
      CHECK(time == Timestamp{1000, 0});
  }
}

TEST_CASE("a duplicate file is replaced, and its inode freed", "[tree][A09]") {
  const FakeImage& image =
      build({file("a", "old old").mode(0600).xattr("user.x", "1"), file("./a", "new").mode(0755)});
  CHECK(image.at("/a").content == "new");
  CHECK(image.at("/a").meta.permissions == 0755);
  CHECK(image.at("/a").xattrs.empty());
  CHECK(image.removals == 1);
}

TEST_CASE("a duplicate directory keeps what it holds and takes the later metadata",
          "[tree][A10][A17]") {
  const FakeImage& image =
      build({directory("d").mode(0700).mtime(10).xattr("user.a", "1").xattr("user.b", "1"),
             file("d/x", "x"), directory("d/").mode(0711).mtime(20).xattr("user.b", "2")});
  CHECK(image.at("/d").meta.permissions == 0711);
  CHECK(image.at("/d").meta.mtime.seconds == 20);
  CHECK(image.at("/d").xattrs == std::vector<Xattr>{{"user.b", "2"}});
  CHECK(image.at("/d/x").content == "x");
  CHECK(image.removals == 0);
}

TEST_CASE("the later entry wins whatever its type", "[tree][A11][B04]") {
  struct Row {
    const char* name;
    FileType type;
    Item item;
  };
  const auto kinds = [] {
    return std::vector<Row>{
        {"file", FileType::Regular, file("x", "text")},
        {"directory", FileType::Directory, directory("x")},
        {"symlink", FileType::Symlink, symlink("x", "nowhere")},
        {"device", FileType::CharDevice, special("x", FileType::CharDevice, 1, 3)},
        {"fifo", FileType::Fifo, special("x", FileType::Fifo)},
        {"socket", FileType::Socket, special("x", FileType::Socket)}};
  };
  for (const Row& first : kinds()) {
    for (const Row& second : kinds()) {
      CAPTURE(first.name, second.name);
      const FakeImage& image = build({first.item, second.item});
      CHECK(image.at("/x").meta.type == second.type);
      CHECK(image.tree.size() == 3);
      const bool both_directories =
          first.type == FileType::Directory && second.type == FileType::Directory;
      CHECK(image.removals == (both_directories ? 0 : 1));
    }
  }
}

TEST_CASE("a file that becomes a directory can be put below", "[tree][A11][A13]") {
  CHECK(build({file("x", "1"), directory("x"), file("x/y", "2")}).at("/x/y").content == "2");
  CHECK(build({directory("x"), file("x", "1"), directory("x"), file("x/y", "2")})
            .at("/x/y")
            .content == "2");
}

TEST_CASE("a directory that holds something is replaced by a directory only", "[tree][A12]") {
  const auto item = GENERATE(values<Item>({file("./d", "x"), symlink("./d", "e"),
                                           special("./d", FileType::Fifo), hard_link("./d", "f")}));
  CHECK_THROWS_MATCHES(build({file("f"), file("d/b"), file("d/a"), item}), Error,
                       IsError(Errc::BadInput,
                               "'memory': './d': it would replace the directory '/d', which is not "
                               "empty: it holds '/d/a'"));
}

TEST_CASE("nothing can be put below what is no directory", "[tree][A13]") {
  CHECK_THROWS_MATCHES(
      build({file("nondir"), file("nondir/foo/bar")}), Error,
      IsError(Errc::BadInput, "'memory': 'nondir/foo/bar': '/nondir' is not a directory"));
  CHECK_THROWS_MATCHES(build({special("dev", FileType::BlockDevice, 8, 1), directory("dev/x")}),
                       Error, IsError(Errc::BadInput, "'/dev' is not a directory"));
  CHECK_THROWS_MATCHES(build({file("f"), symlink("l", "f"), file("l/x")}), Error,
                       IsError(Errc::BadInput, "'l/x': '/f' is not a directory"));
  CHECK_THROWS_MATCHES(build({file("f"), file("g"), hard_link("f/x", "g")}), Error,
                       IsError(Errc::BadInput, "'/f' is not a directory"));
}

TEST_CASE("lost+found is there from the start and stays a directory", "[tree][A14]") {
  const FakeImage& fresh = build({});
  CHECK(fresh.id("/lost+found") == ExtBuilder::kLostFound);
  CHECK(fresh.at("/lost+found").meta.permissions == 0700);
  const FakeImage& updated = build(
      {directory("./lost+found/").mode(0750).owner(1, 2).mtime(30), file("lost+found/x", "x")});
  CHECK(updated.id("/lost+found") == ExtBuilder::kLostFound);
  CHECK(updated.at("/lost+found").meta.permissions == 0750);
  CHECK(updated.at("/lost+found").meta.mtime.seconds == 30);
  CHECK(updated.at("/lost+found/x").content == "x");
  const auto item = GENERATE(
      values<Item>({file("lost+found"), symlink("lost+found", "x"),
                    special("lost+found", FileType::Socket), hard_link("lost+found", "f")}));
  CHECK_THROWS_MATCHES(
      build({file("f"), item}), Error,
      IsError(Errc::BadInput,
              "'lost+found': it would replace 'lost+found', which must stay a directory"));
}

TEST_CASE("the root takes metadata from its entry, and nothing but a directory",
          "[tree][A15][B08]") {
  const auto path = GENERATE(values<std::string>({"", "/", ".", "./", "././."}));
  CAPTURE(path);
  const FakeImage& image =
      build({file("a"), directory(path).mode(0711).owner(5, 6).mtime(40).xattr("user.r", "1")});
  CHECK(image.at("/").meta.permissions == 0711);
  CHECK(image.at("/").meta.uid == 5);
  CHECK(image.at("/").meta.mtime.seconds == 40);
  CHECK(image.at("/").xattrs.size() == 1);
  CHECK(image.has("/a"));
  CHECK_THROWS_MATCHES(build({file(path)}), Error,
                       IsError(Errc::BadInput, "a file would replace the root directory"));
  CHECK_THROWS_MATCHES(build({symlink(path, "/_")}), Error,
                       IsError(Errc::BadInput, "a symlink would replace the root directory"));
  CHECK_THROWS_MATCHES(build({file("a"), hard_link(path, "a")}), Error,
                       IsError(Errc::BadInput, "a hard link would replace the root directory"));
}

TEST_CASE("the root is not put below itself", "[tree][A15]") {
  // apple's recursion attack
  CHECK_THROWS_AS(
      build({directory("_d"), hard_link("/", "_"), directory("_"), hard_link("/", "_")}), Error);
  CHECK_THROWS_MATCHES(build({hard_link("_", "/")}), Error,
                       IsError(Errc::BadInput, "which is a directory"));
}

TEST_CASE("a directory entry over a symlink to a directory leaves both as they are",
          "[tree][B05][A10]") {
  const FakeImage& image = build(
      {directory("usr/bin").mode(0711).owner(1, 1), symlink("sbin", "usr/bin").mode(0777),
       directory("./sbin/").mode(0700).owner(9, 9).xattr("user.x", "1"), file("sbin/init", "x")});
  CHECK(image.at("/sbin").target == "usr/bin");
  CHECK(image.at("/sbin").meta.uid == 0);
  CHECK(image.at("/usr/bin").meta.permissions == 0711);
  CHECK(image.at("/usr/bin").meta.uid == 1);
  CHECK(image.at("/usr/bin").xattrs.empty());
  CHECK(image.at("/usr/bin/init").content == "x");
  CHECK(build({directory("usr/bin"), symlink("bin", "usr/bin"), symlink("usr/sbin", "../bin"),
               directory("usr/sbin")})
            .at("/usr/sbin")
            .target == "../bin");
}

TEST_CASE("a directory entry over a symlink to anything else replaces it", "[tree][A11][B05]") {
  const auto target =
      GENERATE(values<std::string>({"file", "nowhere", "d", "/proc/self/fd", "file/.", "d/.."}));
  CAPTURE(target);
  CHECK(build({file("file"), symlink("d", target), directory("d").mode(0700)}).at("/d").meta.type ==
        FileType::Directory);
}

TEST_CASE("entries below a symlink land where it leads, which is made when missing",
          "[tree][A02][B03]") {
  const FakeImage& image = build({symlink("lib", "usr/lib"), file("lib/x/y", "1"),
                                  symlink("usr/lib64", "/lib/./"), file("usr/lib64/z", "2")});
  CHECK(image.at("/lib").target == "usr/lib");
  CHECK(image.at("/usr/lib/x/y").content == "1");
  CHECK(image.at("/usr/lib/z").content == "2");
  CHECK(image.at("/usr/lib").meta.permissions == 0755);
}

TEST_CASE("replacing xattrs leaves none of the earlier ones", "[tree][A17][A25]") {
  const std::string large(3000, 'v');
  const auto [before, after] = GENERATE_COPY(
      table<std::vector<Xattr>, std::vector<Xattr>>({{{{"user.a", "1"}}, {{"user.a", "2"}}},
                                                     {{{"user.a", large}}, {{"user.b", large}}},
                                                     {{{"user.a", large}}, {}},
                                                     {{{"user.a", "1"}}, {}},
                                                     {{}, {{"user.e", ""}}}}));
  Item first = directory("d"), second = directory("d");
  first.entry.xattrs = before;
  second.entry.xattrs = after;
  CHECK(build({first, second}).at("/d").xattrs == after);
  first = file("f");
  second = file("f");
  first.entry.xattrs = before;
  second.entry.xattrs = after;
  CHECK(build({first, second}).at("/f").xattrs == after);
}

TEST_CASE("modes keep setuid, setgid and sticky bits", "[tree][A27]") {
  const FakeImage& image = build({file("a").mode(06755).owner(1000, 1000),
                                  directory("t").mode(03777), symlink("s", "x").mode(0)});
  CHECK(image.at("/a").meta.permissions == 06755);
  CHECK(image.at("/t").meta.permissions == 03777);
  CHECK(image.at("/s").meta.permissions == 0777);  // Linux has no other
}

}  // namespace rawimg::test
