// SPDX-License-Identifier: MIT
#include "tree/name_tree.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kGone = UINT32_MAX - 1;
constexpr std::size_t kArenaBlock = 256 * 1024;
// The hash has no secret key (same input, same bytes), so names can be made to collide. Honest ones
// see a few hundred probes at most: ln(entries) / 0.057 at seven tenths full.
constexpr std::size_t kMaxProbes = 4096;
constexpr std::size_t kFirstTable = 1024;  // a power of two

std::size_t index_of(NodeId node) { return static_cast<std::size_t>(node); }

}  // namespace

Names::Names() : table_(kFirstTable, kNone) {
  directories_.push_back({ExtBuilder::kRoot, ExtBuilder::kRoot});
  directory_of_.push_back(0);
  name_counts_.push_back(1);
  last_link_of_.push_back(kNone);
}

std::uint64_t Names::hash(NodeId directory, std::string_view name) const {
  std::uint64_t h = std::hash<std::string_view>{}(name) ^
                    (static_cast<std::uint64_t>(directory) + 1) * 0x9E3779B97F4A7C15ull;
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93ull;
  return h ^ h >> 32;
}

std::uint32_t Names::slot_of(NodeId directory, std::string_view name) const {
  const std::size_t mask = table_.size() - 1;
  std::optional<std::size_t> free;
  std::size_t probes = 0;
  for (std::size_t at = hash(directory, name) & mask;; at = (at + 1) & mask) {
    if (++probes > kMaxProbes)
      throw Error(Errc::BadInput,
                  fmt::format("the names around {} are made to collide", quote(name)))
          .with_path(std::string(name));
    const std::uint32_t link = table_[at];
    if (link == kNone) return static_cast<std::uint32_t>(free.value_or(at));
    if (link == kGone) {
      if (!free) free = at;
    } else if (links_[link].directory == directory && links_[link].name == name) {
      return static_cast<std::uint32_t>(at);
    }
  }
}

std::optional<NodeId> Names::find(NodeId directory, std::string_view name) const {
  const std::uint32_t link = table_[slot_of(directory, name)];
  if (link == kNone || link == kGone) return std::nullopt;
  return links_[link].node;
}

std::string_view Names::keep(std::string_view name) {
  if (arena_.empty() || arena_.back().capacity() - arena_.back().size() < name.size())
    arena_.emplace_back().reserve(std::max(kArenaBlock, name.size()));
  std::string& block = arena_.back();
  const std::size_t at = block.size();
  block += name;  // never reallocates: there is room
  return std::string_view(block).substr(at);
}

void Names::grow() {
  std::vector<std::uint32_t> old =
      std::exchange(table_, std::vector<std::uint32_t>(table_.size() * 2, kNone));
  table_used_ = 0;
  for (const std::uint32_t link : old) {
    if (link == kNone || link == kGone) continue;
    table_[slot_of(links_[link].directory, links_[link].name)] = link;
    ++table_used_;
  }
}

std::uint32_t Names::add_link(NodeId directory, std::string_view name, NodeId node) {
  if ((table_used_ + 1) * 10 > table_.size() * 7) grow();
  const std::uint32_t slot = slot_of(directory, name);
  assert(table_[slot] == kNone || table_[slot] == kGone);
  if (table_[slot] == kNone) ++table_used_;
  const auto link = static_cast<std::uint32_t>(links_.size());
  Directory& parent = directories_[*directory_index(directory)];
  links_.push_back({keep(name), directory, node, kNone, parent.last});
  (parent.last == kNone ? parent.first : links_[parent.last].next) = link;
  parent.last = link;
  ++parent.children;
  table_[slot] = link;
  if (index_of(node) >= name_counts_.size()) {
    name_counts_.resize(index_of(node) + 1, 0);
    last_link_of_.resize(index_of(node) + 1, kNone);
    directory_of_.resize(index_of(node) + 1, kNone);
  }
  ++name_counts_[index_of(node)];
  last_link_of_[index_of(node)] = link;
  return link;
}

void Names::add_directory(NodeId directory, std::string_view name, NodeId node) {
  const std::uint32_t link = add_link(directory, name, node);
  directory_of_[index_of(node)] = static_cast<std::uint32_t>(directories_.size());
  directories_.push_back({node, directory, kNone, kNone, 0, link});
}

void Names::remove(NodeId directory, std::string_view name) {
  const std::uint32_t slot = slot_of(directory, name), link = table_[slot];
  const Link gone = links_[link];
  Directory& parent = directories_[*directory_index(directory)];
  (gone.previous == kNone ? parent.first : links_[gone.previous].next) = gone.next;
  (gone.next == kNone ? parent.last : links_[gone.next].previous) = gone.previous;
  --parent.children;
  links_[link].name = {};
  table_[slot] = kGone;
  --name_counts_[index_of(gone.node)];
  if (const auto index = directory_index(gone.node)) {
    directories_[*index].gone = true;
    directory_of_[index_of(gone.node)] = kNone;
  }
}

std::optional<std::uint32_t> Names::directory_index(NodeId node) const {
  if (index_of(node) >= directory_of_.size() || directory_of_[index_of(node)] == kNone)
    return std::nullopt;
  return directory_of_[index_of(node)];
}

std::uint32_t Names::name_count(NodeId node) const {
  return index_of(node) < name_counts_.size() ? name_counts_[index_of(node)] : 0;
}

std::vector<NodeId> Names::directories() const {
  std::vector<NodeId> out;  // made after their parents, so the order of making will do
  for (const Directory& directory : directories_)
    if (!directory.gone) out.push_back(directory.node);
  return out;
}

NodeId Names::parent(NodeId directory) const {
  return directories_[*directory_index(directory)].parent;
}

void Names::names(NodeId directory, std::vector<Name>& out) const {
  out.clear();
  for (std::uint32_t link = directories_[*directory_index(directory)].first; link != kNone;
       link = links_[link].next)
    out.push_back({links_[link].name, links_[link].node});
  std::sort(out.begin(), out.end(), [](const Name& a, const Name& b) { return a.name < b.name; });
}

std::uint32_t Names::some_link_of(NodeId node) const {
  const std::uint32_t newest =
      index_of(node) < last_link_of_.size() ? last_link_of_[index_of(node)] : kNone;
  if (newest == kNone || !links_[newest].is_gone()) return newest;
  // Rare enough to search for: an older name of a node whose newest one was replaced, in a message.
  const auto it = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
    return link.node == node && !link.is_gone();
  });
  return it == links_.end() ? kNone : static_cast<std::uint32_t>(it - links_.begin());
}

std::string Names::path_of(NodeId node) const {
  std::vector<std::string_view> parts;
  std::uint32_t link = some_link_of(node);
  while (link != kNone) {
    parts.push_back(links_[link].name);
    const auto index = directory_index(links_[link].directory);
    link = index ? directories_[*index].own_link : kNone;
  }
  std::string path;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) (path += '/') += *it;
  return path.empty() ? "/" : path;
}

std::string Names::describe(NodeId node) const { return escape(path_of(node)); }

}  // namespace rawimg
