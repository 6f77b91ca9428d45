// SPDX-License-Identifier: MIT
#include "tree/tree_test.h"

namespace rawimg::test {
namespace {

Item bad(std::string path) { return file(std::move(path), "content").xattr("bad.x", "1"); }
Error unsupported(const std::string& path) {
  return Error(Errc::Unsupported, "'" + path + "': no such type").with_path(path);
}

std::vector<std::string> warned(const Tree& tree) {
  std::vector<std::string> paths;
  for (const Warning& warning : tree.observer.warnings) {
    CHECK(warning.code == "skipped-unsupported");
    paths.push_back(warning.path);
  }
  return paths;
}

struct Skipping : Tree {
  explicit Skipping(std::vector<Item> items) : Tree(std::move(items)) {
    how.on_unsupported = OnUnsupported::Skip;
  }
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("what cannot be stored stops the job with the entry's name and a way out",
          "[tree][A25]") {
  Tree tree({file("a"), bad("d/x")});
  try {
    tree.build();
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::Unsupported);
    CHECK(std::string(error.what()) == "'memory': 'd/x': no such namespace");
    CHECK(error.path() == "d/x");
    CHECK(error.hint().find("--skip-unsupported") != std::string::npos);
  }
  CHECK_FALSE(fake_image().finished);
  Tree from_source({failure(unsupported("y"))});
  CHECK_THROWS_MATCHES(from_source.build(), Error,
                       IsError(Errc::Unsupported, "'memory': 'y': no such type"));
}

TEST_CASE("a skipped entry leaves no name and no inode, and the next one is read right",
          "[tree][A25]") {
  Skipping tree({bad("d/x"), symlink("empty", ""), failure(unsupported("y")),
                 directory("e").xattr("bad.y", ""), file("e/after", "text"),
                 file(std::string(256, 'n'))});
  const FakeImage& image = tree.build();
  CHECK(image.tree.size() == 4);
  CHECK(image.at("/e/after").content == "text");
  CHECK(image.at("/e").meta.permissions == 0755);  // implied
  CHECK(image.at("/e").xattrs.empty());
  CHECK(tree.result.skipped == 5);
  CHECK(tree.result.entries == 1);
  CHECK(warned(tree) == Paths{"d/x", "empty", "y", "e", std::string(256, 'n')});
  CHECK(tree.observer.warnings[0].message == "'d/x': no such namespace");
  CHECK(tree.observer.warnings[2].message == "'y': no such type");
}

TEST_CASE("a file too large is skipped with its content", "[tree][A19]") {
  Skipping tree({file("large", "12345"), file("fits", "1234")});
  fake_settings().max_file_bytes = 4;
  const FakeImage& image = tree.build();
  CHECK_FALSE(image.has("/large"));
  CHECK(image.at("/fits").content == "1234");
  CHECK(tree.result.skipped == 1);
}

TEST_CASE("a skipped entry leaves what had its name before", "[tree][A09]") {
  Skipping tree({file("a", "old"), bad("a"), directory("d").mode(0700),
                 directory("d").mode(0777).xattr("bad.z", "")});
  const FakeImage& image = tree.build();
  CHECK(image.at("/a").content == "old");
  CHECK(image.at("/d").meta.permissions == 0700);
  CHECK(image.at("/d").xattrs.empty());
}

TEST_CASE("content that turns out to be unsupported takes the entry with it", "[tree]") {
  Skipping tree({file("d/a", "part").size(100).fails_in_content(unsupported("d/a")),
                 hard_link("b", "d/a"), file("c", "text")});
  const FakeImage& image = tree.build();
  CHECK_FALSE(image.has("/d/a"));
  CHECK_FALSE(image.has("/b"));
  CHECK(image.at("/c").content == "text");
  CHECK(tree.result.skipped == 2);
  Tree stopping({file("d/a", "part").fails_in_content(unsupported("d/a"))});
  CHECK_THROWS_MATCHES(stopping.build(), Error,
                       IsError(Errc::Unsupported, "'memory': 'd/a': no such type"));
}

TEST_CASE("any other failure in content ends the job with the entry's name", "[tree][B11]") {
  Skipping tree({file("a", "part").fails_in_content(Error(Errc::BadInput, "truncated"))});
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::BadInput, "'memory': 'a': truncated"));
}

TEST_CASE("hard links to a skipped entry are skipped, too", "[tree][A07]") {
  Skipping tree({hard_link("before", "x"), hard_link("to-before", "before"), bad("x"),
                 hard_link("after", "./x"), hard_link("to-after", "after"), file("y")});
  const FakeImage& image = tree.build();
  CHECK(image.tree.size() == 3);
  CHECK(tree.result.skipped == 5);
  CHECK(warned(tree) == Paths{"x", "before", "to-before", "after", "to-after"});
  CHECK(tree.observer.warnings[3].message ==
        "'after': it is a hard link to './x', which was skipped");
}

TEST_CASE("a hard link to a skipped entry is known by whichever way its path is written",
          "[tree][A04]") {
  Skipping tree(
      {symlink("lib", "usr/lib"), directory("usr/lib"), bad("lib/x"), hard_link("l", "usr/lib/x")});
  CHECK_FALSE(tree.build().has("/l"));
  CHECK(tree.result.skipped == 2);
}

TEST_CASE("a name that was skipped and then came after all can be linked to", "[tree][A07]") {
  Skipping tree({bad("x"), file("x", "text"), hard_link("l", "x")});
  const FakeImage& image = tree.build();
  CHECK(image.id("/l") == image.id("/x"));
  CHECK(tree.result.skipped == 1);
  Skipping waiting({bad("x"), hard_link("x", "a"), hard_link("l", "x"), file("a", "text")});
  const FakeImage& bound = waiting.build();
  CHECK(bound.id("/l") == bound.id("/a"));
  CHECK(bound.id("/x") == bound.id("/a"));
}

TEST_CASE("what was skipped in one source does not concern the next", "[tree][A07]") {
  Skipping tree({file("x", "first")});
  tree.add({bad("x")});
  tree.add({hard_link("l", "x")});
  const FakeImage& image = tree.build();
  CHECK(image.id("/l") == image.id("/x"));
}

TEST_CASE("what an exclude leaves out need not be storable", "[tree][A37]") {
  Tree tree;
  tree.add({failure(unsupported("dev/x")), bad("dev/y"), file("a")}).excludes = {"dev"};
  CHECK(tree.build().tree.size() == 3);
  CHECK(tree.result.skipped == 0);
  CHECK(tree.observer.warnings.empty());
  CHECK(tree.result.entries == 1);
}

TEST_CASE("what makes no sense is never skipped", "[tree][B01]") {
  for (const Item& item :
       {file("../x"), hard_link("l", "gone"), file("./"), failure(Error(Errc::BadInput, "header")),
        failure(Error(Errc::Mismatch, "digest"))}) {
    Skipping tree({item});
    CHECK_THROWS_AS(tree.build(), Error);
  }
  Skipping odd({failure(Error(Errc::Unsupported, "'../x': type").with_path("../x")),
                failure(Error(Errc::Unsupported, "no name")), file("a", "x")});
  CHECK(odd.build().at("/a").content == "x");
  CHECK(odd.result.skipped == 2);
}

}  // namespace rawimg::test
