// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "tree/tree_test.h"

namespace rawimg::test {

TEST_CASE("a symlink that leads out of the image leads to its root", "[tree][B03][B18]") {
  const auto target = GENERATE(
      values<std::string>({"/", "/..", "../../..", "/./.././..", "..", ".", "d/../../.."}));
  CAPTURE(target);
  const TempDir canary;
  const std::string host = (canary / "made").string();
  const FakeImage& image =
      build({directory("d"), symlink("link", target), file("link" + host, "x")});
  CHECK(image.at(host).content == "x");
  CHECK_FALSE(std::filesystem::exists(host));
}

TEST_CASE("an absolute symlink starts at the image's root, a relative one beside itself",
          "[tree][B03]") {
  const FakeImage& image = build({symlink("d/absolute", "/e"), symlink("d/relative", "e"),
                                  file("d/absolute/x", "1"), file("d/relative/y", "2")});
  CHECK(image.at("/e/x").content == "1");
  CHECK(image.at("/d/e/y").content == "2");
}

TEST_CASE("what the host has under a symlink's target means nothing", "[tree][B03][B18]") {
  const TempDir canary;
  write_file(canary / "passwd", "host");
  const FakeImage& image =
      build({symlink("link", canary.path().string()), file("link/passwd", "guest")});
  CHECK(image.at((canary / "passwd").string()).content == "guest");
  CHECK(read_file(canary / "passwd") == "host");
}

TEST_CASE("a file or symlink over a symlink replaces it and is not put behind it", "[tree][B04]") {
  const FakeImage& image = build({file("target", "keep"), symlink("l", "target"), file("l", "new"),
                                  symlink("m", "target"), symlink("m", "/etc")});
  CHECK(image.at("/target").content == "keep");
  CHECK(image.at("/l").content == "new");
  CHECK(image.at("/m").target == "/etc");
}

TEST_CASE("a directory's metadata never goes through a symlink that came later", "[tree][B05]") {
  const FakeImage& image = build({directory("target").mode(0700).owner(1, 1),
                                  directory("d").mode(0777), symlink("d", "target")});
  CHECK(image.at("/target").meta.permissions == 0700);
  CHECK(image.at("/target").meta.uid == 1);
  CHECK(image.at("/d").target == "target");
}

TEST_CASE("a hard link is not a way to write through", "[tree][B06]") {
  const FakeImage& image = build(
      {file("victim", "keep").mode(0600), hard_link("l", "victim"), file("l", "evil").mode(0777)});
  CHECK(image.at("/victim").content == "keep");
  CHECK(image.at("/victim").meta.permissions == 0600);
  CHECK(image.at("/l").content == "evil");
}

TEST_CASE("symlinks that lead in a circle are an error for what is put below them", "[tree][B03]") {
  for (const auto& loop : std::vector<std::vector<Item>>{{symlink("a", "a")},
                                                         {symlink("a", "b"), symlink("b", "a")},
                                                         {symlink("a", "b/c"), symlink("b", "a")},
                                                         {symlink("a", "./a/x")}}) {
    std::vector<Item> items = loop;
    CHECK_NOTHROW(build(items));
    items.push_back(file("a/x"));
    CHECK_THROWS_MATCHES(build(items), Error,
                         IsError(Errc::BadInput, "'a/x': too many levels of symlinks at '/"));
  }
}

TEST_CASE("a path may cross 40 symlinks", "[tree][B03]") {
  const auto chain = [](int links) {
    std::vector<Item> items{directory("d0")};
    for (int i = 1; i <= links; ++i)
      items.push_back(symlink(fmt::format("d{}", i), fmt::format("d{}", i - 1)));
    items.push_back(file(fmt::format("d{}/x", links), "x"));
    return items;
  };
  CHECK(build(chain(39)).has("/d0/x"));
  CHECK(build(chain(40)).has("/d0/x"));
  CHECK_THROWS_MATCHES(build(chain(41)), Error,
                       IsError(Errc::BadInput, "'d41/x': too many levels of symlinks"));
  // The same limit decides whether a symlink leads to a directory.
  std::vector<Item> items = chain(40);
  items.push_back(directory("d40"));
  CHECK(build(items).at("/d40").meta.type == FileType::Symlink);
}

TEST_CASE("a symlink's target cannot bring in a name that ext does not hold", "[tree][A31][B03]") {
  CHECK(build({symlink("l", std::string(255, 'n')), file("l/x")})
            .has("/" + std::string(255, 'n') + "/x"));
  CHECK_THROWS_MATCHES(
      build({symlink("l", std::string(256, 'n')), file("l/x")}), Error,
      IsError(Errc::BadInput, "'l/x': a symlink on the way leads to a name of 256 bytes"));
}

TEST_CASE("a refused path ends the job and names entry and source", "[tree][B01]") {
  const FakeImage& image = fake_image();
  CHECK_THROWS_MATCHES(
      build({file("good"), file("a/../../x")}), Error,
      IsError(Errc::BadInput,
              "'memory': 'a/../../x': the path has a '..', which may lead out of the image"));
  CHECK_FALSE(image.finished);
  CHECK_THROWS_MATCHES(build({file("a\n\x1b[31m/..")}), Error,
                       IsError(Errc::BadInput, "'a\\n\\x1b[31m/..'"));
  try {
    build({file("a/../b")});
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.path() == "a/../b");
  }
}

TEST_CASE("paths and directories thousands of levels deep take a moment", "[tree][A32]") {
  std::string path;
  for (int i = 0; i < 5000; ++i) path += "d/";
  const FakeImage& image =
      build({file(path + "x", "deep"), directory(path).mode(0700), hard_link("top", path + "x"),
             symlink("l", "d"), file("l/" + path.substr(2) + "y", "too")});
  CHECK(image.at("/" + path + "x").content == "deep");
  CHECK(image.at("/" + path + "y").content == "too");
  CHECK(image.id("/top") == image.id("/" + path + "x"));
}

TEST_CASE("a long way down with an entry for each level takes a moment", "[tree][A32]") {
  std::vector<Item> items;
  std::string path;
  for (int i = 0; i < 3000; ++i) items.push_back(directory(path += "d/").mode(0700));
  Tree tree(std::move(items));
  fake_settings().keeps_names = false;
  CHECK(tree.build().finished);
  CHECK(tree.result.directories == 3000);
}

TEST_CASE("a large directory that is emptied and filled over and over stays fast", "[tree][A29]") {
  std::vector<Item> items;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 1000; ++i) items.push_back(file(fmt::format("d/{}-{}", round, i)));
    for (int i = 1; i < 1000; ++i)
      items.push_back(hard_link(fmt::format("d/{}-{}", round, i), fmt::format("d/{}-0", round)));
  }
  Tree tree(std::move(items));
  tree.build();
  CHECK(tree.result.files == 40);
  CHECK(tree.result.hard_links == 40 * 999);
}

}  // namespace rawimg::test
