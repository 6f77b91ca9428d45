// SPDX-License-Identifier: MIT
#include "tree/source_filter.h"

#include "support/error_matcher.h"
#include "tree/tree_test.h"

namespace rawimg::test {
namespace {

std::optional<std::string> placed(const std::string& path, unsigned strip,
                                  std::vector<std::string> excludes, const char* at = "/") {
  SourceSpec spec;
  spec.at = ImagePath::parse(at);
  spec.strip_components = strip;
  spec.excludes = std::move(excludes);
  const auto out = SourceFilter(spec).apply(path);
  return out ? std::optional(join(*out)) : std::nullopt;
}

}  // namespace

TEST_CASE("paths of a source are relative to the root, whatever they look like",
          "[tree][H01][H02][B02][B08]") {
  struct Row {
    const char* path;
    const char* place;
  };
  const auto row = GENERATE(values<Row>({{"", "/"},
                                         {"/", "/"},
                                         {"///", "/"},
                                         {".", "/"},
                                         {"./", "/"},
                                         {"././.", "/"},
                                         {"./foo/././bar/./.", "/foo/bar"},
                                         {"//x", "/x"},
                                         {"//./x", "/x"},
                                         {"x/", "/x"},
                                         {"foo/.../bar", "/foo/.../bar"},
                                         {"foo/.test", "/foo/.test"},
                                         {"..a", "/..a"},
                                         {"a\\b", "/a\\b"},
                                         {"C:\\x", "/C:\\x"},
                                         {"\xff\n", "/\xff\n"}}));
  CAPTURE(row.path);
  CHECK(placed(row.path, 0, {}) == row.place);
}

TEST_CASE("a path with '..' or a NUL byte is refused wherever it leads",
          "[tree][B01][B02][B08][H01][H02]") {
  const auto path = GENERATE(values<std::string>({"..", "../etc/x", "foo/../../x", "dir/../../../x",
                                                  "safe/../x", "a/../../b", "/../x", "a/.."}));
  CAPTURE(path);
  CHECK_THROWS_MATCHES(placed(path, 0, {}), Error, IsError(Errc::BadInput, "'..'"));
  CHECK_THROWS_MATCHES(placed(path, 3, {"*"}), Error, IsError(Errc::BadInput, "'..'"));
  CHECK_THROWS_MATCHES(placed(std::string("a\0b", 3), 0, {}), Error,
                       IsError(Errc::BadInput, "NUL"));
}

TEST_CASE("a name has at most 255 bytes", "[tree][A31]") {
  CHECK(placed("d/" + std::string(254, 'n'), 0, {}));
  CHECK(placed("d/" + std::string(255, 'n'), 0, {}));
  CHECK_THROWS_MATCHES(placed("d/" + std::string(256, 'n') + "/x", 0, {}), Error,
                       IsError(Errc::Unsupported, "a name of 256 bytes: ext holds at most 255"));
}

TEST_CASE("stripping leaves out what has fewer components", "[tree][A37]") {
  CHECK(placed("a/b/c", 1, {}) == "/b/c");
  CHECK(placed("./a/b/c", 2, {}) == "/c");
  CHECK(placed("a/b", 2, {}) == "/");
  CHECK(placed("a", 2, {}) == std::nullopt);
  CHECK(placed("./", 1, {}) == std::nullopt);
  CHECK(placed("a/b", 1, {}, "/at/x") == "/at/x/b");
  CHECK(placed("a", 1, {}, "/at/x") == "/at/x");
}

TEST_CASE("excludes are tried behind stripping, against every trailing part, and take all below",
          "[tree][A37]") {
  CHECK_FALSE(placed("usr/share/doc/x", 0, {"doc"}));
  CHECK_FALSE(placed("usr/share/doc/x", 0, {"share/doc"}));
  CHECK_FALSE(placed("usr/share/doc/x", 0, {"usr/*/x"}));
  CHECK_FALSE(placed("./dev/null", 0, {"/dev"}));
  CHECK_FALSE(placed("dev/null", 0, {"./dev/*"}));
  CHECK_FALSE(placed("var/cache/x", 0, {"var/cache/"}));
  CHECK(placed("var/cached", 0, {"var/cache/"}));
  CHECK(placed("var/dev", 0, {"/dev"}));
  CHECK(placed("dev", 0, {"./dev/*"}));
  CHECK_FALSE(placed("top/dev/x", 1, {"/dev"}));
  CHECK(placed("dev/x", 1, {"/dev"}));
  CHECK(placed("x", 0, {"dev"}, "/dev"));  // `at` is not the source's
  CHECK(placed("./", 0, {"*"}) == "/");    // the root stays
  CHECK(placed("a", 0, {"", "/", "./"}) == "/a");
}

TEST_CASE("what stripping reduces to the root can only be a directory", "[tree][A37]") {
  Tree tree;
  tree.add({directory("top").mode(0750), file("top/a", "1"), file("README", "left out"),
            symlink("link", "top"), hard_link("again", "top/a")})
      .strip_components = 1;
  const FakeImage& image = tree.build();
  CHECK(image.at("/").meta.permissions == 0750);
  CHECK(image.at("/a").content == "1");
  CHECK(image.tree.size() == 3);
  CHECK(tree.result.entries == 2);
}

TEST_CASE("a source goes below its directory, which is made", "[tree][A37]") {
  Tree tree;
  tree.how.epoch = 77;
  tree.add({directory("./").mode(0700).mtime(5), file("/a", "1").mtime(9), hard_link("b", "/a")})
      .at = ImagePath::parse("/usr/local");
  const FakeImage& image = tree.build();
  CHECK(image.at("/usr").meta.mtime.seconds == 77);
  CHECK(image.at("/usr/local").meta.permissions == 0700);
  CHECK(image.at("/usr/local").meta.mtime.seconds == 5);
  CHECK(image.id("/usr/local/a") == image.id("/usr/local/b"));
  CHECK(image.at("/").meta.permissions == 0755);

  Tree empty;
  empty.add({}).at = ImagePath::parse("/x/y");
  CHECK(empty.build().has("/x/y"));

  Tree replaced;
  replaced.add({}).at = ImagePath::parse("/x/y");
  replaced.add({file("x/y", "1")});
  CHECK(replaced.build().at("/x/y").content == "1");

  Tree below_file;
  below_file.add({file("x")});
  below_file.add({}, "second").at = ImagePath::parse("/x/y");
  CHECK_THROWS_MATCHES(below_file.build(), Error,
                       IsError(Errc::BadInput, "'second': '/x/y': '/x' is not a directory"));
}

TEST_CASE("a directory that a source goes to may be behind a symlink", "[tree][A37]") {
  Tree tree;
  tree.add({directory("usr/lib").mode(0711), symlink("lib", "usr/lib")});
  tree.add({directory("./").mode(0700), file("x", "1")}).at = ImagePath::parse("/lib");
  const FakeImage& image = tree.build();
  CHECK(image.at("/usr/lib/x").content == "1");
  CHECK(image.at("/usr/lib").meta.permissions == 0711);
}

}  // namespace rawimg::test
