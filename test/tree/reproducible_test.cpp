// SPDX-License-Identifier: MIT
#include <algorithm>

#include "tree/tree_test.h"

namespace rawimg::test {
namespace {

std::vector<Item> sample() {
  return {directory("d").mode(0755).mtime(5),
          file("d/a", "text").mtime(6, 7).xattr("user.a", "1").xattr("user.b", "2"),
          symlink("s", "d/a").mtime(8), hard_link("h", "d/a"),
          special("c", FileType::CharDevice, 1, 3).mtime(9)};
}

struct Identity {
  Uuid uuid, hash_seed;
  std::uint32_t metadata_id;
  bool operator==(const Identity&) const = default;
};

Identity identity_of(Tree& tree) {
  const FakeImage& image = tree.build();
  return {image.finish.uuid, image.finish.hash_seed, tree.result.metadata_id};
}

Identity identity_of(std::vector<Item> items) {
  Tree tree(std::move(items));
  return identity_of(tree);
}

}  // namespace

TEST_CASE("the same tree gets the same UUID, hash seed and id, in whatever order it came",
          "[tree][A03][A41]") {
  const Identity first = identity_of(sample());
  CHECK(identity_of(sample()) == first);
  std::vector<Item> items = sample();
  std::rotate(items.begin(), items.begin() + 1, items.end());  // the directory last
  CHECK(identity_of(items) == first);
  std::reverse(items.begin(), items.end());
  CHECK(identity_of(items) == first);
  items = sample();
  items.insert(items.begin(), file("d/a", "replaced later").mtime(3));
  CHECK(identity_of(items) == first);
  CHECK(first.metadata_id != 0);
  CHECK(first.uuid[6] >> 4 == 8);
  CHECK(first.uuid != first.hash_seed);
}

TEST_CASE("whatever differs in metadata, options or slot, differs in UUID and id", "[tree][A03]") {
  const Identity first = identity_of(sample());
  const auto differs = [&](auto&& change) {
    Tree tree;
    std::vector<Item> items = sample();
    change(items, tree);
    tree.add(std::move(items));
    const Identity other = identity_of(tree);
    CHECK(other.uuid != first.uuid);
    CHECK(other.hash_seed != first.hash_seed);
    CHECK(other.metadata_id != first.metadata_id);
  };
  using Items = std::vector<Item>;
  differs([](Items& items, Tree&) { items[1].entry.permissions = 0600; });
  differs([](Items& items, Tree&) { items[1].entry.uid = 1; });
  differs([](Items& items, Tree&) { items[1].entry.gid = 1; });
  differs([](Items& items, Tree&) { items[1].entry.mtime.nanoseconds = 8; });
  differs([](Items& items, Tree&) { items[1].entry.atime = Timestamp{1, 1}; });
  differs([](Items& items, Tree&) { items[1].entry.xattrs[1].value = "3"; });
  differs([](Items& items, Tree&) { items[1].entry.xattrs.pop_back(); });
  differs([](Items& items, Tree&) { items[1].entry.size_bytes = 5; });
  differs([](Items& items, Tree&) {
    items[1].entry.path = "d/b";
    items[3].entry.link_target = "d/b";
  });
  differs([](Items& items, Tree&) { items[2].entry.link_target = "d/b"; });
  differs([](Items& items, Tree&) {
    items[3] = file("h", "text").mtime(6, 7).xattr("user.a", "1").xattr("user.b", "2");
  });
  differs([](Items& items, Tree&) { items[4].entry.device_minor = 4; });
  differs([](Items& items, Tree&) { items[4].entry.type = FileType::BlockDevice; });
  differs([](Items& items, Tree&) { items.push_back(directory("./").mode(0700).mtime(1)); });
  differs([](Items&, Tree& tree) { tree.options.label = "x"; });
  differs([](Items&, Tree& tree) { tree.slot = 2; });
  differs([](Items&, Tree& tree) { tree.how.epoch = 77; });
}

TEST_CASE("the superblock's time counts also where no directory has it", "[tree][A03]") {
  const auto created = [](std::int64_t seconds) {
    Tree tree({directory("./").mtime(1), directory("lost+found").mtime(1)});
    tree.options.created = seconds;
    return identity_of(tree);
  };
  CHECK(created(5) == created(5));
  CHECK(created(5) != created(6));
}

TEST_CASE("content alone changes nothing in the UUID", "[tree][A03]") {
  std::vector<Item> items = sample();
  items[1].pieces[0].second = "TEXT";
  CHECK(identity_of(items) == identity_of(sample()));
}

TEST_CASE("which names are links of which file is part of the tree", "[tree][A03]") {
  const auto links = [](const char* second, const char* third) {
    return identity_of({file("a"), file("b"), hard_link("c", second), hard_link("d", third)});
  };
  CHECK(links("a", "b") != links("b", "a"));
}

TEST_CASE("a hash seed follows the UUID that was asked for", "[tree][F03]") {
  const auto seed = [](std::uint8_t last, std::vector<Item> items) {
    Tree tree(std::move(items));
    tree.options.uuid.emplace()[15] = last;
    return identity_of(tree).hash_seed;
  };
  CHECK(seed(1, sample()) == seed(1, {}));
  CHECK(seed(1, sample()) != seed(2, sample()));
}

}  // namespace rawimg::test
