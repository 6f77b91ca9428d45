// SPDX-License-Identifier: MIT
#include "complete/candidates.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cli/find_command.h"
#include "complete/image_paths.h"
#include "help/text_blocks.h"
#include "help/topics.h"

namespace rawimg::cli {
namespace {

bool is_word(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || more.find(c) != std::string_view::npos;
  });
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + separator.size());
  }
  return parts;
}

std::string replaced(std::string text, std::string_view old, std::string_view by) {
  for (std::size_t at = text.find(old); at != std::string::npos; at = text.find(old, at))
    text.replace(at, old.size(), by);
  return text;
}

/// How a synopsis writes a path in an image: IMG[:N][/path], IMG[:N]/path, IMG:/path.
constexpr std::string_view kPathMarks[] = {"[/", "]/", ":/"};

/// What the words in front of the one that is being typed say about it.
struct Place {
  const OptionSpec* value_of = nullptr;  ///< it is the value of this option
  bool in_expression = false;            ///< it is a word that one of an expression takes
  bool only_operands = false;            ///< behind --
  std::size_t operands = 0;
  std::optional<std::string> image;  ///< of --image
};

const OptionSpec* find_long(const std::vector<OptionSpec>& table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(), [&](const OptionSpec& spec) {
    return spec.is_long() && spec.name == name;
  });
  return it == table.end() ? nullptr : &*it;
}

/// The option that takes the next word as its value.
const OptionSpec* waiting_option(const std::vector<OptionSpec>& table, const std::string& word) {
  if (word.starts_with("--")) {
    const OptionSpec* spec = find_long(table, std::string_view(word).substr(2));
    return spec != nullptr && spec->needs_value() ? spec : nullptr;
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto spec = std::find_if(table.begin(), table.end(), [&](const OptionSpec& known) {
      return known.short_form() == word[i];
    });
    if (spec != table.end() && spec->needs_value()) return i + 1 == word.size() ? &*spec : nullptr;
  }
  return nullptr;
}

bool is_option(const Command& command, const Place& place, const std::string& word) {
  if (place.only_operands || word.size() < 2 || word[0] != '-') return false;
  return command.is_dashed_operand == nullptr || !command.is_dashed_operand(word);
}

Place read_place(const Command& command, const std::vector<OptionSpec>& table,
                 const std::vector<std::string>& words) {
  Place place;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" && !place.only_operands) {
      place.only_operands = true;
    } else if (!is_option(command, place, word)) {
      ++place.operands;
    } else if (command.words_behind != nullptr && place.operands > 0 && word[1] != '-') {
      i += command.words_behind(word);
      place.in_expression = i >= words.size();
    } else if (const OptionSpec* spec = waiting_option(table, word)) {
      if (i + 1 == words.size()) place.value_of = spec;
      if (spec->name == "image" && i + 1 < words.size()) place.image = words[i + 1];
      ++i;
    } else if (word.starts_with("--image=")) {
      place.image = word.substr(8);
    }
  }
  return place;
}

class Completer {
 public:
  explicit Completer(const std::string& word) : word_(word) {}

  Completion done() {
    auto& all = completion_.candidates;
    std::stable_sort(all.begin(), all.end(),
                     [](const Candidate& a, const Candidate& b) { return a.word < b.word; });
    return std::move(completion_);
  }

  void add(std::string_view word, std::string_view help = "") {
    if (word.starts_with(word_))
      completion_.candidates.push_back({std::string(word), std::string(help)});
  }

  void command_names() {
    for (const Command* command : commands()) add(command->name, command->summary);
    if (!word_.starts_with('-')) return;
    add("--help");
    add("--version");
  }

  void options(const Command& command, const std::vector<OptionSpec>& table) {
    const std::size_t equals = word_.find('=');
    if (word_.starts_with("--") && equals != std::string::npos) {
      if (const OptionSpec* spec = find_long(table, word_.substr(2, equals - 2)))
        value(command, *spec, equals + 1);
      return;
    }
    for (const OptionSpec& spec : table)
      add(fmt::format("{}{}", spec.is_long() ? "--" : "-", spec.name), spec.help);
  }

  /// The value that begins at `at`.
  void value(const Command& command, const OptionSpec& spec, std::size_t at) {
    completion_.front = at;
    for (const std::string& known : listed_values(spec)) add(word_.substr(0, at) + known);
    const auto is_kind = [&](std::string_view kind) { return spec.value == kind; };
    completion_.host_files = is_kind("FILE") || is_kind("SOURCE") || is_kind("DIRECTORY");
    if (is_kind("IMG:/path") || is_kind("DIRECTORY")) in_images(command, at);
  }

