// SPDX-License-Identifier: MIT
#include "tree/tree_test.h"

namespace rawimg::test {
namespace {

/// The fake builder writes to no file, but a Window needs one.
template <class Action>
void with_window(Action&& action) {
  const TempDir dir;
  write_file(dir / "image", "");
  ImageFile file = ImageFile::open(dir / "image", Access::ReadWrite);
  action(Window(file));
}

}  // namespace

const FakeImage& Tree::build() {
  with_window([&](const Window& window) {
    result = build_ext(window, options, slot, std::move(sources), how, observer);
  });
  return fake_image();
}

const FakeImage& Tree::populate_fresh() {
  with_window(
      [&](const Window& window) { result = populate(window, std::move(sources), how, observer); });
  return fake_image();
}

FakeImage build(std::vector<Item> items) { return Tree(std::move(items)).build(); }

}  // namespace rawimg::test
