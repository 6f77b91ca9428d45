// SPDX-License-Identifier: MIT
#include "read/lister.h"

#include <algorithm>
#include <ostream>

#include <rawimg/error.h>

#include "read/walk.h"

namespace rawimg::cli {
namespace {

class Lister {
 public:
  Lister(const ListRequest& request, Reading& reading) : request_(request), reading_(reading) {}

  void run(std::vector<ReadFile> files) {
    std::vector<std::pair<ReadFile, std::uint32_t>> directories;
    std::vector<ListRow> rows;
    const std::vector<std::uint32_t> numbers =
        reading_.resolve(files, [&](const ReadFile& file) { return follow(file); });
    for (std::size_t i = 0; i < files.size(); ++i) {
      const ReadFile& file = files[i];
      const std::uint32_t number = numbers[i];
      InodeInfo inode = file.fs->inode(number);
      if (inode.type == FileType::Directory && !request_.itself)
        directories.emplace_back(file, number);
      else
        rows.push_back({file.shown, std::move(inode)});
    }
    headers_ = request_.recursive || files.size() > 1;
    if (!rows.empty()) {
      sort(rows);
      print(rows, files.front(), "");
    }
    for (const auto& [file, number] : directories) list(file, number);
    if (reading_.wants_json()) reading_.set_result_text("{\"entries\":" + entries_.text() + "}");
  }

 private:
  /// As ls(1) does: without -l, -d and -F, a symlink to a directory is that directory; any other
  /// is itself.
  ExtReader::Follow follow(const ReadFile& file) const {
    if (request_.dereference || file.path.ends_with('/')) return ExtReader::Follow::All;
    const bool shows_links =
        request_.style.long_form || request_.itself || request_.style.mark == ListStyle::Mark::All;
    if (shows_links) return ExtReader::Follow::AllButLast;
    const auto target = file.fs->look_up(file.path);
    return target && file.fs->type(*target) == FileType::Directory ? ExtReader::Follow::All
                                                                   : ExtReader::Follow::AllButLast;
  }

  void list(const ReadFile& file, std::uint32_t number) {
    walk_tree(
        *file.fs, file.shown, number,
        {.enter =
             [&](const WalkStep& step) {
               if (!reading_.io().out.good()) return Walk::Stop;
               return step.depth == 0 || request_.recursive ? Walk::In : Walk::Past;
             },
         .open = [&](const WalkStep& step,
                     std::vector<DirEntry>& entries) { list_directory(file, step, entries); }});
  }

  /// Leaves what the walk is to go on with in `entries`.
  void list_directory(const ReadFile& file, const WalkStep& step, std::vector<DirEntry>& entries) {
    std::vector<ListRow> rows;
    if (request_.order == ListRequest::Order::None)
      entries = file.fs->read_directory(step.inode.number);
    std::erase_if(entries, [&](const DirEntry& entry) {
      return !request_.hidden && entry.name.starts_with('.');
    });
    for (const DirEntry& entry : entries) rows.push_back(read_row(file, step.path, entry));
    sort(rows);
    entries.clear();
    if (request_.recursive)
      for (const ListRow& row : rows)
        if (row.inode.type == FileType::Directory) entries.push_back({row.name, row.inode.number});
    if (request_.dots) {
      const std::uint32_t parent =
          step.parent != 0 ? step.parent : file.fs->resolve(join_path(file.path, ".."));
      rows.insert(rows.begin(), {{".", step.inode}, {"..", file.fs->inode(parent)}});
      if (request_.order != ListRequest::Order::None) sort(rows);
    }
    print_header(step.path);
    if (!reading_.wants_json() && (request_.style.long_form || request_.style.blocks))
      reading_.io().out << total_line(rows, request_.style);
    print(rows, file, step.path);
  }

  ListRow read_row(const ReadFile& file, const std::string& directory, const DirEntry& entry) {
    const ListStyle& style = request_.style;
    ListRow row{entry.name, {}};
    row.inode.number = entry.inode;
    const bool by_name =
        request_.order == ListRequest::Order::Name || request_.order == ListRequest::Order::None;
    if (style.long_form || style.blocks || request_.recursive || !by_name || request_.dereference ||
        request_.directories_first || reading_.wants_json() || style.mark != ListStyle::Mark::None)
      row.inode = file.fs->inode(entry.inode);
    if (!request_.dereference || row.inode.type != FileType::Symlink) return row;
    const auto leads_to =
        file.fs->look_up(join_path(file.path + directory.substr(file.shown.size()), entry.name));
    if (!leads_to) return row;
    InodeInfo target = file.fs->inode(*leads_to);
    // -R does not go through symlinks
    if (!request_.recursive || target.type != FileType::Directory) row.inode = std::move(target);
    return row;
  }

  void sort(std::vector<ListRow>& rows) const {
    const auto before = [&](const ListRow& a, const ListRow& b) {
      if (request_.order == ListRequest::Order::Time) {
        const Timestamp left = time_of(a.inode, request_.style.time),
                        right = time_of(b.inode, request_.style.time);
        if (left != right) return left > right;
      }
      if (request_.order == ListRequest::Order::Size && a.inode.size_bytes != b.inode.size_bytes)
        return a.inode.size_bytes > b.inode.size_bytes;
      return a.name < b.name;
    };
    if (request_.order != ListRequest::Order::None) {
      std::sort(rows.begin(), rows.end(), before);
      if (request_.reverse) std::reverse(rows.begin(), rows.end());
    }
    if (request_.directories_first)
      std::stable_partition(rows.begin(), rows.end(), [](const ListRow& row) {
        return row.inode.type == FileType::Directory;
      });
  }

  void print_header(const std::string& path) {
    if (!headers_ || reading_.wants_json()) return;
    reading_.io().out << (printed_ ? "\n" : "") << reading_.shown(path) << ":\n";
    printed_ = true;
  }

  void print(const std::vector<ListRow>& rows, const ReadFile& file, const std::string& directory) {
    if (!reading_.wants_json()) {
      print_rows(rows, request_.style, *file.names, reading_.io());
      printed_ = true;
      return;
    }
    for (const ListRow& row : rows) {
      Json json;
      put_bytes(json, "name", row.name);
      if (headers_ && !directory.empty()) put_bytes(json, "directory", directory);
      json.update(inode_json(row.inode, *file.names));
      entries_.add(json);
    }
  }

  const ListRequest& request_;
  Reading& reading_;
  bool headers_ = false, printed_ = false;
  JsonList entries_;
};

}  // namespace

void list_files(const ListRequest& request, const std::vector<ReadFile>& files, Reading& reading) {
  Lister(request, reading).run(files);
}

}  // namespace rawimg::cli
