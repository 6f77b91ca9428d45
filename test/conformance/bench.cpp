// SPDX-License-Identifier: MIT
#include <sstream>
#include <stdexcept>

#include "conformance/conformance.h"

namespace rawimg::conformance {

std::string name_of(Tool tool) {
  switch (tool) {
    case Tool::Rawimg:
      return "rawimg";
    case Tool::Debugfs:
      return "debugfs";
    case Tool::E2tools:
      return "e2tools";
    case Tool::Genext2fs:
      return "genext2fs";
    case Tool::Mke2fs:
      break;
  }
  return "mke2fs -d";
}

fs::path Bench::write(const std::string& name, const std::string& bytes) const {
  test::write_file(path(name), bytes);
  return path(name);
}

test::Outcome rawimg(Words words, const std::string& input) {
  test::Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), RAWIMG_TOOL);
  command.environment = {"SOURCE_DATE_EPOCH=1700000000"};
  command.input = input;
  return test::run(std::move(command));
}

test::Outcome debugfs_write(const fs::path& image, const Words& requests) {
  std::string script;
  for (const std::string& request : requests) script += request + "\n";
  test::Command command;
  command.argv = {"debugfs", "-w", "-f", "/dev/stdin", image.string()};
  command.input = script;
  command.timeout = std::chrono::seconds(30);
  return test::run(std::move(command));
}

std::string violent_end(const test::Outcome& outcome) {
  if (outcome.timed_out) return "hangs";
  return outcome.signal != 0 ? "crashes" : "";
}

Verdict judge_success(const test::Outcome& outcome, const std::function<std::string()>& check) {
  if (const std::string end = violent_end(outcome); !end.empty()) return no(end);
  return outcome.ok() ? holds(check()) : refused();
}

Verdict judge_refusal(const test::Outcome& outcome) {
  if (const std::string end = violent_end(outcome); !end.empty()) return no(end);
  return outcome.ok() ? no("exits with 0") : yes();
}

std::string damage(const fs::path& image) {
  const test::Outcome outcome = test::run({"e2fsck", "-fn", image.string()});
  const bool quiet = (outcome.out + outcome.err).find("? no") == std::string::npos;
  return outcome.ok() && quiet ? "" : "e2fsck finds damage";
}

std::string Found::stat(const std::string& path) const {
  return test::run({"debugfs", "-R", "stat \"" + path + "\"", image_.string()}).out;
}

std::string Found::field(const std::string& path, const std::string& word) const {
  const std::string text = stat(path);
  std::size_t at = text.find(word + ":");
  if (at == std::string::npos) return {};
  at = text.find_first_not_of(' ', at + word.size() + 1);
  return text.substr(at, text.find_first_of(" \n", at) - at);
}

std::string Found::cat(const std::string& path) const {
  return test::run({"debugfs", "-R", "cat \"" + path + "\"", image_.string()}).out;
}

std::string Found::xattr(const std::string& path, const std::string& name) const {
  const fs::path raw = image_.string() + ".value";
  const test::Outcome outcome =
      test::run({"debugfs", "-R", "ea_get -f " + raw.string() + " \"" + path + "\" " + name,
                 image_.string()});
  return outcome.err.find("ea_get:") == std::string::npos ? test::read_file(raw) : "(none)";
}

std::string Found::header(const std::string& name) const {
  const test::Outcome outcome = test::run({"dumpe2fs", "-h", image_.string()});
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(name + ":", 0) == 0) {
      const std::size_t at = line.find_first_not_of(" \t", name.size() + 1);
      return at == std::string::npos ? "" : line.substr(at);
    }
  return {};
}

std::vector<std::string> Found::names(const std::string& directory) const {
  std::istringstream lines(
      test::run({"debugfs", "-R", "ls -p \"" + directory + "\"", image_.string()}).out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("/0/", 0) == 0) continue;
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 6; ++i) std::getline(fields, field, '/');
    if (!field.empty() && field != "." && field != "..") names.push_back(field);
  }
  return names;
}

void make_filesystem(const fs::path& image, const Words& options, int mib) {
  Words words{"mke2fs", "-q", "-F"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {image.string(), std::to_string(mib) + "M"});
  const test::Outcome outcome = test::run(words);
  if (!outcome.ok()) throw std::runtime_error(outcome.text());
}

void prepare(const fs::path& image, const Words& requests) { (void)debugfs_write(image, requests); }

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(1 + (state >> 24) % 255);
  }
  return bytes;
}

}  // namespace rawimg::conformance
