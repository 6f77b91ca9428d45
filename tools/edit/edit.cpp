// SPDX-License-Identifier: MIT
#include "edit/edit.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ostream>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "cli/input.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "edit/destination.h"
#include "edit/place.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

bool same_place(const Address& a, const Address& b) {
  std::error_code error;
  return a.slot == b.slot && a.offset == b.offset &&
         (a.image == b.image || std::filesystem::equivalent(a.image, b.image, error));
}

/// A word with an image in front of its colon, and that image exists.
std::optional<Address> existing_address(const std::string& word) {
  if (word.find(':') == std::string::npos && word.find('?') == std::string::npos &&
      word.find("@@") == std::string::npos)
    return std::nullopt;
  const Address address = parse_address(word);
  if (address.path.empty() && !address.slot && !address.offset) return std::nullopt;
  std::error_code error;  // what may not be looked at is there, and opening it says why
  if (!std::filesystem::exists(address.image, error) && error != std::errc::permission_denied)
    return std::nullopt;
  return address;
}

/// --image: the slot is that of the first path that has one.
Address literal_image(const std::string& image, const std::vector<std::string>& words, bool colon) {
  for (const std::string& word : words) {
    const bool is_path = colon ? word.starts_with(':') : word.find('/') != std::string::npos;
    if (is_path && is_slot_and_path(std::string_view(word).substr(word.starts_with(':') ? 1 : 0)))
      return parse_address_in(image, word);
  }
  Address address;
  address.image = image;
  return address;
}

Error names_no_image(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (const auto meant = with_slash(word)) return missing_slash(word, *meant);
  std::error_code none;
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    if (std::filesystem::is_regular_file(*word, none))
      return Error(Errc::Usage, fmt::format("{} is an image, and no path in it", quote(*word)))
          .with_hint("for example " + shell_word(*word + ":/etc/fstab"));
  return Error(Errc::Usage, fmt::format("{} names nothing in an image", quote(words.back())))
      .with_hint("for example disk.img:/etc/fstab");
}

/// The image that the words are about: the last one that names one, because cp and mv have their
/// destination there.
Address find_image(const std::vector<std::string>& words) {
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    if (const auto address = existing_address(*word)) return *address;
  if (words.empty()) throw Error(Errc::Usage, "an operand is missing: IMG[:N]/path");
  for (auto word = words.rbegin(); word != words.rend();
       ++word) {  // one that does not exist: opening it says so
    if (const auto meant = with_slash(*word)) throw missing_slash(*word, *meant);
    const Address address = parse_address(*word);
    if (!address.path.empty()) return address;
  }
  throw names_no_image(words);
}

}  // namespace

bool names_image(const std::string& word) { return existing_address(word).has_value(); }

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

Edit::Edit(Transaction& transaction, const Address& image, PathWords words, const Args& args,
           Streams& io)
    : verbose(args.has("verbose")),
      fs_(transaction),
      image_(image),
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
    if (!word.starts_with(":/") && word != ":")
      throw Error(Errc::Usage,
                  fmt::format("{}: a path in the image begins with ':/'", quote(word)));
    return {Operand::Kind::Image, word, word.size() == 1 ? "/" : word.substr(1), {}};
  }
  if (words_ != PathWords::Addresses) {
    const Address address = parse_address_in(image_.image, word);
    if (address.slot && address.slot != image_.slot)
      throw Error(Errc::Usage, fmt::format("{} is in another slot than the first path: one command "
                                           "changes one filesystem",
                                           quote(word)));
    return {Operand::Kind::Image, word, address.path.empty() ? "/" : address.path, {}};
  }
  const auto address = existing_address(word);
  if (!address) return {Operand::Kind::Host, word, word, {}};
  const std::string path = address->path.empty() ? "/" : address->path;
  Address wanted = *address;
  if (!wanted.slot && !wanted.offset) wanted.slot = image_.slot, wanted.offset = image_.offset;
  return {same_place(wanted, image_) ? Operand::Kind::Image : Operand::Kind::OtherImage, word, path,
          *address};
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
  if (file.kind == Operand::Kind::OtherImage)
    throw Error(Errc::Usage, fmt::format("{} is in another image than {}: one command changes one",
                                         quote(word), quote(image_.image.string())));
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
  const bool wants_directory = file.path.ends_with('/');
  std::vector<Operand> files;
  for (const std::string& path : paths) {
    Operand match{Operand::Kind::Image, front + path, path, {}, true};
    if (wants_directory) {
      const auto inode = find(match);
      if (!inode || !is_directory(*inode)) continue;
      match.word += '/';
      match.path += '/';
    }
    files.push_back(std::move(match));
  }
  if (files.empty())
    throw Error(Errc::NotFound, fmt::format("no directory in the image matches {}", quote(word)))
        .with_path(word);
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
  try {
    return fs_.resolve(file.path, follow);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    return std::nullopt;
  }
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
    return fmt::format("the line 'mkdir -p {}' before it makes it",
                       shell_word(":" + directory.path));
  if (words_ == PathWords::Addresses) {
    const bool is_named = directory.word != directory.path;  // else a verb knows it by itself
    const std::string slot = image_.slot ? fmt::format("{}", *image_.slot) : "";
    return fmt::format(
        "'rawimg mkdir -p {}' makes it",
        shell_word(is_named ? directory.word
                            : fmt::format("{}:{}{}", image_.image.string(), slot, directory.path)));
  }
  return fmt::format("'rawimg mkdir -p --image {} {}' makes it", shell_word(image_.image.string()),
                     shell_word(directory.word.substr(directory.word.starts_with(':') ? 1 : 0)));
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

