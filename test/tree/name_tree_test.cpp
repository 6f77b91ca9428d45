// SPDX-License-Identifier: MIT
#include "tree/name_tree.h"

#include <malloc.h>

#include <string>

#include <fmt/format.h>
#include <catch2/catch.hpp>

namespace rawimg::test {
namespace {

constexpr NodeId kRoot = ExtBuilder::kRoot;

NodeId id(std::size_t number) { return NodeId{static_cast<std::uint32_t>(number)}; }

std::vector<std::string> names_in(const Names& names, NodeId directory) {
  std::vector<NameTree::Name> held;
  names.names(directory, held);
  std::vector<std::string> out;
  for (const auto& name : held) out.emplace_back(name.name);
  return out;
}

}  // namespace

TEST_CASE("names are found in their directory only, and listed sorted by bytes", "[tree]") {
  Names names;
  names.add_directory(kRoot, "d", id(2));
  names.add(kRoot, "b", id(3));
  names.add(id(2), "b", id(4));
  names.add(kRoot, "\xff", id(5));
  names.add(kRoot, "a", id(6));
  CHECK(names.find(kRoot, "b") == id(3));
  CHECK(names.find(id(2), "b") == id(4));
  CHECK(names.find(id(2), "a") == std::nullopt);
  CHECK(names_in(names, kRoot) == std::vector<std::string>{"a", "b", "d", "\xff"});
  CHECK(names.child_count(kRoot) == 4);
  CHECK(names.parent(id(2)) == kRoot);
  CHECK(names.parent(kRoot) == kRoot);
}

TEST_CASE("a name that is taken away is gone, and can come back", "[tree]") {
  Names names;
  for (const char* name : {"a", "b", "c"}) names.add(kRoot, name, id(2));
  CHECK(names.name_count(id(2)) == 3);
  names.remove(kRoot, "b");
  CHECK(names.find(kRoot, "b") == std::nullopt);
  CHECK(names_in(names, kRoot) == std::vector<std::string>{"a", "c"});
  CHECK(names.name_count(id(2)) == 2);
  names.remove(kRoot, "c");
  names.remove(kRoot, "a");
  CHECK(names_in(names, kRoot).empty());
  CHECK(names.child_count(kRoot) == 0);
  names.add(kRoot, "b", id(3));
  CHECK(names.find(kRoot, "b") == id(3));
}

TEST_CASE("directories come parents first, without those that are gone", "[tree][A32]") {
  Names names;
  names.add_directory(kRoot, "a", id(2));
  names.add_directory(id(2), "b", id(3));
  names.add_directory(kRoot, "c", id(4));
  names.remove(id(2), "b");
  CHECK(names.directories() == std::vector<NodeId>{kRoot, id(2), id(4)});
  CHECK_FALSE(names.is_directory(id(3)));
}

TEST_CASE("a node is described by a path that it has now", "[tree][A30]") {
  Names names;
  names.add_directory(kRoot, "d\n", id(2));
  names.add(id(2), "first", id(3));
  names.add(kRoot, "second", id(3));
  CHECK(names.path_of(id(3)) == "/second");
  names.remove(kRoot, "second");
  CHECK(names.path_of(id(3)) == "/d\n/first");
  CHECK(names.describe(id(3)) == "/d\\n/first");
  CHECK(names.describe(kRoot) == "/");
}

TEST_CASE("a directory holds hundreds of thousands of names", "[tree][A29]") {
  Names names;
  names.add_directory(kRoot, "d", id(1));
  for (std::size_t i = 0; i < 200'000; ++i) names.add(id(1), fmt::format("n{}", i), id(i + 2));
  for (std::size_t i = 0; i < 200'000; i += 2) names.remove(id(1), fmt::format("n{}", i));
  CHECK(names.child_count(id(1)) == 100'000);
  CHECK(names.find(id(1), "n199999") == id(200'001));
  CHECK(names.find(id(1), "n199998") == std::nullopt);
}

#ifndef __SANITIZE_ADDRESS__  // its allocator does not say how much is in use
TEST_CASE("a million names take less than 120 bytes each beside the names themselves",
          "[tree][A44]") {
  constexpr std::size_t kCount = 1'000'000, kPerDirectory = 20;
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  Names names;
  std::size_t name_bytes = 0;
  NodeId directory = kRoot;
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string name = fmt::format("name-{}", i);
    name_bytes += name.size();
    if (i % kPerDirectory == 0)
      names.add_directory(kRoot, name, directory = id(i + 1));
    else
      names.add(directory, name, id(i + 1));
  }
  const double each =
      static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before - name_bytes) / kCount;
  UNSCOPED_INFO(each << " bytes a name");
  CHECK(each < 120);
}
#endif

}  // namespace rawimg::test
