// SPDX-License-Identifier: MIT
#include "tree/tree_test.h"

namespace rawimg::test {

TEST_CASE("a hard link is one more name of the inode, and its header changes nothing",
          "[tree][A06][B06]") {
  const FakeImage& image =
      build({file("a", "text").mode(0640).owner(7, 8).mtime(100).xattr("user.x", "1"),
             hard_link("b", "a").mode(04777).owner(1, 2).mtime(200).xattr("user.x", "2")});
  REQUIRE(image.id("/a") == image.id("/b"));
  const FakeNode& node = image.at("/b");
  CHECK(node.meta.permissions == 0640);
  CHECK(node.meta.uid == 7);
  CHECK(node.meta.gid == 8);
  CHECK(node.meta.mtime.seconds == 100);
  CHECK(node.xattrs == std::vector<Xattr>{{"user.x", "1"}});
}

TEST_CASE("a hard link to a symlink is a link to the symlink itself", "[tree][A04]") {
  const FakeImage& image =
      build({file("file", "x"), symlink("link", "file"), hard_link("again", "link")});
  CHECK(image.id("/again") == image.id("/link"));
  CHECK(image.id("/again") != image.id("/file"));
}

TEST_CASE("the target of a hard link is found through symlinked parents", "[tree][A04]") {
  const FakeImage& image =
      build({file("usr/bin/a", "x"), symlink("bin", "usr/bin"), symlink("abs", "/bin"),
             hard_link("b", "bin/a"), hard_link("bin/c", "./abs/a")});
  CHECK(image.id("/b") == image.id("/usr/bin/a"));
  CHECK(image.id("/usr/bin/c") == image.id("/usr/bin/a"));
}

TEST_CASE("a hard link's target is relative to the image's root", "[tree][A05][B06]") {
  const FakeImage& image =
      build({file("dir/a", "x"), hard_link("dir/b", "/dir/a"), hard_link("dir/c", "./dir//a")});
  CHECK(image.id("/dir/b") == image.id("/dir/a"));
  CHECK(image.id("/dir/c") == image.id("/dir/a"));
  CHECK_THROWS_MATCHES(
      build({file("regular"), hard_link("l", "../../../regular")}), Error,
      IsError(Errc::BadInput,
              "'memory': 'l': hard link to '../../../regular': the path has a '..'"));
}

TEST_CASE("a hard link binds to the first later entry of its target's name", "[tree][B07]") {
  const FakeImage& image =
      build({hard_link("x/b", "a"), hard_link("c", "a"), file("a", "first"), file("a", "second")});
  CHECK(image.id("/x/b") == image.id("/c"));
  CHECK(image.at("/c").content == "first");
  CHECK(image.at("/a").content == "second");
}

TEST_CASE("hard links may wait for hard links", "[tree][B07]") {
  const FakeImage& image =
      build({hard_link("c", "b"), hard_link("d", "c"), hard_link("b", "a"), file("a", "x")});
  for (const char* path : {"/b", "/c", "/d"}) CHECK(image.id(path) == image.id("/a"));
}

TEST_CASE("a hard link binds to what the name means now, not later", "[tree][B06][A09]") {
  const FakeImage& image =
      build({file("a", "old"), hard_link("b", "a"), file("a", "new"), hard_link("c", "a")});
  CHECK(image.at("/b").content == "old");
  CHECK(image.at("/a").content == "new");
  CHECK(image.id("/c") == image.id("/a"));
  CHECK(image.removals == 0);
}

TEST_CASE("a hard link whose target never comes names both", "[tree][A07]") {
  CHECK_THROWS_MATCHES(
      build({file("x"), hard_link("b", "./a"), hard_link("c", "z")}), Error,
      IsError(Errc::BadInput,
              "'memory': 'b': it is a hard link to './a', which the source does not have"));
  // The next source does not count.
  Tree tree({hard_link("b", "a")});
  tree.add({file("a")});
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::BadInput, "'b'"));
  // An earlier one does: its names are there.
  Tree after({file("a", "x")});
  after.add({hard_link("b", "a")});
  CHECK(after.build().at("/b").content == "x");
}

TEST_CASE("a hard link that waits still replaces what had its name before", "[tree][A16][A11]") {
  const FakeImage& image = build({file("b", "old"), hard_link("b", "a"), file("a", "x")});
  CHECK(image.id("/b") == image.id("/a"));
  CHECK(image.removals == 1);
}

TEST_CASE("an entry that comes behind a waiting hard link keeps the name", "[tree][B07][A11]") {
  const FakeImage& image = build({hard_link("b", "a"), file("b", "later"), file("a", "x")});
  CHECK(image.at("/b").content == "later");
  CHECK(image.at("/a").content == "x");
  // Also when it leaves nothing to wait for, and when it is a link itself.
  CHECK(build({hard_link("b", "gone"), file("b", "later")}).at("/b").content == "later");
  const FakeImage& linked =
      build({file("x", "x"), hard_link("b", "a"), hard_link("b", "x"), file("a", "a")});
  CHECK(linked.id("/b") == linked.id("/x"));
  const FakeImage& waiting =
      build({hard_link("b", "a"), hard_link("b", "c"), file("a", "a"), file("c", "c")});
  CHECK(waiting.id("/b") == waiting.id("/c"));
}