Operand Edit::below(const Operand& directory, std::string_view name) {
  Operand file = directory;
  const auto append = [&](std::string& text) {
    if (!text.ends_with('/')) text += '/';
    text += name;
  };
  append(file.word);
  append(file.path);
  return file;
}

void Edit::say(const std::string& line) {
  if (verbose) tell(line);
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

namespace {

void print_summary(const Command& command, const Address& address,
                   const Transaction::Result& result, bool changed, Edit& edit, const Args& args,
                   const std::string& printed, Streams& io) {
  const std::string image = address.image.string();
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", image);
    json["changed"] = changed;
    json["dry_run"] = args.has("dry-run");
    json["bytes_written"] = result.bytes_written;
    json["undo_kept"] = result.undo_kept;
    if (!printed.empty()) put_bytes(json, "output", printed);
    json.update(edit.take_result());
    return print_result(io, command.name, json, edit.warnings);
  }
  for (const Warning& warning : edit.warnings)
    io.err << "rawimg " << command.name << ": warning: " << warning.message << '\n';
  if (args.has("quiet")) return;
  if (!changed)
    io.err << fmt::format("{}: nothing to change\n", quote(image));
  else if (args.has("dry-run"))
    io.err << fmt::format("{}: would be changed; nothing was written (--dry-run)\n", quote(image));
  else if (result.undo_kept)
    io.err << fmt::format("{}: changed; 'rawimg undo {}' takes it back\n", quote(image),
                          shell_word(image));
  else
    io.err << fmt::format("{}: changed\n", quote(image));
}

/// What did not fit goes together with what is there.
Error with_free_space(const Error& error, const Transaction& transaction) {
  if (error.code() != Errc::NoSpace || error.cause().category() == std::generic_category())
    return error;
  const ExtSummary summary = transaction.info().summary;
  const std::string free =
      fmt::format("{} blocks of {} bytes ({}) and {} inodes are free in the filesystem",
                  summary.free_blocks, summary.block_size,
                  human_size(summary.free_blocks * summary.block_size), summary.free_inodes);
  Error more = error;
  more.with_hint(error.hint().empty() ? free : free + "; " + error.hint());
  return more;
}

}  // namespace

ImageFile open_to_change(const std::filesystem::path& path, const Args& args, Streams& io) {
  const bool dry = args.has("dry-run");
  ImageFile image =
      ImageFile::open(path, dry ? Access::ReadOnly : Access::ReadWrite, read_lock_policy(args));
  if (dry) return image;
  const Recovery recovery = recover(image, read_durability(args));
  if (recovery.outcome != Recovery::Outcome::Nothing)
    io.err << fmt::format("{}: {}\n", quote(path.string()), recovery.message);
  return image;
}

