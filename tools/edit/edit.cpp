// SPDX-License-Identifier: MIT
#include "edit/edit.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "cli/requests.h"
#include "edit/destination.h"
#include "edit/place.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

std::string place_in_image(const Address& address, std::uint64_t start) {
  return address.slot ? fmt::format("slot {}", *address.slot)
                      : fmt::format("the filesystem at byte {}", start);
}

}  // namespace

Timestamp time_of_edit(const Streams& io) {
  if (const auto epoch = read_epoch(io)) return {std::max<std::int64_t>(*epoch, 1), 0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  return {seconds.count(),
          static_cast<std::uint32_t>(std::chrono::nanoseconds(now - seconds).count())};
}

Error in_file(const Error& error, const Operand& file) {
  return error.in(quote(file.word)).with_path(file.path);
}

void require_operands(const Args& args, std::size_t least, std::string_view what) {
  const std::vector<std::string>& words = args.operands();
  if (words.size() >= least) return;
  throw Error(Errc::Usage, words.empty()
                               ? "missing operand"
                               : fmt::format("missing operand after {}", quote(words.back())))
      .with_hint(fmt::format("{} is needed", what));
}

void require_first(const Args& args, std::string_view what) {
  const std::string& first = args.operands()[0];
  const std::size_t slash = first.find('/');
  if (slash == std::string::npos) return;
  // of a batch, or with --image, it has no image in front
  const bool is_path = is_slot_and_path(std::string_view(first).substr(first.starts_with(':')));
  if (!is_path && !names_image(first)) return;
  throw Error(Errc::Usage, fmt::format("{} stands where {} is wanted", quote(first), what))
      .with_hint(fmt::format("{} comes first, then the files", what));
}

std::string_view last_of(const Args& args, std::initializer_list<std::string_view> names) {
  const auto& options = args.options();
  for (auto option = options.rbegin(); option != options.rend(); ++option)
    for (const std::string_view name : names)
      if (option->first == name) return name;
  return {};
}

Edit::Edit(Transaction& transaction, const Address& image, const FoundWindow& found,
           PathWords words, const Args& args, Streams& io)
    : verbose(args.has("verbose")),
      fs_(transaction),
      image_(image),
      found_(found),
      words_(words),
      args_(args),
      io_(io),
      now_(time_of_edit(io)) {}

Operand Edit::operand(const std::string& word) const {
  const bool behind_colon = words_ == PathWords::Batch || words_ == PathWords::Colon;
  if (behind_colon && !word.starts_with(":")) {
    if (in_batch()) require_no_image(word);
    return {Operand::Kind::Host, word, word, {}};
  }
  if (words_ == PathWords::Batch) {
    if (!word.starts_with(":/") && word != ":") throw no_batch_path(word);
    return {Operand::Kind::Image, word, word.size() == 1 ? "/" : word.substr(1), {}};
  }
  if (words_ != PathWords::Addresses) {
    Address address = parse_address_in(image_.image, word);
    if (!address.slot) address.slot = image_.slot, address.offset = image_.offset;
    return operand_at(word, address);
  }
  const auto address = existing_address(word);
  if (!address) return {Operand::Kind::Host, word, word, {}};
  return operand_at(word, *address);
}

Error Edit::no_batch_path(const std::string& word) const {
  Error error(Errc::Usage, fmt::format("{}: a path in the image begins with ':/'", quote(word)));
  const std::string_view rest = std::string_view(word).substr(1);
  if (!is_slot_and_path(rest) || rest.find('/') == std::string_view::npos) return error;
  return std::move(error).with_hint(
      fmt::format("a batch is about one filesystem; between slots {} copies",
                  quote_command(fmt::format("rawimg cp --image {} :1/from :2/to",
                                            shell_word(image_.image.string())))));
}

/// Whether it is in the file that is changed, whatever that is called.
bool Edit::is_in_file(const Address& address) const {
  std::error_code none;
  return address.image == image_.image ||
         std::filesystem::equivalent(address.image, image_.image, none);
}

/// Whether it is in the filesystem that is changed.
bool Edit::is_changed(const Address& address) const {
  if (!is_in_file(address)) return false;
  if (address.slot == image_.slot && address.offset == image_.offset) return true;
  return find_filesystem(found_.window.file(), address).window.range().start() ==
         found_.window.range().start();
}

Operand Edit::operand_at(const std::string& word, const Address& address) const {
  const auto kind = is_changed(address) ? Operand::Kind::Image : Operand::Kind::OtherImage;
  return {kind, word, address.path.empty() ? "/" : address.path, address};
}

Error Edit::in_other_image(const Operand& file) const {
  const std::string image = quote(image_.image.string());
  if (!is_in_file(file.other))
    return Error(Errc::Usage, fmt::format("{} is in another image than {}: one command changes one",
                                          quote(file.word), image));
  const std::uint64_t start =
      find_filesystem(found_.window.file(), file.other).window.range().start();
  return Error(Errc::Usage,
               fmt::format("{} is in {} of {}, and this changes {}: one command changes one "
                           "filesystem",
                           quote(file.word), place_in_image(file.other, start), image,
                           place_in_image(image_, found_.window.range().start())));
}

OpenedFs Edit::open_other(const Operand& file) const {
  if (!is_in_file(file.other)) return open_filesystem(file.other, args_, io_);
  OpenedFs other = open_filesystem_in(second_reader(found_.window.file()), file.other, args_, io_);
  const std::uint64_t start = found_.window.range().start(), end = start + fs_.info().size_bytes,
                      other_end = other.start + other.fs.info().size_bytes;
  if (other.start < end && start < other_end)
    throw Error(Errc::Usage,
                fmt::format("{} is in a filesystem at bytes {} to {}, which overlaps the one that "
                            "is changed, at bytes {} to {}",
                            quote(file.word), other.start, other_end - 1, start, end - 1))
        .with_path(file.word)
        .with_hint("copy it to the host first");
  return other;
}

void Edit::require_no_image(const std::string& word) const {
  std::error_code none;
  if (std::filesystem::exists(word, none) || !names_image(word)) return;
  throw Error(Errc::Usage,
              fmt::format("{} names an image, and a batch is about one, {}: paths in it are :/path",
                          quote(word), quote(image_.image.string())));
}

Operand Edit::in_image(const std::string& word) const {
  Operand file = operand(word);
  if (file.kind == Operand::Kind::OtherImage) throw in_other_image(file);
  if (file.kind == Operand::Kind::Image) return file;
  if (words_ == PathWords::Addresses) {
    if (const auto meant = with_slash(word)) throw missing_slash(word, *meant);
    if (const Address address = parse_address(word); !address.path.empty())
      throw errno_error(ENOENT, fmt::format("cannot open {}", quote(address.image.string())))
          .with_path(address.image.string());
  }
  throw Error(Errc::Usage, fmt::format("{} is not a path in the image", quote(word)))
      .with_hint(words_ == PathWords::Addresses ? "for example disk.img:/etc/fstab"
                                                : "paths in the image begin with ':/'");
}

std::vector<Operand> Edit::expand(const std::string& word) const {
  const Operand file = in_image(word);
  const std::vector<std::string> paths = expand_paths(fs_, file.path);
  if (paths.size() == 1 && paths[0] == file.path) return {file};
  const std::string front = word.substr(0, word.size() - std::min(word.size(), file.path.size()));
  std::vector<Operand> files;
  for (const std::string& path : paths)
    files.push_back({Operand::Kind::Image, front + path, path, {}, true});
  return files;
}

Operand Edit::expand_new(const std::string& word) const {
  Operand file = in_image(word);
  const std::string path = expand_new_path(fs_, file.path);
  if (path == file.path) return file;
  file.word = word.substr(0, word.size() - std::min(word.size(), file.path.size())) + path;
  file.path = path;
  return file;
}

std::uint32_t Edit::resolve(const Operand& file, ExtFs::Follow follow) const {
  return fs_.resolve(file.path, follow);
}

std::optional<std::uint32_t> Edit::find(const Operand& file, ExtFs::Follow follow) const {
  return fs_.look_up(file.path, follow);
}

/// Whether nothing but directories is on the way to it, as far as that is there.
bool Edit::can_be_made(const Operand& directory) const {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = directory.path.find('/', slash + 1);
    Operand part = directory;
    part.path = directory.path.substr(0, slash);
    if (!find(part, ExtFs::Follow::AllButLast)) return true;
    const auto leads = find(part);
    if (!leads || !is_directory(*leads)) return false;
  }
  return false;
}

