// SPDX-License-Identifier: MIT
#include "edit/run_edit.h"

#include <algorithm>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/text.h"
#include "cli/input.h"
#include "cli/open_fs.h"
#include "cli/requests.h"
#include "cli/signals.h"

namespace rawimg::cli {
namespace {

/// --image: the slot is that of the first path or, for cp, whose destination comes last, of the
/// last that has one.
Address literal_image(const std::string& image, const std::vector<std::string>& words, bool colon) {
  Address address;
  address.image = image;
  for (const std::string& word : words) {
    const bool is_path = colon ? word.starts_with(':') : word.find('/') != std::string::npos;
    if (!is_path || !is_slot_and_path(std::string_view(word).substr(word.starts_with(':') ? 1 : 0)))
      continue;
    const Address named = parse_address_in(image, word);
    if (!colon) return named;
    if (named.slot || !address.slot) address = named;
  }
  return address;
}

Error names_no_image(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (const auto meant = with_slash(word)) return missing_slash(word, *meant);
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    if (is_image(*word))
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
  print_warnings(io, command.name, edit.warnings);
  if (args.has("quiet")) return;
  if (!changed)
    io.err << fmt::format("{}: nothing to change\n", quote(image));
  else if (args.has("dry-run"))
    io.err << fmt::format("{}: would be changed; nothing was written (--dry-run)\n", quote(image));
  else if (result.undo_kept)
    io.err << fmt::format("{}: changed; {} takes it back\n", quote(image),
                          quote_command("rawimg undo " + shell_word(image)));
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

Error with_lost_undo(const Error& error, const Transaction& transaction) {
  if (!transaction.lost_kept_undo()) return error;
  return Error(error).with_hint(error.hint() + (error.hint().empty() ? "" : "; ") +
                                std::string(kUndoIsLost));
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
    Edit edit(transaction, address, found, path_words(command, args, verbs), args, verb_io);
    edit.warnings = found.warnings;
    if (found.slot != 0) edit.partuuid = "PARTUUID=" + found.partuuid;
    bool changed = false;
    Transaction::Result result;
    try {
      carry_out(edit, apply);
      changed = transaction.has_changes();
      if (!args.has("dry-run")) result = transaction.commit();
    } catch (const Error& error) {
      throw with_lost_undo(with_host_files(error, edit), transaction);
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