namespace {

PathWords path_words(const Command& command, const Args& args, Verbs verbs) {
  if (verbs == Verbs::Batch) return PathWords::Batch;
  if (!args.has("image")) return PathWords::Addresses;
  return command.takes_host_files ? PathWords::Colon : PathWords::Plain;
}

/// "'a' and 'b' were written", "'a', 'b', 'c' and 4 others were written".
std::string were_written(const std::vector<std::string>& files) {
  constexpr std::size_t kMostNamed = 3;
  const std::size_t named = std::min(files.size(), kMostNamed), others = files.size() - named;
  std::string text;
  for (std::size_t i = 0; i < named; ++i) {
    const bool is_last = i + 1 == named && others == 0;
    text += (i == 0 ? "" : is_last ? " and " : ", ") + quote(files[i]);
  }
  if (others != 0) text += fmt::format(" and {} other{}", others, others == 1 ? "" : "s");
  return text + (files.size() == 1 ? " was written" : " were written");
}

Error with_host_files(const Error& error, const Edit& edit) {
  if (edit.written_on_host.empty()) return error;
  return Error(error).with_hint(error.hint() + (error.hint().empty() ? "" : "; ") +
                                "on the host, " + were_written(edit.written_on_host));
}

/// An Error that leaves `action` is one of the image at `address`, unless it is of another one.
void about_changed(const Address& address, const FoundWindow& found,
                   const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    const auto other = existing_address(error.path());
    std::error_code none;
    if (other && !std::filesystem::equivalent(other->image, address.image, none)) throw;
    throw with_image(error, address.image, found.window.range().start());
  }
}

/// Throws: what `apply` throws, and Interrupted.
void carry_out(Edit& edit, const std::function<void(Edit&)>& apply) {
  const StoppableJob job;
  try {
    apply(edit);
  } catch (const Error& error) {
    throw with_free_space(error, edit.fs());
  }
  if (edit.io().stop.stop_requested())
    throw Error(Errc::Interrupted, "interrupted; nothing in the image was changed");
}

}  // namespace

ExitCode run_edit_on(const Command& command, const Address& address, const Args& args, Streams& io,
                     Verbs verbs, const std::function<void(Edit&)>& apply) {
  std::ostringstream printed;  // what a verb prints is part of the object that --json prints
  Streams captured = io.with_output(printed);
  Streams& verb_io = args.has("json") && verbs == Verbs::One ? captured : io;
  ImageFile image = open_to_change(address.image, args, io);
  const FoundWindow found = find_filesystem(image, address);
  about_changed(address, found, [&] {
    Transaction transaction = Transaction::begin(
        found.window, {.now = time_of_edit(io),
                       .durability = read_durability(args),
                       .keep_undo_bytes = args.has("no-keep-undo") ? 0 : kKeptUndoBytes,
                       .dry_run = args.has("dry-run")});
    Edit edit(transaction, address, path_words(command, args, verbs), args, verb_io);
    edit.warnings = found.warnings;
    if (found.slot != 0) edit.partuuid = "PARTUUID=" + found.partuuid;
    bool changed = false;
    Transaction::Result result;
    try {
      carry_out(edit, apply);
      changed = transaction.has_changes();
      if (!args.has("dry-run")) result = transaction.commit();
    } catch (const Error& error) {
      throw with_host_files(error, edit);
    }
    edit.warnings.insert(edit.warnings.end(), result.warnings.begin(), result.warnings.end());
    io.out << edit.told();
    print_summary(command, address, result, changed, edit, args, printed.str(), io);
    if (changed && !args.has("dry-run")) require_told(io, address.image);
  });
  return ExitCode::Done;
}

std::vector<std::string> words_for_image(const Args& args) {
  std::vector<std::string> words = args.operands();
  if (const auto directory = args.value("target-directory")) words.push_back(*directory);
  return words;
}

void await_input(const Args& args, Streams& io) {
  const std::vector<std::string> words = words_for_image(args);
  if (args.has("image") || std::any_of(words.begin(), words.end(), names_image))
    wait_for_input(io.in, io.stop, "standard input");
}

ExitCode run_edit(const Command& command, const Args& args, Streams& io) {
  return run_edit(command, args, io, words_for_image(args));
}

ExitCode run_edit(const Command& command, const Args& args, Streams& io,
                  const std::vector<std::string>& words) {
  if (command.require_words != nullptr) command.require_words(args);
  const auto literal = args.value("image");
  const Address address =
      literal ? literal_image(*literal, words, command.takes_host_files) : find_image(words);
  return run_edit_on(command, address, args, io, Verbs::One,
                     [&](Edit& edit) { command.apply(edit, args); });
}

}  // namespace rawimg::cli