std::string Edit::hint_to_make(const Operand& directory) const {
  if (in_batch())
    return fmt::format("the line {} before it makes it",
                       quote_command("mkdir -p " + shell_word(":" + directory.path)));
  if (words_ == PathWords::Addresses) {
    const bool is_named = directory.word != directory.path;  // else a verb knows it by itself
    const std::string slot = image_.slot ? fmt::format("{}", *image_.slot) : "";
    const std::string word =
        is_named ? directory.word
                 : fmt::format("{}:{}{}", image_.image.string(), slot, directory.path);
    return quote_command("rawimg mkdir -p " + shell_word(word)) + " makes it";
  }
  const std::string path = directory.word.substr(directory.word.starts_with(':') ? 1 : 0);
  return quote_command(fmt::format("rawimg mkdir -p --image {} {}",
                                   shell_word(image_.image.string()), shell_word(path))) +
         " makes it";
}

Transaction::Place Edit::place(const Operand& file) const {
  try {
    return fs_.resolve_place(file.path);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    Operand parent = without_slashes(file);
    const std::string name = "/" + base_name(parent.path);
    if (!parent.word.ends_with(name)) throw;
    parent.word.resize(parent.word.size() - name.size() + 1);
    parent.path.resize(parent.path.size() - name.size() + 1);
    parent = without_slashes(parent);
    if (!can_be_made(parent)) throw;
    throw Error(error).with_hint(hint_to_make(parent));
  }
}

namespace {

void append(Operand& directory, std::string_view name) {
  for (std::string* text : {&directory.word, &directory.path}) {
    if (!text->ends_with('/')) *text += '/';
    *text += name;
  }
}

}  // namespace

Operand Edit::below(const Operand& directory, std::string_view name) {
  Operand file = directory;
  append(file, name);
  return file;
}

void MovingOperand::enter(std::string_view name) {
  lengths_.emplace_back(operand_.word.size(), operand_.path.size());
  append(operand_, name);
}

void MovingOperand::leave() {
  operand_.word.resize(lengths_.back().first);
  operand_.path.resize(lengths_.back().second);
  lengths_.pop_back();
}

void Edit::tell(const std::string& line) {
  if (wants_json())
    io_.out << line << '\n';
  else
    (told_ += line) += '\n';
}

void Edit::warn(std::string code, const Operand& file, const std::string& message) {
  warnings.push_back(
      {std::move(code), file.word, fmt::format("{}: {}", quote(file.word), message)});
}

Json Edit::take_result() {
  Json json = std::exchange(result, Json::object());
  if (!diff.empty()) put_bytes(json, "diff", std::exchange(diff, {}));
  return json;
}

}  // namespace rawimg::cli
