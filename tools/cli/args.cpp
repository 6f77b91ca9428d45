// SPDX-License-Identifier: MIT
#include "cli/args.h"

#include <algorithm>

// Values are taken whole: cxxopts would split lists at commas, and a file name may have one.
#define CXXOPTS_VECTOR_DELIMITER '\0'
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <cxxopts.hpp>
#pragma GCC diagnostic pop

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

const OptionSpec* find_long(std::span<const OptionSpec> table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const OptionSpec& spec) { return spec.name == name; });
  return it == table.end() ? nullptr : &*it;
}

/// "--name=value" or "--name". Returns the option if its value is the next word.
const OptionSpec* require_known_long(std::span<const OptionSpec> table, const std::string& word) {
  const std::string name = word.substr(2, word.find('=') - 2);
  const OptionSpec* spec = find_long(table, name);
  if (spec == nullptr) {
    std::vector<std::string_view> names;
    for (const OptionSpec& known : table)
      if (known.is_long()) names.push_back(known.name);
    const auto guess = nearest(name, names);
    throw Error(Errc::Usage,
                fmt::format("unknown option {}{}", quote("--" + name),
                            guess ? fmt::format("; did you mean '--{}'?", *guess) : ""));
  }
  const bool has_value = word.find('=') != std::string::npos;
  if (spec->is_switch() && has_value)
    throw Error(Errc::Usage, fmt::format("option '--{}' takes no value", name));
  return spec->needs_value() && !has_value ? spec : nullptr;
}

/// "-t", "-text4", "-laR". Returns the option if its value is the next word.
const OptionSpec* require_known_letters(std::span<const OptionSpec> table,
                                        const std::string& word) {
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto spec = std::find_if(table.begin(), table.end(), [&](const OptionSpec& known) {
      return known.short_form() == word[i];
    });
    if (word[i] == '-' || spec == table.end()) {
      const bool help = word == "-h" || word == "-?";
      throw Error(Errc::Usage, fmt::format("unknown option {}{}", quote("-" + word.substr(i, 1)),
                                           help ? "; help is '--help'" : ""));
    }
    if (spec->needs_value()) return i + 1 == word.size() ? &*spec : nullptr;
  }
  return nullptr;
}

/// Refuses what cxxopts would refuse, in our own words and with the nearest right one.
void require_known(std::span<const OptionSpec> table, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") return;
    if (!word.starts_with('-') || word == "-") continue;
    const OptionSpec* needy = word.starts_with("--") ? require_known_long(table, word)
                                                     : require_known_letters(table, word);
    if (needy == nullptr) continue;
    if (i + 1 == words.size())
      throw Error(Errc::Usage,
                  fmt::format("option {} needs a value: {}", quote(word), needy->value));
    ++i;  // the value may begin with dashes
  }
}

}  // namespace

std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates) {
  std::optional<std::string> best;
  std::size_t least = word.size() / 3 + 2;  // so many mistakes are a typo; more are another word
  for (const std::string_view candidate : candidates)
    if (const std::size_t distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

std::optional<std::string> Args::value(std::string_view name) const {
  const auto it = std::find_if(options_.rbegin(), options_.rend(),
                               [&](const auto& option) { return option.first == name; });
  if (it == options_.rend()) return std::nullopt;
  return it->second;
}

const std::string& Args::require(std::size_t index, std::string_view what) const {
  if (index >= operands_.size()) throw Error(Errc::Usage, fmt::format("{} is missing", what));
  return operands_[index];
}

void Args::require_at_most(std::size_t count) const {
  if (operands_.size() > count)
    throw Error(Errc::Usage, fmt::format("{} is one word too many", quote(operands_[count])));
}

Args parse_args(std::span<const OptionSpec> table, const std::vector<std::string>& words) {
  require_known(table, words);
  cxxopts::Options options("rawimg");
  for (const OptionSpec& spec : table) {
    const std::string names =
        spec.letter != 0 ? fmt::format("{},{}", spec.letter, spec.name) : std::string(spec.name);
    if (spec.is_switch())
      options.add_options()(names, "");
    else if (spec.value_may_be_missing())
      options.add_options()(names, "", cxxopts::value<std::string>()->implicit_value(""));
    else
      options.add_options()(names, "", cxxopts::value<std::string>());
  }
  std::vector<const char*> argv{"rawimg"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  try {
    const auto result = options.parse(static_cast<int>(argv.size()), argv.data());
    std::vector<std::pair<std::string, std::string>> sequence;
    for (const auto& argument : result.arguments())
      sequence.emplace_back(argument.key(), argument.value());
    return Args(std::move(sequence), result.unmatched());
  } catch (const std::exception&
               error) {  // cxxopts::OptionException in 3.0, cxxopts::exceptions::parsing later
    throw Error(Errc::Usage, error.what());
  }
}

}  // namespace rawimg::cli
