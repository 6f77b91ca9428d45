// SPDX-License-Identifier: MIT
#include "read/find_expression.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kMostNesting = 200;  // of parentheses: the parser calls itself
constexpr std::string_view kOptions[] = {"-maxdepth", "-mindepth", "-depth", "-d",
                                         "-xdev",     "-mount",    "-noleaf"};
constexpr std::string_view kOperators[] = {"(", ")", "!", ",", "-not", "-a", "-and", "-o", "-or"};
/// What find(1) has and rawimg does not: most would change or run something, or write on the host.
constexpr std::string_view kRefused[] = {
    "-delete", "-exec",        "-execdir", "-ok",     "-okdir",  "-fprint", "-fprint0", "-fprintf",
    "-fls",    "-files0-from", "-regex",   "-iregex", "-fstype", "-follow", "-used"};

const FindWord* find_word(std::string_view name) {
  for (const auto table : {find_tests(), find_actions()})
    for (const FindWord& word : table)
      if (word.name == name) return &word;
  return nullptr;
}

template <std::size_t N>
bool is_among(const std::string_view (&names)[N], std::string_view word) {
  return std::find(std::begin(names), std::end(names), word) != std::end(names);
}

Error unknown(const std::string& word) {
  if (is_among(kRefused, word))
    return Error(Errc::Usage, fmt::format("find's {} is not supported in an image", quote(word)))
        .with_hint("-print0 hands the names to other commands");
  std::vector<std::string_view> names(std::begin(kOptions), std::end(kOptions));
  for (const auto table : {find_tests(), find_actions()})
    for (const FindWord& known : table) names.push_back(known.name);
  const auto guess = nearest(word, names);
  return Error(Errc::Usage, fmt::format("unknown word {} in the expression{}", quote(word),
                                        guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

/// All of them, one after the other, until one is not `wanted`.
FindTest chain(std::vector<FindTest> tests, bool wanted) {
  if (tests.size() == 1) return std::move(tests.front());
  return [tests = std::move(tests), wanted](const FindFile& file, FindRun& run) {
    for (const FindTest& test : tests) {
      const bool result = test(file, run);
      if (result != wanted || run.quit) return result;
    }
    return wanted;
  };
}

class Parser {
 public:
  Parser(std::span<const std::string> words, const ReadFile& start, Timestamp now)
      : words_(words), start_(start), now_(now) {}

  FindPlan run() {
    if (!words_.empty()) plan_.test = list();
    if (at_ != words_.size())
      throw Error(Errc::Usage, fmt::format("{} without its '('", quote(words_[at_])));
    if (prints_) return std::move(plan_);
    const FindTest print = find_word("-print")->make({{}, start_, now_});
    plan_.test = plan_.test ? chain({std::move(plan_.test), print}, true) : print;
    return std::move(plan_);
  }

 private:
  bool next_is(std::initializer_list<std::string_view> names) const {
    return at_ < words_.size() && std::find(names.begin(), names.end(), words_[at_]) != names.end();
  }

  FindTest list() {
    std::vector<FindTest> tests{either()};
    while (next_is({","})) {
      ++at_;
      tests.push_back(either());
    }
    if (tests.size() == 1) return std::move(tests.front());
    return [tests = std::move(tests)](const FindFile& file, FindRun& run) {
      bool result = false;
      for (const FindTest& test : tests) {
        result = test(file, run);
        if (run.quit) break;
      }
      return result;
    };
  }

  FindTest either() {
    std::vector<FindTest> tests{both()};
    while (next_is({"-o", "-or"})) {
      ++at_;
      tests.push_back(both());
    }
    return chain(std::move(tests), false);
  }

  FindTest both() {
    std::vector<FindTest> tests{one()};
    while (at_ < words_.size() && !next_is({"-o", "-or", ",", ")"})) {
      if (next_is({"-a", "-and"})) ++at_;
      tests.push_back(one());
    }
    return chain(std::move(tests), true);
  }

  FindTest one() {
    bool negated = false;
    while (next_is({"!", "-not"})) {
      ++at_;
      negated = !negated;
    }
    FindTest test = next_is({"("}) ? parentheses() : word();
    if (!negated) return test;
    return
        [test = std::move(test)](const FindFile& file, FindRun& run) { return !test(file, run); };
  }

  FindTest parentheses() {
    if (++nesting_ > kMostNesting)
      throw Error(Errc::Usage, fmt::format("more than {} parentheses in each other", kMostNesting));
    ++at_;
    FindTest test = list();
    if (!next_is({")"})) throw Error(Errc::Usage, "'(' without its ')'");
    ++at_;
    --nesting_;
    return test;
  }

  FindTest word() {
    if (at_ == words_.size())
      throw Error(Errc::Usage,
                  at_ == 0 ? "the expression is empty"
                           : fmt::format("something is missing behind {}", quote(words_[at_ - 1])));
    const std::string& name = words_[at_];
    if (is_among(kOperators, name))
      throw Error(Errc::Usage, fmt::format("{} stands where a test is expected", quote(name)));
    const std::size_t count = words_behind_find(name);
    if (words_.size() - at_ - 1 < count)
      throw Error(Errc::Usage, fmt::format("{} needs an argument", quote(name)));
    const auto arguments = words_.subspan(at_ + 1, count);
    at_ += 1 + count;
    if (is_among(kOptions, name)) return option(name, arguments);
    const FindWord* known = find_word(name);
    if (known == nullptr) throw unknown(name);
    prints_ |= known->prints;
    try {
      return known->make({arguments, start_, now_});
    } catch (const Error& error) {
      throw error.in(name);
    }
  }

  /// Options are about the whole search, and true wherever they stand.
  FindTest option(const std::string& name, std::span<const std::string> arguments) {
    if (name == "-maxdepth") plan_.most_depth = parse_number(arguments[0], name, 0, UINT32_MAX);
    if (name == "-mindepth") plan_.least_depth = parse_number(arguments[0], name, 0, UINT32_MAX);
    if (name == "-depth" || name == "-d") plan_.depth_first = true;
    return [](const FindFile&, FindRun&) { return true; };
  }

  std::span<const std::string> words_;
  const ReadFile& start_;
  Timestamp now_;
  std::size_t at_ = 0, nesting_ = 0;
  bool prints_ = false;
  FindPlan plan_;
};

}  // namespace

std::size_t words_behind_find(std::string_view word) {
  if (word == "-maxdepth" || word == "-mindepth") return 1;
  const FindWord* known = find_word(word);
  return known == nullptr ? 0 : known->arguments;
}

FindPlan parse_find(std::span<const std::string> words, const ReadFile& start, Timestamp now) {
  return Parser(words, start, now).run();
}

}  // namespace rawimg::cli
