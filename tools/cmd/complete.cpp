// SPDX-License-Identifier: MIT
// What the scripts in tools/completion ask. A name in an image may have any byte but zero, so
// records for shells end with one.
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/run.h"
#include "complete/candidates.h"
#include "complete/complete_command.h"
#include "complete/typed_line.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"shell", "SHELL", "bash, zsh or fish: in the form that its script in tools/completion reads"},
    {"line", "TEXT", "a line up to the cursor, as it is typed, in place of words"},
    {"breaks", "CHARACTERS", "with --line: bash's COMP_WORDBREAKS"},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kCommonOptions};

bool goes_on(const std::string& word) {
  return !word.empty() && std::string_view("/:=").find(word.back()) != std::string_view::npos;
}

void print_record(Streams& io, std::string_view text) { io.out << text << '\0'; }

/// How, and what takes the place of the word as readline sees it. One candidate is quoted here; of
/// several, readline inserts what they have in common, so it has to quote.
void print_for_bash(const TypedLine& line, const Completion& made, Streams& io) {
  if (made.candidates.empty()) return print_record(io, made.host_files ? "files" : "none");
  const auto rest = [&](const Candidate& candidate) {
    return std::string_view(candidate.word).substr(line.fixed);
  };
  if (made.candidates.size() > 1) {
    print_record(io, "many");
    for (const Candidate& candidate : made.candidates) print_record(io, rest(candidate));
    return;
  }
  const Candidate& only = made.candidates[0];
  const bool is_open = goes_on(only.word);
  if (is_open && line.quote != 0) {
    // readline closes a quote behind one candidate, but not behind what two have in common
    print_record(io, "many");
    print_record(io, rest(only));
    print_record(io, fmt::format("{}...", rest(only)));
    return;
  }
  print_record(io, is_open ? "open" : "one");
  print_record(io, quoted_for_bash(rest(only), line.quote));
}

/// Whether files fit; what is typed in front of the candidates; the candidates behind that, each
/// with its help.
void print_for_zsh(const TypedLine& line, const Completion& made, Streams& io) {
  print_record(io, made.host_files ? "files" : "none");
  print_record(io, std::string_view(line.raw).substr(0, line.raw_at[made.front]));
  for (const Candidate& candidate : made.candidates) {
    print_record(io, std::string_view(candidate.word).substr(made.front));
    print_record(io, candidate.help);
  }
}

/// fish hands over ~/ as it is typed, and wants it back like that.
void print_for_fish(const TypedLine& line, Streams& io) {
  const std::string home = line.word.starts_with("~/") ? io.environment("HOME").value_or("") : "";
  const std::string typed = home.empty() ? line.word : home + line.word.substr(1);
  const Completion made = complete(line.words, typed);
  print_record(io, made.host_files ? "files" : "none");
  for (const Candidate& candidate : made.candidates) {
    if (candidate.word.find('\t') != std::string::npos) continue;  // it begins a description
    const std::string word =
        home.empty() ? candidate.word : "~" + candidate.word.substr(home.size());
    print_record(io, candidate.help.empty() ? word : fmt::format("{}\t{}", word, candidate.help));
  }
}

void print_for_people(const Completion& made, const Args& args, Streams& io) {
  if (!args.has("json")) {
    for (const Candidate& candidate : made.candidates) io.out << escape(candidate.word) << '\n';
    return;
  }
  Json list = Json::array();
  for (const Candidate& candidate : made.candidates) {
    Json json;
    put_bytes(json, "word", candidate.word);
    if (!candidate.help.empty()) json["help"] = candidate.help;
    list.push_back(std::move(json));
  }
  print_result(io, "complete", {{"candidates", std::move(list)}, {"host_files", made.host_files}});
}

/// gem5img is another name of the program, for one of its commands.
TypedLine read_line(const Args& args, const Streams& io) {
  TypedLine line;
  if (const auto text = args.value("line")) {
    line = read_typed_line(*text, args.value("breaks").value_or(""), io.environment);
    line.words = without_program(std::move(line.words));
    return line;
  }
  line.words = args.operands();
  if (line.words.empty()) throw Error(Errc::Usage, "words are needed behind --, or --line");
  line.word = line.words.back();
  line.words.pop_back();
  return line;
}

ExitCode run(const Args& args, Streams& io) {
  const std::string shell = args.value("shell").value_or("");
  if (args.has("shell") && shell != "bash" && shell != "zsh" && shell != "fish")
    throw Error(Errc::Usage, fmt::format("--shell {}: it is bash, zsh or fish", quote(shell)));
  if ((shell == "bash" || shell == "zsh") && !args.has("line"))
    throw Error(Errc::Usage, fmt::format("--shell {} needs --line", shell));
  const TypedLine line = read_line(args, io);
  if (shell == "fish") {
    print_for_fish(line, io);
    return ExitCode::Done;
  }
  const Completion made = complete(line.words, line.word);
  if (shell == "bash")
    print_for_bash(line, made, io);
  else if (shell == "zsh")
    print_for_zsh(line, made, io);
  else
    print_for_people(made, args, io);
  return ExitCode::Done;
}

}  // namespace

const Command kComplete{
    .name = "complete",
    .synopsis = "[--shell SHELL --line TEXT] | -- WORD...",
    .summary = "what may stand in place of the last word, for the completion of shells",
    .examples =
        "  rawimg complete -- ls disk.img:/et\n"
        "  rawimg complete --shell bash --line 'rawimg ls disk.img:/et' --breaks ':='\n",
    .details =
        "An image is only read, without a lock; one that cannot be read has no candidates.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
