// SPDX-License-Identifier: MIT
#include "ext/edit_model.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

#include <rawimg/error.h>
#include <rawimg/recovery.h>
#include <catch2/catch.hpp>

#include "base/digest.h"
#include "ext/small_tree.h"

namespace rawimg::test {
namespace {

std::string digest(const std::string& bytes) {
  Sha256 sha;
  sha.add(bytes);
  const Sha256::Value value = sha.finish();
  return to_hex(std::span(value).first(6));
}

/// One line of a listing.
struct Line {
  FileType type = FileType::Regular;
  unsigned permissions = 0, uid = 0, gid = 0;
  std::size_t links = 0;
  std::string content, target;
  unsigned major = 0, minor = 0;
  std::vector<Xattr> xattrs;

  std::string text(const std::string& path) const {
    std::ostringstream out;
    out << path << " type " << static_cast<int>(type) << " mode " << std::oct << permissions
        << std::dec << ' ' << uid << ':' << gid << " links " << links;
    if (type == FileType::Regular) out << " bytes " << content.size() << ' ' << digest(content);
    if (type == FileType::Symlink) out << " -> " << target;
    if (type == FileType::CharDevice || type == FileType::BlockDevice)
      out << " device " << major << ':' << minor;
    for (const Xattr& xattr : xattrs) out << ' ' << xattr.name << '=' << digest(xattr.value);
    out << '\n';
    return out.str();
  }
};

void produce_pieces(const std::string& content, std::size_t piece,
                    const Transaction::ContentSink& sink) {
  for (std::size_t at = 0; at < content.size(); at += piece) {
    const std::size_t n = std::min(piece, content.size() - at);
    sink({at, std::as_bytes(std::span(content)).subspan(at, n), nullptr});
  }
}

std::size_t subdirectories(const ModelInode& directory) {
  std::size_t count = 0;
  for (const auto& [name, child] : directory.children)
    count += child->meta.type == FileType::Directory;
  return count;
}

}  // namespace

EditModel::Where EditModel::random_directory(const Transaction& transaction) {
  Where here{root_, 2, ""};
  while (pick(4) != 0) {
    std::vector<std::string> below;
    for (const auto& [name, child] : here.directory->children)
      if (child->meta.type == FileType::Directory) below.push_back(name);
    if (below.empty()) break;
    const std::string& name = below[pick(below.size())];
    here = {here.directory->children.at(name), *transaction.find(here.number, name),
            here.path + "/" + name};
  }
  return here;
}

std::string EditModel::random_name(const Where& where, bool existing) {
  if (existing && !where.directory->children.empty())
    return std::next(where.directory->children.begin(),
                     static_cast<std::ptrdiff_t>(pick(where.directory->children.size())))
        ->first;
  std::string name = "n" + std::to_string(pick(1'000'000));
  if (pick(8) == 0) name += std::string(pick(240), 'x');
  return name;
}

std::string EditModel::random_content() {
  std::string content = noise(pick(4) == 0 ? pick(400'000) : pick(9000));
  for (std::uint64_t holes = pick(4); holes != 0 && content.size() > 5000; --holes) {
    const std::size_t at = pick(content.size()),
                      size = std::min<std::size_t>(pick(60'000), content.size() - at);
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
  }
  return content;
}

std::vector<Xattr> EditModel::random_xattrs() {
  std::vector<Xattr> xattrs;
  if (pick(3) == 0) return xattrs;
  if (pick(2) == 0) xattrs.push_back({"security.selinux", "system_u:object_r:etc_t:s0"});
  if (pick(2) == 0)
    xattrs.push_back(
        {"trusted.shared",
         std::string(600,
                     static_cast<char>('a' + pick(3)))});  // the same for many: blocks are shared
  if (pick(3) == 0) xattrs.push_back({"user.small", std::to_string(pick(100))});
  return xattrs;
}

Entry EditModel::random_meta(FileType type) {
  Entry meta;
  meta.type = type;
  meta.permissions = static_cast<std::uint16_t>(type == FileType::Symlink ? 0777 : pick(010000));
  meta.uid = static_cast<std::uint32_t>(pick(3) == 0 ? pick(UINT32_MAX) : pick(3));
  meta.gid = static_cast<std::uint32_t>(pick(3));
  meta.mtime = {1'600'000'000 + static_cast<std::int64_t>(pick(1000)), 5};
  if (type == FileType::Symlink)
    meta.link_target = std::string(1 + pick(pick(2) == 0 ? 59 : 900), 't');
  if (type == FileType::CharDevice)
    meta.device_major = static_cast<std::uint32_t>(pick(4096)),
    meta.device_minor = static_cast<std::uint32_t>(pick(1 << 20));
  if (type == FileType::Regular || type == FileType::Directory) meta.xattrs = random_xattrs();
  return meta;
}

void EditModel::make(Transaction& transaction) {
  const Where where = random_directory(transaction);
  const std::string name = random_name(where, pick(10) == 0);
  constexpr std::array kTypes{FileType::Regular,   FileType::Regular, FileType::Regular,
                              FileType::Directory, FileType::Symlink, FileType::CharDevice,
                              FileType::Fifo,      FileType::Socket};
  const Entry meta = random_meta(kTypes[pick(kTypes.size())]);
  if (where.directory->children.count(name) != 0) {
    REQUIRE_THROWS_AS(transaction.make(where.number, name, meta), Error);
    return note_failing(kernel_make(where.path + "/" + name, meta, ""));
  }
  const std::uint32_t inode = transaction.make(where.number, name, meta);
  auto node = std::make_shared<ModelInode>();
  node->meta = meta;
  node->names = 1;
  if (meta.type == FileType::Regular && pick(4) != 0) {
    node->content = random_content();
    const std::size_t piece = 1 + pick(200'000);
    transaction.write_file(inode, node->content.size(),
                           [&](const auto& sink) { produce_pieces(node->content, piece, sink); });
  }
  where.directory->children[name] = node;
  note(kernel_make(where.path + "/" + name, meta, node->content));
}

void EditModel::remove(Transaction& transaction) {
  const Where where = random_directory(transaction);
  const std::string name = random_name(where, pick(10) != 0);
  const auto child = where.directory->children.find(name);
  if (child == where.directory->children.end()) {
    REQUIRE_THROWS_AS(transaction.unlink(where.number, name), Error);
    return note_failing(kernel_remove(where.path + "/" + name, FileType::Regular));
  }
  const KernelStep step = kernel_remove(where.path + "/" + name, child->second->meta.type);
  if (child->second->meta.type != FileType::Directory) {
    transaction.unlink(where.number, name);
    --child->second->names;
  } else if (!child->second->children.empty()) {
    REQUIRE_THROWS_AS(transaction.remove_directory(where.number, name), Error);
    return note_failing(step);
  } else {
    transaction.remove_directory(where.number, name);
  }
  where.directory->children.erase(child);
  note(step);
}

void EditModel::move(Transaction& transaction) {
  const Where from = random_directory(transaction), to = random_directory(transaction);
  const std::string name = random_name(from, true), new_name = random_name(to, pick(3) == 0);
  if (from.directory->children.count(name) == 0) return;
  const Node moved = from.directory->children.at(name);
  const bool is_directory = moved->meta.type == FileType::Directory;
  std::function<bool(const Node&)> holds_target = [&](const Node& node) {
    return node == to.directory ||
           std::any_of(node->children.begin(), node->children.end(),
                       [&](const auto& child) { return holds_target(child.second); });
  };
  const auto there = to.directory->children.find(new_name);
  const bool same = there != to.directory->children.end() && there->second == moved;
  bool fails = is_directory && holds_target(moved);
  if (!same && there != to.directory->children.end())
    fails = fails || (there->second->meta.type == FileType::Directory) != is_directory ||
            !there->second->children.empty();
  const KernelStep step = kernel_rename(from.path + "/" + name, to.path + "/" + new_name);
  if (fails) {
    REQUIRE_THROWS_AS(transaction.rename(from.number, name, to.number, new_name), Error);
    return note_failing(step);
  }
  transaction.rename(from.number, name, to.number, new_name);
  note(step);
  if (same) return;
  if (there != to.directory->children.end()) --there->second->names;
  to.directory->children[new_name] = moved;
  from.directory->children.erase(name);
}

void EditModel::link(Transaction& transaction) {
  const Where from = random_directory(transaction), to = random_directory(transaction);
  const std::string name = random_name(from, true), new_name = random_name(to, false);
  if (from.directory->children.count(name) == 0 || to.directory->children.count(new_name) != 0)
    return;
  const Node target = from.directory->children.at(name);
  const std::uint32_t inode = *transaction.find(from.number, name);
  const KernelStep step = kernel_link(from.path + "/" + name, to.path + "/" + new_name);
  if (target->meta.type == FileType::Directory) {
    REQUIRE_THROWS_AS(transaction.link(to.number, new_name, inode), Error);
    return note_failing(step);
  }
  transaction.link(to.number, new_name, inode);
  note(step);
  to.directory->children[new_name] = target;
  ++target->names;
}

void EditModel::change_file(Transaction& transaction) {
  const Where where = random_directory(transaction);
  const std::string name = random_name(where, true);
  const auto child = where.directory->children.find(name);
  if (child == where.directory->children.end() || child->second->meta.type != FileType::Regular)
    return;
  const std::uint32_t inode = *transaction.find(where.number, name);
  std::string& content = child->second->content;
  if (pick(2) == 0) {
    const std::size_t size = pick(3) == 0 ? pick(500'000) : pick(content.size() + 1);
    transaction.set_size(inode, size);
    content.resize(size);
    note(kernel_set_size(where.path + "/" + name, size));
  } else {
    content = random_content();
    const bool sized = pick(2) == 0 || content.empty() || content.back() == '\0';
    transaction.write_file(inode,
                           sized ? std::optional<std::uint64_t>(content.size()) : std::nullopt,
                           [&](const auto& sink) { produce_pieces(content, 65'537, sink); });
    note(kernel_write(where.path + "/" + name, content));
  }
}

void EditModel::change_metadata(Transaction& transaction) {
  const Where where = random_directory(transaction);
  const std::string name = random_name(where, true);
  const auto child = where.directory->children.find(name);
  if (child == where.directory->children.end()) return;
  const std::uint32_t inode = *transaction.find(where.number, name);
  Entry& meta = child->second->meta;
  if (pick(2) == 0 && (meta.type == FileType::Regular || meta.type == FileType::Directory)) {
    meta.xattrs = random_xattrs();
    transaction.set_xattrs(inode, meta.xattrs);
    return note(kernel_set_xattrs(where.path + "/" + name, meta.xattrs));
  }
  meta.uid = static_cast<std::uint32_t>(pick(100'000));
  MetadataChange change;
  change.uid = meta.uid;
  if (meta.type != FileType::Symlink)
    change.permissions = meta.permissions = static_cast<std::uint16_t>(pick(010000));
  transaction.change(inode, change);
  note(kernel_set_metadata(where.path + "/" + name, meta));
}

EditModel EditModel::copy() const {
  EditModel other = *this;
  std::map<const ModelInode*, Node> copies;
  const std::function<Node(const Node&)> copy_of = [&](const Node& node) {
    Node& made = copies[node.get()];
    if (made) return made;
    made = std::make_shared<ModelInode>(*node);
    const Node result = made;
    for (auto& [name, child] : result->children) child = copy_of(child);
    return result;
  };
  other.root_ = copy_of(root_);
  return other;
}

void EditModel::step(Transaction& transaction) {
  switch (pick(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return make(transaction);
    case 4:
    case 5:
      return remove(transaction);
    case 6:
      return move(transaction);
    case 7:
      return link(transaction);
    case 8:
      return change_file(transaction);
    default:
      return change_metadata(transaction);
  }
}

std::string EditModel::listing() const {
  std::string text;
  const std::function<void(const std::string&, const ModelInode&)> walk =
      [&](const std::string& path, const ModelInode& directory) {
        for (const auto& [name, child] : directory.children) {
          const Entry& meta = child->meta;
          const bool is_directory = meta.type == FileType::Directory;
          const Line line{meta.type,
                          meta.permissions,
                          meta.uid,
                          meta.gid,
                          is_directory ? 2 + subdirectories(*child) : child->names,
                          child->content,
                          meta.link_target,
                          meta.device_major,
                          meta.device_minor,
                          meta.xattrs};
          text += line.text(path + "/" + name);
          if (is_directory) walk(path + "/" + name, *child);
        }
      };
  walk("", *root_);
  return text;
}

std::string EditModel::listing(const ExtFs& fs) {
  std::string text;
  const std::function<void(const std::string&, std::uint32_t)> walk = [&](const std::string& path,
                                                                          std::uint32_t directory) {
    std::vector<DirEntry> entries = fs.read_directory(directory);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    for (const DirEntry& entry : entries) {
      if (path.empty() && entry.name == "lost+found") continue;
      const InodeInfo inode = fs.inode(entry.inode);
      CHECK(fs.find(directory, entry.name) == entry.inode);
      Line line{
          inode.type, inode.permissions,    inode.uid,          inode.gid,          inode.links,
          {},         inode.symlink_target, inode.device_major, inode.device_minor, inode.xattrs};
      if (inode.type == FileType::Regular)
        fs.read_file(entry.inode, [&](std::span<const std::byte> bytes) {
          line.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        });
      text += line.text(path + "/" + entry.name);
      if (inode.type == FileType::Directory) walk(path + "/" + entry.name, entry.inode);
    }
  };
  walk("", 2);
  return text;
}

std::string EditModel::listing_past_crash(const std::string& path, std::uint64_t offset,
                                          std::uint64_t bytes) {
  ImageFile image = ImageFile::open(path, Access::ReadOnly);
  const Window window(image, ByteRange{ByteOffset{offset}, ByteCount{bytes}});
  const auto recovered = read_recovered(window);
  return listing(ExtFs::open(recovered ? window.through(*recovered) : window));
}

namespace {

std::vector<Xattr> xattrs_on_host(const std::string& path) {
  std::string names(65536, '\0'), value(65536, '\0');
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  std::vector<Xattr> xattrs;
  for (ssize_t at = 0; at < length;
       at += static_cast<ssize_t>(std::string_view(names.data() + at).size()) + 1) {
    const std::string name(names.data() + at);
    const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size >= 0) xattrs.push_back({name, value.substr(0, static_cast<std::size_t>(size))});
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

FileType type_on_host(mode_t mode) {
  if (S_ISDIR(mode)) return FileType::Directory;
  if (S_ISLNK(mode)) return FileType::Symlink;
  if (S_ISCHR(mode)) return FileType::CharDevice;
  if (S_ISBLK(mode)) return FileType::BlockDevice;
  if (S_ISFIFO(mode)) return FileType::Fifo;
  return S_ISSOCK(mode) ? FileType::Socket : FileType::Regular;
}

void list_host(const std::string& root, const std::string& path, std::string& text) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root + path))
    names.insert(entry.path().filename());
  for (const std::string& name : names) {
    if (path.empty() && name == "lost+found") continue;
    const std::string full = root + path + "/" + name;
    struct stat status {};
    if (lstat(full.c_str(), &status) != 0) throw std::runtime_error("cannot stat " + full);
    const FileType type = type_on_host(status.st_mode);
    Line line{type,
              status.st_mode & 07777U,
              status.st_uid,
              status.st_gid,
              status.st_nlink,
              {},
              {},
              major(status.st_rdev),
              minor(status.st_rdev),
              xattrs_on_host(full)};
    if (type == FileType::Symlink) line.target = std::filesystem::read_symlink(full);
    if (type == FileType::Regular) {
      std::ifstream file(full, std::ios::binary);
      line.content.assign(std::istreambuf_iterator<char>(file), {});
    }
    text += line.text(path + "/" + name);
    if (type == FileType::Directory) list_host(root, path + "/" + name, text);
  }
}

}  // namespace

std::string EditModel::listing_of_directory(const std::string& directory) {
  std::string text;
  list_host(directory, "", text);
  return text;
}

}  // namespace rawimg::test
