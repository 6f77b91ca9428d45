// SPDX-License-Identifier: MIT
#include "cli/run.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/find_command.h"
#include "cli/output.h"
#include "complete/complete_command.h"

namespace rawimg::cli {
namespace {

constexpr int kSignalExit = 128;

/// `command` is empty where there is none of the name `word`.
int report(Streams& io, std::string_view command, std::string_view word, bool json,
           const Error& error) {
  // as quietly as others end there
  if (!io.out.good() && io.reader_is_gone()) return static_cast<int>(ExitCode::Failed);
  int code = static_cast<int>(exit_code_of(error.code()));
  if (error.code() == Errc::Interrupted)
    if (const int signal = io.stop_signal(); signal != 0) code = kSignalExit + signal;
  if (json && io.out.good())
    print_error_json(io, word, error, code);
  else {
    io.err << "rawimg" << (command.empty() ? "" : " ") << command << ": " << error.what() << '\n';
    if (!error.hint().empty()) io.err << "  hint: " << error.hint() << '\n';
    if (error.code() == Errc::Usage && !command.empty())
      io.err << "  see 'rawimg " << command << " --help'\n";
  }
  return code;
}

Error unknown_command(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Command* command : commands()) names.push_back(command->name);
  const auto guess = nearest(word, names);
  return Error(Errc::Usage, fmt::format("unknown command {}{}", quote(word),
                                        guess ? fmt::format("; did you mean '{}'?", *guess) : ""))
      .with_hint("'rawimg help' lists the commands");
}

int run_command(const Command& command, const std::vector<std::string>& words, Streams& io,
                bool json) {
  try {
    const Args args = parse_words(command, words);
    if (args.has("help")) {
      io.out << help_text(command);
      return 0;
    }
    return static_cast<int>(command.run(args, io));
  } catch (const Error& error) {
    return report(io, command.name, command.name, json, error);
  } catch (const std::bad_alloc&) {
    return report(io, command.name, command.name, json, Error(Errc::Io, "out of memory"));
  } catch (const std::exception& error) {
    return report(io, command.name, command.name, json,
                  Error(Errc::Io, fmt::format("internal error: {}", error.what())));
  }
}

}  // namespace

std::vector<std::string> without_program(std::vector<std::string> words) {
  if (words.empty()) return words;
  const std::string name = words[0].substr(words[0].rfind('/') + 1);
  if (name == "gem5img" || name == "gem5img.py")
    words[0] = "gem5img";
  else
    words.erase(words.begin());
  return words;
}

std::vector<std::string> words_of(int argc, const char* const* argv) {
  return without_program({argv, argv + argc});
}

int run(const std::vector<std::string>& words, Streams& io) {
  if (words.empty()) {
    io.err << overview_text();
    return static_cast<int>(ExitCode::Usage);
  }
  const std::string name = words[0] == "--version" ? "version"
                           : words[0] == "--help"  ? "help"
                                                   : words[0];
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  const bool json = std::find(rest.begin(), std::find(rest.begin(), rest.end(), "--"), "--json") !=
                    std::find(rest.begin(), rest.end(), "--");
  const Command* command = name == kComplete.name ? &kComplete : find_command(name);
  const int code = command != nullptr ? run_command(*command, rest, io, json)
                                      : report(io, "", name, json, unknown_command(name));
  const bool told = code != 0 && (!json || !io.out.good());
  if (io.out.good()) errno = 0;  // else it still is the reason
  io.out.flush();
  const Error failure = output_error(errno);
  if (io.out.good()) return code;
  if (!told && !io.reader_is_gone()) io.err << "rawimg " << name << ": " << failure.what() << '\n';
  return code != 0 ? code : static_cast<int>(exit_code_of(failure.code()));
}

}  // namespace rawimg::cli
