// SPDX-License-Identifier: MIT
#include "judge/kernel_judge.h"

#include <algorithm>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "boot/guest.h"

namespace rawimg::test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

constexpr std::size_t kShownWidth = 300, kShownLines = 20;

}  // namespace

std::vector<std::string> kernel_listings(const std::vector<Mountable>& filesystems) {
  GuestJob job;
  job.files = {{"usr/bin/tree_listing", RAWIMG_TREE_LISTING}};
  for (std::size_t i = 0; i < filesystems.size(); ++i) {
    job.disks.push_back({filesystems[i].image});
    const std::string device =
        std::string("/dev/vd") + static_cast<char>('a' + i) +
        (filesystems[i].slot == 0 ? "" : std::to_string(filesystems[i].slot));
    job.script += "mount -t " + filesystems[i].type + " -o ro " + device +
                  " /mnt && /usr/bin/tree_listing /mnt >/out/" + std::to_string(i) +
                  " && umount /mnt || exit 1\n";
  }
  // Anything that the kernel has to say about a filesystem is a finding.
  job.script +=
      "dmesg | grep -E 'EXT[234]-fs.*(error|warning)|JBD2.*(error|recover)' && exit 1; exit 0\n";
  const GuestResult result = run_in_guest(job);
  if (!result.ended) throw std::runtime_error("the kernel judge: " + result.console);
  std::vector<std::string> listings;
  for (std::size_t i = 0; i < filesystems.size(); ++i)
    listings.push_back(result.files.at(std::to_string(i)));
  return listings;
}

std::string without_lost_and_found(const std::string& listing) {
  std::string rest;
  bool found = false;
  for (const std::string& line : lines_of(listing)) {
    if (line.rfind("./lost+found d 0700 0:0 ", 0) == 0) {
      found = true;
    } else if (line.rfind("# ", 0) == 0) {
      rest += "# " + std::to_string(std::stoul(line.substr(2)) - 1) + " names\n";
    } else {
      rest += line + "\n";
    }
  }
  if (!found) throw std::runtime_error("no lost+found with mode 0700 and owner 0:0 in the listing");
  return rest;
}

std::string without_fractions(const std::string& listing) {
  // path, type, mode, owner, seconds: only the fraction of the fifth word.
  static const std::regex kTime("^(\\S+ \\S+ \\S+ \\S+ -?[0-9]+)\\.[0-9]{9}", std::regex::optimize);
  std::string text;
  for (const std::string& line : lines_of(listing))
    text += std::regex_replace(line, kTime, "$1.000000000") + "\n";
  return text;
}

std::string difference(const std::string& expected, const std::string& found) {
  if (expected == found) return {};
  const auto left = lines_of(expected), right = lines_of(found);
  std::vector<std::string> missing, extra;
  // Both are sorted by path, not by line, so they are sorted again to be compared as sets.
  auto sorted_left = left, sorted_right = right;
  std::sort(sorted_left.begin(), sorted_left.end());
  std::sort(sorted_right.begin(), sorted_right.end());
  std::set_difference(sorted_left.begin(), sorted_left.end(), sorted_right.begin(),
                      sorted_right.end(), std::back_inserter(missing));
  std::set_difference(sorted_right.begin(), sorted_right.end(), sorted_left.begin(),
                      sorted_left.end(), std::back_inserter(extra));
  std::string text = std::to_string(missing.size()) + " lines expected and not found, " +
                     std::to_string(extra.size()) + " found and not expected\n";
  for (std::size_t i = 0; i < kShownLines; ++i) {
    if (i < missing.size()) text += "- " + missing[i].substr(0, kShownWidth) + "\n";
    if (i < extra.size()) text += "+ " + extra[i].substr(0, kShownWidth) + "\n";
  }
  return text;
}

}  // namespace rawimg::test
