// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "cmd/all.h"
#include "edit/batch_line.h"
#include "edit/file_content.h"
#include "edit/run_edit.h"
#include "read/reading.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"expression", "LINE", "a line to carry out; repeatable", 'e'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption, kEditOptions,
                                                   kLockOptions, kImageOption,   kCommonOptions};

struct Line {
  std::string name;  ///< where it stands: "edits:3"
  std::vector<std::string> words;
};

void add_lines(const std::string& text, const std::string& name, std::vector<Line>& lines) {
  std::size_t number = 0;
  const bool is_one = text.find('\n') == std::string::npos;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    ++number;
    Line line{is_one ? name : fmt::format("{}:{}", name, number), {}};
    try {
      line.words = split_line(std::string_view(text).substr(at, end - at));
    } catch (const Error& error) {
      throw error.in(line.name);
    }
    if (!line.words.empty()) lines.push_back(std::move(line));
    at = end + 1;
  }
}

/// An image in place of a script: most are long, and all begin with what no text has in it.
void require_text(int descriptor, const std::string& word) {
  std::array<char, 4096> front;
  const ssize_t n = pread(descriptor, front.data(), front.size(), 0);
  if (n <= 0 || std::find(front.begin(), front.begin() + n, '\0') == front.begin() + n) return;
  throw Error(Errc::Usage, fmt::format("{} is no text", quote(word)))
      .with_path(word)
      .with_hint("a batch is about one image; what is behind it holds the lines");
}

std::string read_script(const std::string& word, Streams& io) {
  if (word == "-") {
    if (isatty(io.in) == 1)
      io.err << "rawimg batch: lines are read from the terminal; ctrl-D ends them\n" << std::flush;
    return read_descriptor(io.in, "standard input", io.stop);
  }
  const Descriptor descriptor(::open(word.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(word))).with_path(word);
  require_text(descriptor.get(), word);
  return read_descriptor(descriptor.get(), word, io.stop);
}

std::vector<Line> read_lines(const Args& args, Streams& io) {
  std::vector<Line> lines;
  std::size_t number = 0;
  for (const auto& [name, value] : args.options())
    if (name == "expression") add_lines(value, fmt::format("-e {}", ++number), lines);
  if (args.operands().size() > 1)
    add_lines(read_script(args.operands()[1], io),
              args.operands()[1] == "-" ? "standard input" : args.operands()[1], lines);
  if (args.operands().size() <= 1 && number == 0)
    add_lines(read_script("-", io), "standard input", lines);
  return lines;
}

const Command& find_verb(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command* command : commands()) {
    if (command->apply == nullptr && command->read == nullptr) continue;
    if (command->name == name) return *command;
    names.push_back(command->name);
  }
  const auto guess = nearest(name, names);
  throw Error(Errc::Usage, fmt::format("{} is not a verb of a batch{}", quote(name),
                                       guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

/// A verb that reads sees what the lines before it have changed. Returns what --json shows.
std::string read_line(Edit& edit, const Command& verb, const Args& args, bool wants_json) {
  Reading reading(edit.io(), wants_json, ":", [&](const std::string& word) {
    return ReadPlace{&edit.fs(), "", edit.in_image(word).path};
  });
  if (verb.read(reading, args) != ExitCode::Done)
    throw Error(Errc::Corrupt, fmt::format("{} could not read all of it", verb.name));
  edit.warnings.insert(edit.warnings.end(), reading.warnings().begin(), reading.warnings().end());
  return reading.result();
}

/// Where the records of --json go, and what a verb prints until it is part of one.
struct Records {
  std::ostream& out;
  std::ostringstream printed{};

  void add(const Command& verb, const Line& line, std::string result, Json json) {
    if (verb.read == nullptr) {
      if (!printed.str().empty()) put_bytes(json, "output", printed.str());
      result = json.dump();
    }
    printed.str("");
    out << fmt::format(R"({{"schema":1,"command":"{}","line":{},"result":{}}})", verb.name,
                       Json(lossy_utf8(line.name)).dump(), result)
        << '\n';
  }
};

/// What concerns the whole change, and would say nothing in one line of it.
void require_none_of_batch(const Args& args) {
  constexpr std::span<const OptionSpec> kOfBatch[] = {kEditOptions, kLockOptions, kImageOption,
                                                      kCommonOptions};
  for (const auto& [name, value] : args.options())
    for (const auto& table : kOfBatch)
      for (const OptionSpec& spec : table)
        if (spec.name == name)
          throw Error(Errc::Usage,
                      fmt::format("--{} is an option of the batch, not of a line of it", name))
              .with_hint(name == "help" ? "'rawimg help VERB' tells what a verb takes" : "");
}

void carry_out(Edit& edit, const Line& line, Records& records) {
  const Command& verb = find_verb(line.words[0]);
  const Args args = parse_words(verb, {line.words.begin() + 1, line.words.end()});
  require_none_of_batch(args);
  const bool wants_json = edit.options().has("json");
  edit.verbose = edit.options().has("verbose") || args.has("verbose");
  std::string result;
  if (verb.read != nullptr) {
    result = read_line(edit, verb, args, wants_json);
  } else {
    if (verb.require_words != nullptr) verb.require_words(args);
    verb.apply(edit, args);
  }
  if (wants_json) records.add(verb, line, std::move(result), edit.take_result());
}

void apply_line(Edit& edit, const Line& line, Records& records) {
  try {
    carry_out(edit, line, records);
  } catch (const Error& error) {
    throw error.in(line.name).with_hint((error.hint().empty() ? "" : error.hint() + "; ") +
                                        "nothing in the image was changed");
  }
}

ExitCode run(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(2);
  if (!address.path.empty())
    throw Error(Errc::Usage, "batch names an image; paths stand in its lines, as :/path");
  const std::vector<Line> lines = read_lines(args, io);
  Records records{io.out};
  Streams captured = io.with_output(records.printed);
  const bool wants_json = args.has("json");
  bool changed = false;
  const ExitCode code =
      run_edit_on(kBatch, address, args, wants_json ? captured : io, Verbs::Batch, [&](Edit& edit) {
        for (const Line& line : lines) {
          if (io.stop.stop_requested()) return;
          apply_line(edit, line, records);
        }
        changed = edit.fs().has_changes();
      });
  io.out << records.printed.str();  // with --json, the last record
  if (changed && !args.has("dry-run")) require_told(io, address.image);
  return code;
}

}  // namespace

const Command kBatch{
    .name = "batch",
    .synopsis = "IMG[:N] [FILE | -] [-e LINE]...",
    .summary = "many changes as one: all of them or none",
    .examples =
        "  rawimg batch disk.img -e 'rm -rf :/var/cache/*' -e 'cp ./m5 :/sbin/m5' -e 'ln -s m5 "
        ":/sbin/gem5'\n  rawimg batch disk.img edits.txt\n",
    .details =
        "One verb a line, with its options, quoted as in a shell; # begins a comment. A path in "
        "the image is :/path, any other is on\n"
        "the host. Verbs that read (ls cat stat find du df tree) see what the lines before them "
        "have changed. The first error names\nits line, and nothing in the image is changed; "
        "files that cp has written on the host stay. What -v says comes\nat the end, when it is "
        "true. --json prints an object for each line that was carried out, with what it prints\n"
        "otherwise as \"output\" (of fstab and inittab list \"entries\", of a dry run of such "
        "files \"diff\"), and a last one\nfor the batch; without that one, nothing was changed.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