TEST_CASE("a hard link that replaces the only name of a file frees it", "[tree][A16][A08]") {
  const FakeImage& image = build({file("a", "a"), file("b", "b"), hard_link("a", "b")});
  CHECK(image.id("/a") == image.id("/b"));
  CHECK(image.at("/a").content == "b");
  CHECK(image.removals == 1);
}

TEST_CASE("a file goes with its last name", "[tree][A08]") {
  const FakeImage& image = build(
      {file("a", "x"), hard_link("b", "a"), symlink("a", "1"), symlink("b", "2"), file("c", "y")});
  CHECK(image.at("/a").target == "1");
  CHECK(image.removals == 1);
}

TEST_CASE("a hard link to itself is nothing when the file is there, and an error when it never is",
          "[tree][B07]") {
  const FakeImage& image =
      build({file("a", "x"), hard_link("a", "./a"), hard_link("b", "a"), hard_link("b", "a")});
  CHECK(image.at("/a").content == "x");
  CHECK(image.removals == 0);
  CHECK_THROWS_MATCHES(
      build({hard_link("a", "a")}), Error,
      IsError(Errc::BadInput, "'a': it is a hard link to 'a', which the source does not have"));
  CHECK(build({hard_link("a", "a"), file("a", "x")}).at("/a").content == "x");
  CHECK_THROWS_MATCHES(build({hard_link("a", "b"), hard_link("b", "a")}), Error,
                       IsError(Errc::BadInput, "'a'"));
}

TEST_CASE("a hard link over another name of the same file leaves the file alone", "[tree][B07]") {
  // lib/a and usr/lib/a are one name; the link waits from a time when that was not known.
  const FakeImage& image =
      build({hard_link("lib/a", "usr/lib/a"), symlink("lib", "usr/lib"), file("usr/lib/a", "x")});
  CHECK(image.at("/usr/lib/a").content == "x");
  CHECK(image.removals == 0);
}

TEST_CASE("a hard link to a directory is refused, whenever the directory comes", "[tree][B07]") {
  const auto is_directory =
      IsError(Errc::BadInput, "'l': it is a hard link to 'd', which is a directory");
  CHECK_THROWS_MATCHES(build({directory("d"), hard_link("l", "d")}), Error, is_directory);
  CHECK_THROWS_MATCHES(build({hard_link("l", "d"), directory("d")}), Error, is_directory);
  CHECK_THROWS_MATCHES(build({hard_link("l", "d"), file("d/x"), directory("d")}), Error,
                       is_directory);
  CHECK_THROWS_MATCHES(
      build({hard_link("l", "/")}), Error,
      IsError(Errc::BadInput, "'l': it is a hard link to '/', which is a directory"));
}

TEST_CASE("content of a hard link is not content of its target", "[tree][B07]") {
  const FakeImage& image =
      build({file("a", "text"), hard_link("b", "a").piece(0, "other"), file("c", "next")});
  CHECK(image.at("/b").content == "text");
  CHECK(image.at("/c").content == "next");
}

TEST_CASE("a waiting hard link is bound by whichever way its target's name is written",
          "[tree][A04][B07]") {
  const FakeImage& late = build({symlink("lib", "usr/lib"), directory("usr/lib"),
                                 hard_link("l", "lib/a"), file("usr/lib/a", "x")});
  CHECK(late.id("/l") == late.id("/usr/lib/a"));
  const FakeImage& literal =
      build({hard_link("l", "lib/a"), symlink("lib", "usr/lib"), file("lib/a", "x")});
  CHECK(literal.id("/l") == literal.id("/usr/lib/a"));
}

TEST_CASE("a hard link that waited cannot replace a directory that holds something",
          "[tree][A12][B07]") {
  CHECK_THROWS_MATCHES(
      build({hard_link("d", "a"), file("d/x"), file("a")}), Error,
      IsError(Errc::BadInput,
              "'d': it would replace the directory '/d', which is not empty: it holds '/d/x'"));
  const FakeImage& image = build({hard_link("d", "a"), directory("e"), file("a", "x")});
  CHECK(image.id("/d") == image.id("/a"));
}

TEST_CASE("a hard link to what an exclude leaves out is an error that says so", "[tree][A37]") {
  Tree tree;
  tree.add({file("skip/a", "x"), hard_link("b", "skip/a")}).excludes = {"skip"};
  CHECK_THROWS_MATCHES(
      tree.build(), Error,
      IsError(Errc::BadInput, "'b': it is a hard link to 'skip/a', which is left out"));
}

TEST_CASE("hundreds of thousands of waiting hard links are bound in a moment", "[tree][A07]") {
  std::vector<Item> items;
  for (int i = 0; i < 100'000; ++i) items.push_back(hard_link("l" + std::to_string(i), "t"));
  for (int i = 0; i < 50'000; ++i) items.push_back(file("l" + std::to_string(i)));
  items.push_back(file("t", "x"));
  const FakeImage& image = build(std::move(items));
  CHECK(image.id("/l99999") == image.id("/t"));
  CHECK(image.id("/l0") != image.id("/t"));
}

TEST_CASE("a file with too many links is named by one of them", "[tree][A30]") {
  Tree tree({file("d/first"), hard_link("d/second", "d/first"), file("d/other")});
  fake_settings().max_links = 1;
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::Unsupported, "too many links: /d/"));
  Tree at_limit({file("d/first"), hard_link("d/second", "d/first")});
  fake_settings().max_links = 2;
  CHECK_NOTHROW(at_limit.build());
}

}  // namespace rawimg::test
