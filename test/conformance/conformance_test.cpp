// SPDX-License-Identifier: MIT
// Runs every row, writes its letter's section, and compares it with the one that is checked in.
// RAWIMG_WRITE_CONFORMANCE=1 in the environment writes the file in place of comparing.
#include <cstdlib>
#include <sstream>

#include <catch2/catch.hpp>

#include "conformance/conformance.h"
#include "support/not_run.h"

using namespace rawimg::conformance;
using namespace rawimg::test;

namespace {

const fs::path kFile = RAWIMG_CONFORMANCE_FILE;

std::string section_of(const std::string& title, const Rows& rows) {
  std::string table = "## " + title + "\n\n| id | behaviour |", notes;
  for (const Tool tool : kTools) table += " " + name_of(tool) + " |";
  table += "\n| --- | --- |";
  for ([[maybe_unused]] const Tool tool : kTools) table += " --- |";
  table += "\n";
  for (const Row& row : rows) {
    table += "| " + row.id + " | " + row.behaviour + " |";
    if (!row.note.empty()) notes += "- " + row.id + ": " + row.note + "\n";
    for (const Tool tool : kTools) {
      Bench bench;
      const Verdict verdict = row.attempt(bench, tool);
      table += " " + verdict.word + " |";
      if (!verdict.why.empty())
        notes += "- " + row.id + " " + name_of(tool) + ": " + verdict.why + "\n";
    }
    table += "\n";
  }
  return table + (notes.empty() ? "" : "\n" + notes);
}

/// From its heading to the next one.
std::string section_in(const std::string& text, const std::string& title) {
  const std::size_t begin = text.find("## " + title + "\n");
  if (begin == std::string::npos) return {};
  const std::size_t end = text.find("\n## ", begin);
  return text.substr(begin, end == std::string::npos ? end : end + 1 - begin);
}

void require_ids(const Rows& rows, char letter, int count) {
  for (int i = 1; i <= count; ++i) {
    char id[16];
    std::snprintf(id, sizeof id, "%c%02d", letter, i);
    CAPTURE(id);
    CHECK(std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.id == id; }) ==
          1);
  }
}

void require_section(const std::string& title, const Rows& rows, char letter, int count) {
  require_root("owners and devices of the trees that peers are given");
  for (const char* program : {"genext2fs", "e2cp", "mke2fs", "debugfs"})
    (void)find_program(program);
  require_ids(rows, letter, count);
  const std::string made = section_of(title, rows), text = read_file(kFile);
  std::string there = section_in(text, title);
  while (there.ends_with("\n\n")) there.pop_back();
  if (std::getenv("RAWIMG_WRITE_CONFORMANCE") != nullptr) {
    std::string rest = text;
    if (there.empty())
      rest += "\n" + made;
    else
      rest.replace(rest.find(there), there.size(), made);
    write_file(kFile, rest);
    return;
  }
  std::istringstream left(there), right(made);
  std::string expected, found, difference;
  while (std::getline(left, expected) && std::getline(right, found))
    if (expected != found) difference += "- " + expected + "\n+ " + found + "\n";
  INFO("RAWIMG_WRITE_CONFORMANCE=1 writes test/CONFORMANCE.md anew, to be looked at");
  CHECK(difference == "");
  CHECK(made.size() == there.size());
}

}  // namespace

TEST_CASE("CONFORMANCE.md says what each tool makes of tarballs", "[judge][conformance]") {
  require_section("A. From a tarball to a filesystem", tar_rows(), 'A', 50);
}
TEST_CASE("CONFORMANCE.md says how each tool reads filesystems", "[judge][conformance]") {
  require_section("D. Reading a filesystem", read_rows(), 'D', 14);
}
TEST_CASE("CONFORMANCE.md says how each tool changes filesystems", "[judge][conformance]") {
  require_section("E. Changing a filesystem", edit_rows(), 'E', 21);
}
TEST_CASE("CONFORMANCE.md says how each tool deals with disks", "[judge][conformance]") {
  require_section("G. Partition tables and disks", disk_rows(), 'G', 15);
}
