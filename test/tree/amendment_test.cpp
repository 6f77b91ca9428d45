// SPDX-License-Identifier: MIT
// What comes behind all sources sees what they have brought.
#include <rawimg/guest_files.h>

#include "tree/tree_test.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const std::string kElf =
    "\x7F"
    "ELF and so on, longer than the first sixty-four bytes that are kept of it";

/// Shows the tree to `look`, and adds what it answers with.
Amendment amendment(std::function<std::vector<GuestChange>(const GuestFiles&)> look) {
  return {[](std::string_view name) { return name == "wanted"; },
          [look = std::move(look)](const GuestFiles& files, Timestamp time) {
            return make_change_source(look(files), files, time);
          }};
}

}  // namespace

TEST_CASE("an amendment finds files through symlinks, as the guest would", "[tree][amendment]") {
  Tree tree({directory("usr/bin"), test::symlink("bin", "usr/bin"), file("usr/bin/wanted", "text"),
             test::symlink("usr/bin/link", "../../bin/wanted"), test::symlink("loop", "loop"),
             test::symlink("nowhere", "/not/there"), test::symlink("up", ".."),
             file("usr/bin/other", "text"), file("usr/bin/program", kElf),
             hard_link("usr/again", "usr/bin/wanted")});
  bool looked = false;
  tree.how.amendment = amendment([&](const GuestFiles& files) -> std::vector<GuestChange> {
    looked = true;
    using Follow = GuestFiles::Follow;
    const auto text = [&](const char* path) {
      const auto found = files.find(path, Follow::All);
      return found ? files.read(*found).value_or("(not known)") : "(none)";
    };
    CHECK(text("/bin/wanted") == "text");
    CHECK(text("/bin/link") == "text");
    CHECK(text("/usr/again") == "text");
    CHECK(text("/up/bin/../bin/./wanted") == "text");
    CHECK(text("/bin/other") == "(not known)");
    CHECK(text("/loop") == "(none)");
    CHECK(text("/nowhere") == "(none)");
    CHECK(text("/bin/wanted/below") == "(none)");
    CHECK(files.find("/loop", Follow::AllButLast)->link_target == "loop");
    CHECK(files.find("/bin/link", Follow::All)->path == "/usr/bin/wanted");
    CHECK(files.find("/", Follow::All)->type == FileType::Directory);
    const auto program = files.find("/bin/program", Follow::All);
    CHECK(files.head(*program, 4) == kElf.substr(0, 4));
    CHECK(files.head(*program, 1000) == kElf.substr(0, 64));
    CHECK_FALSE(files.read(*program));
    return {};
  });
  tree.build();
  CHECK(looked);
}

TEST_CASE("an amendment sees the last of several files of a name", "[tree][amendment]") {
  Tree tree({file("wanted", "first")});
  tree.add({file("wanted", "second")});
  tree.how.amendment = amendment([&](const GuestFiles& files) -> std::vector<GuestChange> {
    CHECK(files.read(*files.find("/wanted", GuestFiles::Follow::All)) == "second");
    return {};
  });
  tree.build();
}

TEST_CASE("the content of a file with holes is known with its zeros", "[tree][amendment]") {
  Tree tree({file("wanted").piece(2, "a").piece(5, "b").size(8)});
  tree.how.amendment = amendment([&](const GuestFiles& files) -> std::vector<GuestChange> {
    CHECK(files.read(*files.find("/wanted", GuestFiles::Follow::All)) ==
          std::string("\0\0a\0\0b\0\0", 8));
    return {};
  });
  tree.build();
}

TEST_CASE("what an amendment changes keeps the rest of its metadata", "[tree][amendment]") {
  Tree tree({file("etc/wanted", "old").mode(0600).owner(7, 8).xattr("user.a", "b"),
             test::symlink("link", "etc/wanted"), file("sbin/m5", "older")});
  using Kind = GuestChange::Kind;
  tree.how.epoch = 1234;
  tree.how.amendment = amendment([&](const GuestFiles&) -> std::vector<GuestChange> {
    return {{.kind = Kind::Edit, .path = "/link", .content = "new", .before = "old"},
            {.kind = Kind::Aside, .path = "/sbin/m5", .target = "/sbin/m5.before"},
            {.kind = Kind::File, .path = "/sbin/m5", .content = "newer", .permissions = 0755},
            {.kind = Kind::Symlink, .path = "/sbin/gem5", .target = "m5"},
            {.kind = Kind::Directory, .path = "/new"}};
  });
  const FakeImage& image = tree.build();
  const FakeNode& edited = image.at("/etc/wanted");
  CHECK(edited.content == "new");
  CHECK(edited.meta.permissions == 0600);
  CHECK(edited.meta.uid == 7);
  CHECK(edited.xattrs == std::vector<Xattr>{{"user.a", "b"}});
  CHECK(edited.meta.mtime == Timestamp{1234, 0});
  CHECK(image.at("/link").target == "etc/wanted");
  CHECK(image.at("/sbin/m5").content == "newer");
  CHECK(image.at("/sbin/m5.before").content == "older");
  CHECK(image.at("/sbin/gem5").target == "m5");
  CHECK(image.at("/new").meta.permissions == 0755);
  CHECK(tree.result.entries == 3);  // of the sources
}

TEST_CASE("a step that takes something away is no part of a build", "[tree][amendment]") {
  for (const auto kind : {GuestChange::Kind::Remove, GuestChange::Kind::RemoveDirectory}) {
    Tree tree({file("a")});
    tree.how.amendment = amendment([&](const GuestFiles&) -> std::vector<GuestChange> {
      return {{.kind = kind, .path = "/a"}};
    });
    REQUIRE_THROWS_MATCHES(tree.build(), Error, IsError(Errc::Unsupported, "'/a'"));
  }
}
