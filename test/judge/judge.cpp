// SPDX-License-Identifier: MIT
#include "judge/judge.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

namespace rawimg::test {
namespace {

namespace fs = std::filesystem;

// What e2fsck prints about a problem that -n forbids it to repair, and what it and dumpe2fs say
// about worse ones.
constexpr std::array kBadWords{"? no",    "Corrupt",  "corrupt", "look bad", "WARNING",
                               "IGNORED", "Relocate", "Clear?",  "Fix?",     "differences:"};

void check_words(const Outcome& outcome, const std::string& program,
                 std::vector<std::string>& found) {
  if (!outcome.ok()) found.push_back(program + " ends with " + outcome.text());
  for (const char* word : kBadWords) {
    if ((outcome.out + outcome.err).find(word) != std::string::npos)
      found.push_back(program + " says '" + word + "': " + outcome.text());
  }
}

}  // namespace

std::string at_offset(const fs::path& image, std::uint64_t offset) {
  return image.string() + "?offset=" + std::to_string(offset);
}

std::map<std::string, std::string> superblock_fields(const fs::path& image, std::uint64_t offset) {
  const Outcome outcome = run({"dumpe2fs", "-h", at_offset(image, offset)});
  std::map<std::string, std::string> fields;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    const auto value =
        colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos)
      fields[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  return fields;
}

std::vector<std::string> complaints(const fs::path& image, std::uint64_t offset,
                                    std::uint64_t window_bytes) {
  std::vector<std::string> found;
  check_words(run({"e2fsck", "-fn", at_offset(image, offset)}), "e2fsck", found);
  auto fields = superblock_fields(image, offset);
  if (fields["Block count"].empty()) {
    found.push_back("dumpe2fs finds no superblock");
    return found;
  }
  const auto bytes = std::stoull(fields["Block count"]) * std::stoull(fields["Block size"]);
  if (bytes > window_bytes)
    found.push_back("the filesystem has " + std::to_string(bytes) + " bytes, its window " +
                    std::to_string(window_bytes));
  if (fields["Filesystem state"] != "clean")
    found.push_back("state is '" + fields["Filesystem state"] + "'");
  if (fs::file_size(image) < offset + bytes)
    found.push_back("the image ends before the filesystem does");
  return found;
}

std::map<int, Extent> sfdisk_partitions(const fs::path& image) {
  const Outcome outcome = run({"sfdisk", "--json", image.string()});
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  std::map<int, Extent> partitions;
  const auto table = nlohmann::json::parse(outcome.out).at("partitiontable");
  for (const auto& partition : table.value("partitions", nlohmann::json::array())) {
    const std::string node = partition.at("node");
    const std::size_t number = node.find_last_not_of("0123456789") + 1;
    partitions[std::stoi(node.substr(number))] = {partition.at("start").get<std::uint64_t>() * 512,
                                                  partition.at("size").get<std::uint64_t>() * 512};
  }
  return partitions;
}

void require_clean(const fs::path& image, int slot) {
  Extent extent{0, fs::file_size(image)};
  if (slot != 0) {
    const auto partitions = sfdisk_partitions(image);
    REQUIRE(partitions.count(slot) == 1);
    extent = partitions.at(slot);
    REQUIRE(extent.start + extent.size <= fs::file_size(image));
    const Outcome verify = run({"sfdisk", "-V", image.string()});
    INFO(verify.text());
    REQUIRE(verify.ok());
  }
  CHECK(complaints(image, extent.start, extent.size) == std::vector<std::string>{});
}

std::string debugfs(const fs::path& image, std::uint64_t offset, const std::string& request) {
  return run({"debugfs", "-R", request, at_offset(image, offset)}).out;
}

Command rawimg_command(std::vector<std::string> words) {
  Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), RAWIMG_TOOL);
  command.environment = {"SOURCE_DATE_EPOCH=1700000000"};
  return command;
}

Outcome run_rawimg(std::vector<std::string> words) { return run(rawimg_command(std::move(words))); }

void require_build(const fs::path& image, const fs::path& tarball,
                   const std::vector<std::string>& words) {
  std::vector<std::string> all{"build",          image.string(), "--from",
                               tarball.string(), "--no-sync",    "-q"};
  all.insert(all.end(), words.begin(), words.end());
  const Outcome outcome = run_rawimg(all);
  INFO(outcome.text());
  REQUIRE(outcome.ok());
}

bool same_bytes(const fs::path& a, const fs::path& b) {
  if (fs::file_size(a) != fs::file_size(b)) return false;
  std::ifstream left(a, std::ios::binary), right(b, std::ios::binary);
  left.exceptions(std::ios::badbit);
  right.exceptions(std::ios::badbit);
  if (!left || !right)
    throw std::runtime_error("cannot open '" + a.string() + "' or '" + b.string() + "'");
  std::string one(1 << 20, '\0'), two(1 << 20, '\0');
  while (left && right) {
    left.read(one.data(), static_cast<std::streamsize>(one.size()));
    right.read(two.data(), static_cast<std::streamsize>(two.size()));
    if (left.gcount() != right.gcount() ||
        std::memcmp(one.data(), two.data(), static_cast<std::size_t>(left.gcount())) != 0)
      return false;
  }
  return true;
}

std::uint64_t allocated_bytes(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0)
    throw std::runtime_error("cannot stat '" + file.string() + "'");
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::string snapshot(const fs::path& directory) {
  const Outcome outcome = run({RAWIMG_TREE_LISTING, directory.string()});
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  static const std::regex kDirectoryTime("^(\\S+ d \\S+ \\S+) \\S+");
  std::string text;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);)
    text += std::regex_replace(line, kDirectoryTime, "$1") + "\n";
  return text;
}

}  // namespace rawimg::test
