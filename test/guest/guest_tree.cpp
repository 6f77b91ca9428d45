// SPDX-License-Identifier: MIT
#include "guest/guest_tree.h"

#include <stdexcept>

namespace rawimg::test {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/')); }

}  // namespace

std::string GuestTree::resolve(std::string_view path, Follow follow) const {
  std::string at, todo(path);
  for (unsigned links = 0; !todo.empty();) {
    const std::size_t begin = todo.find_first_not_of('/');
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(todo.find('/', begin), todo.size());
    const std::string name = todo.substr(begin, end - begin);
    todo.erase(0, end);
    if (name == "..") {
      at = at.empty() ? at : parent_of(at);
      continue;
    }
    const auto node = nodes.find(at + "/" + name);
    if (node == nodes.end()) return "";
    const bool is_last = todo.find_first_not_of('/') == std::string::npos;
    if (node->second.type == FileType::Symlink && !(is_last && follow == Follow::AllButLast)) {
      if (links++ == 40) return "";
      if (node->second.content.starts_with('/')) at.clear();
      todo = node->second.content + todo;
      continue;
    }
    if (!is_last && node->second.type != FileType::Directory) return "";
    at += "/" + name;
  }
  return at.empty() ? "/" : at;
}

std::optional<GuestFile> GuestTree::find(std::string_view path, Follow follow) const {
  const std::string at = resolve(path, follow);
  const auto node = nodes.find(at);
  if (node == nodes.end()) return std::nullopt;
  GuestFile file;
  file.type = node->second.type;
  file.permissions = node->second.permissions;
  file.uid = node->second.uid;
  file.size_bytes = node->second.content.size();
  if (file.type == FileType::Symlink) file.link_target = node->second.content;
  file.path = at;
  return file;
}

void GuestTree::apply(const std::vector<GuestChange>& changes) {
  using Kind = GuestChange::Kind;
  const auto place = [&](const std::string& path) {
    const std::string parent = parent_of(path);
    const std::string at = parent.empty() ? "/" : resolve(parent, Follow::All);
    if (at.empty()) throw std::runtime_error("no directory for " + path);
    return (at == "/" ? "" : at) + name_of(path);
  };
  const auto is_directory = [&](const std::string& path) {
    return nodes.contains(path) && nodes.at(path).type == FileType::Directory;
  };
  for (const GuestChange& change : changes) {
    const std::string at =
        change.kind == Kind::Edit ? resolve(change.path, Follow::All) : place(change.path);
    if (change.kind != Kind::Edit && change.kind != Kind::Aside &&
        change.kind != Kind::RemoveDirectory && is_directory(at))
      throw std::runtime_error(at + " is a directory");
    switch (change.kind) {
      case Kind::Edit:
        if (nodes.at(at).content != change.before) throw std::runtime_error("another " + at);
        nodes.at(at).content = change.content;
        break;
      case Kind::File:
        add_file(at, change.content, change.permissions);
        break;
      case Kind::Symlink:
        add_symlink(at, change.target);
        break;
      case Kind::Directory:
        add_directory(at);
        break;
      case Kind::Aside:
        nodes[place(change.target)] = nodes.at(at);
        nodes.erase(at);
        break;
      case Kind::Remove:
        nodes.erase(at);
        break;
      case Kind::RemoveDirectory: {
        const auto next = nodes.lower_bound(at + "/");
        if (next == nodes.end() || !next->first.starts_with(at + "/")) nodes.erase(at);
        break;
      }
    }
  }
}

std::string elf_head(unsigned machine, unsigned bits, unsigned type) {
  std::string head(64, '\0');
  head.replace(0, 4,
               "\x7F"
               "ELF");
  head[4] = bits == 64 ? 2 : 1;
  head[5] = 1;
  head[16] = static_cast<char>(type);
  head[18] = static_cast<char>(machine & 0xFF);
  head[19] = static_cast<char>(machine >> 8);
  return head;
}

}  // namespace rawimg::test