  /// The words of a language like find's, as its help lists them.
  void expression(const Command& command) {
    for (const TextBlock& block : read_blocks(command.details))
      if (block.kind == TextBlock::Kind::Item)
        for (const std::string& part : split(block.text, " "))
          if (part.size() > 2 && part[0] == '-' && is_word(part.substr(1), "0")) add(part);
  }

  void operand(const Command& command, const Place& place) {
    if (place.operands == 0) {
      for (const std::string& verb : listed_verbs(command.synopsis)) add(verb);
      if (command.name == "help") {
        command_names();
        for (const Topic& topic : topics()) add(topic.name, topic.summary);
        return;
      }
    }
    if (command.name == "serial" && place.operands + (place.image ? 1 : 0) == 2) add("off");
    completion_.host_files = true;
    if (place.image)
      in_named_image(command, *place.image);
    else
      in_images(command, 0);
  }

 private:
  static Behind behind_of(const Command& command) {
    const bool paths =
        std::any_of(std::begin(kPathMarks), std::end(kPathMarks), [&](std::string_view mark) {
          return command.synopsis.find(mark) != std::string_view::npos;
        });
    return paths ? Behind::SlotAndPath : Behind::Slot;
  }

  /// A word that names an image, a slot, a path; it begins at `at`.
  void in_images(const Command& command, std::size_t at) {
    const std::string typed = word_.substr(at);
    if (typed.empty()) return;
    const Address address = parse_address(typed);
    if (address.image == typed) {
      if (holds_image(typed)) add(word_ + ":");
      return;
    }
    // what is behind the image and its offset
    std::size_t behind = typed.size() - address.path.size();
    while (behind > 0 && address.slot && typed[behind - 1] >= '0' && typed[behind - 1] <= '9')
      --behind;
    if (typed[behind - 1] != ':') return;
    take(find_behind_colon(address, std::string_view(typed).substr(behind), behind_of(command)),
         at + behind);
  }

  void in_named_image(const Command& command, const std::string& image) {
    const bool needs_colon = command.takes_host_files;
    if (needs_colon && !word_.starts_with(':')) return;
    const std::size_t at = word_.starts_with(':') ? 1 : 0;
    completion_.host_files = false;
    take(find_behind_colon(parse_address_in(image, word_), std::string_view(word_).substr(at),
                           behind_of(command)),
         at);
  }

  void take(const std::vector<std::string>& texts, std::size_t front) {
    completion_.front = front;
    completion_.host_files = false;
    for (const std::string& text : texts) add(word_.substr(0, front) + text);
  }

  const std::string& word_;
  Completion completion_;
};

void complete_in(const Command& command, const std::vector<std::string>& words,
                 const std::string& word, Completer& completer) {
  const std::vector<OptionSpec> table = all_options(command);
  const Place place = read_place(command, table, words);
  if (place.in_expression) return;
  if (place.value_of != nullptr) return completer.value(command, *place.value_of, 0);
  if (!place.only_operands && word.starts_with('-')) {
    completer.options(command, table);
    if (command.words_behind != nullptr && place.operands > 0) completer.expression(command);
    return;
  }
  completer.operand(command, place);
}

}  // namespace

std::vector<std::string> listed_values(const OptionSpec& option) {
  if (option.is_switch()) return {};
  std::string_view help = option.help;
  if (help.starts_with("of ") && help.find(": ") != std::string_view::npos)
    help.remove_prefix(help.find(": ") + 2);
  const std::string list(help.substr(0, std::min(help.find(" ("), help.find(':'))));
  std::vector<std::string> values =
      split(replaced(replaced(list, ", or ", ", "), " or ", ", "), ", ");
  constexpr std::string_view kMore = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  // the last may be one of many: +FORMAT of date(1)
  if (!is_word(values.back(), kMore)) values.pop_back();
  const bool all = std::all_of(values.begin(), values.end(),
                               [&](const std::string& value) { return is_word(value, kMore); });
  return all && values.size() > 1 ? values : std::vector<std::string>();
}

std::vector<std::string> listed_verbs(std::string_view synopsis) {
  const std::string first(synopsis.substr(0, synopsis.find(' ')));
  if (!is_word(first, "|")) return {};
  if (first.find('|') != std::string::npos) return split(first, "|");
  std::vector<std::string> verbs;
  for (const std::string& form : split(synopsis, " | "))
    verbs.push_back(form.substr(0, form.find(' ')));
  return verbs;
}

Completion complete(const std::vector<std::string>& words, const std::string& word) {
  Completer completer(word);
  try {
    if (words.empty())
      completer.command_names();
    else if (const Command* command = find_command(words[0]))
      complete_in(*command, words, word, completer);
  } catch (const std::exception&) {  // an image that cannot be read has nothing to offer
  }
  return completer.done();
}

}  // namespace rawimg::cli
