// SPDX-License-Identifier: MIT
#include "read/reading.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/open_fs.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kMostJson = 1u << 30;

/// The images of a command line, each filesystem opened once.
class OpenImages {
 public:
  OpenImages(const Args& args, Streams& io) : args_(args), io_(io) {}

  ReadPlace locate(const std::string& word) {
    const auto literal = args_.value("image");
    const Address address = literal ? parse_address_in(*literal, word) : parse_address(word);
    if (const auto meant = literal ? std::nullopt : with_slash(word))
      throw missing_slash(word, *meant);
    const std::string slot = address.slot ? fmt::format("{}", *address.slot) : "";
    std::string image = fmt::format("{}:{}", literal ? *literal : address.image.string(), slot);
    if (address.offset) image = word.substr(0, word.size() - address.path.size());
    return {&open(address).fs, std::move(image), address.path};
  }

  /// Which image a failure is about, where it can be but one.
  Error named(const Error& error) const {
    if (opened_.size() != 1 || is_opening_) return error;
    return with_image(error, opened_[0].address.image, opened_[0].fs.start);
  }

  std::vector<Warning> warnings() const {
    std::vector<Warning> all;
    for (const Opened& one : opened_)
      all.insert(all.end(), one.fs.warnings.begin(), one.fs.warnings.end());
    return all;
  }

 private:
  struct Opened {
    Address address;
    OpenedFs fs;
  };

  const OpenedFs& open(const Address& address) {
    for (const Opened& one : opened_)
      if (one.address.image == address.image && one.address.slot == address.slot &&
          one.address.offset == address.offset)
        return one.fs;
    is_opening_ = true;  // a failure names this image
    opened_.push_back({address, open_filesystem(address, args_, io_)});
    is_opening_ = false;
    return opened_.back().fs;
  }

  const Args& args_;
  Streams& io_;
  std::deque<Opened> opened_;
  bool is_opening_ = false;
};

}  // namespace

std::vector<std::string> Reading::words(const Args& args) const {
  if (!args.operands().empty()) return args.operands();
  if (!no_word_) throw Error(Errc::Usage, "an operand is missing: IMG[:N][/path]");
  return {*no_word_};
}

std::vector<ReadFile> Reading::files(const Args& args, NoPath no_path) {
  std::vector<ReadFile> files;
  const std::vector<std::string> all = words(args);
  const Others others = all.size() > 1 ? Others::Some : Others::None;
  for (const std::string& word : all) {
    const ReadPlace place = locate_(word);
    if (place.path.empty() && no_path == NoPath::IsMissing)
      throw Error(Errc::Usage, fmt::format("{} names no file in the image", quote(word)))
          .with_hint("for example " + shell_word(place.image + "/etc/fstab"));
    AccountNames& names = names_.try_emplace(place.fs, *place.fs).first->second;
    try {
      for (const std::string& path : expand_paths(*place.fs, place.path.empty() ? "/" : place.path))
        files.push_back({place.fs, &names, place.image, path, path, word,
                         !place.path.empty() && path != place.path});
    } catch (const Error& error) {
      throw missing(error, place.image, others);
    }
  }
  if (names_.size() > 1)
    for (ReadFile& file : files) file.shown = file.image + file.path;
  return files;
}

Error Reading::missing(const Error& error, const std::string& image, Others others) const {
  const std::size_t end = image.ends_with(':') ? image.size() - 1 : image.size();
  Error named = names_.size() > 1 ? error.in(quote(image.substr(0, end))) : error;
  if (others == Others::None || !error.hint().empty()) return named;
  return std::move(named).with_hint("nothing was shown of the other files");
}

std::vector<std::uint32_t> Reading::resolve(std::vector<ReadFile>& files, const FollowOf& follow) {
  const Others others = files.size() > 1 ? Others::Some : Others::None;
  std::vector<std::uint32_t> inodes;
  const std::string last = files.empty() ? "" : files.back().word;
  std::erase_if(files, [&](const ReadFile& file) {
    try {
      const auto inode = file.is_match ? resolve_match(*file.fs, file.path, follow(file),
                                                       file.image + file.path, warnings_)
                                       : file.fs->resolve(file.path, follow(file));
      if (inode) inodes.push_back(*inode);
      return !inode;
    } catch (const Error& error) {
      throw missing(error, file.image, others);
    }
  });
  if (inodes.empty() && !last.empty()) throw all_dangling(last);
  return inodes;
}

ExtReader::Follow follow_slash(const ReadFile& file) {
  return file.path.ends_with('/') ? ExtReader::Follow::All : ExtReader::Follow::AllButLast;
}

Json inode_json(const InodeInfo& inode, AccountNames& names) {
  Json json = to_json(inode);
  if (const auto user = names.find_user(inode.uid)) put_bytes(json, "user", *user);
  if (const auto group = names.find_group(inode.gid)) put_bytes(json, "group", *group);
  return json;
}

void JsonList::add(const Json& value) {
  if (!text_.empty()) text_ += ',';
  text_ += value.dump();
  if (text_.size() > kMostJson)
    throw Error(Errc::Unsupported,
                fmt::format("the list takes more than {} bytes of JSON", kMostJson))
        .with_hint("ask for parts of the tree, or leave out --json");
}

namespace {

/// `find /etc disk.img`: a path where the image belongs, which stands behind it.
void require_image_first(const Command& command, const Args& args) {
  const std::vector<std::string>& words = args.operands();
  if (args.has("image") || words.size() < 2 || words[0] == "-" || words[1] == "-") return;
  const std::string& path = words[0];
  std::error_code none;
  const bool is_path = path.find(':') == std::string::npos &&
                       (path.starts_with('/') || path.find('.') == std::string::npos) &&
                       !std::filesystem::is_regular_file(path, none);
  const Address second = is_path ? parse_address(words[1]) : Address{};
  if (!is_path || !is_image(second.image.string())) return;
  const std::string slot = second.slot ? fmt::format("{}", *second.slot) : "";
  throw Error(Errc::Usage, fmt::format("{} stands where IMG is wanted", quote(path)))
      .with_hint(fmt::format("the path stands behind the image: rawimg {} {}", command.name,
                             shell_word(fmt::format("{}:{}{}{}", second.image.string(), slot,
                                                    path.starts_with('/') ? "" : "/", path))));
}

}  // namespace

ExitCode run_reading(const Command& command, const Args& args, Streams& io) {
  require_image_first(command, args);
  OpenImages images(args, io);
  Reading reading(io, args.has("json"),
                  args.has("image") ? std::optional<std::string>("") : std::nullopt,
                  [&](const std::string& word) { return images.locate(word); });
  ExitCode code = ExitCode::Done;
  try {
    code = command.read(reading, args);
  } catch (const Error& error) {
    throw images.named(error);
  }
  std::vector<Warning> warnings = images.warnings();
  warnings.insert(warnings.end(), reading.warnings().begin(), reading.warnings().end());
  if (reading.wants_json())
    print_result_text(io, command.name, reading.result(), warnings);
  else
    print_warnings(io, command.name, reading.warnings());
  return code;
}

}  // namespace rawimg::cli
