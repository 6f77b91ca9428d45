// SPDX-License-Identifier: MIT
// Random cp command lines: what GNU cp makes of the same trees on the host is the measure, for
// copies into an image, out of it and within it.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned count) { return static_cast<unsigned>(engine_() % count); }
  bool chance(unsigned percent) { return below(100) < percent; }
  const std::string& of(const Words& words) {
    return words[below(static_cast<unsigned>(words.size()))];
  }

 private:
  std::mt19937 engine_;  // the same numbers everywhere, unlike the distributions
};

/// Files, hard links between them, symlinks that stay inside, FIFOs and directories.
void make_tree(Random& random, const fs::path& root, unsigned depth, std::vector<fs::path>& files) {
  fs::create_directories(root);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    if (random.chance(40)) continue;
    const fs::path path = root / name;
    const unsigned kind = random.below(100);
    if (kind < 20 && !files.empty()) {
      fs::create_hard_link(files[random.below(static_cast<unsigned>(files.size()))], path);
    } else if (kind < 45) {
      write_file(path, std::to_string(random.below(1'000'000)));
      const mode_t modes[] = {0644, 0755, 0600, 0666};
      REQUIRE(chmod(path.c_str(), modes[random.below(4)]) == 0);
      files.push_back(path);
    } else if (kind < 65) {
      fs::create_symlink(random.of({"a", "b", "c", "d", "nowhere", "d/a"}), path);
    } else if (kind < 72) {
      REQUIRE(mkfifo(path.c_str(), 0644) == 0);
    } else if (depth < 2) {
      make_tree(random, path, depth + 1, files);
    }
  }
}

/// A line for each name: kind, mode, content or target, and the first name of the same file.
std::string listing(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::map<ino_t, std::string> first;
  std::string text;
  for (const fs::path& path : paths) {
    struct stat status {};
    REQUIRE(lstat(path.c_str(), &status) == 0);
    const std::string name = path.lexically_relative(root);
    text += fmt::format("{} {:o}", name, S_ISLNK(status.st_mode) ? S_IFLNK : status.st_mode);
    if (S_ISLNK(status.st_mode)) text += " -> " + fs::read_symlink(path).string();
    if (S_ISREG(status.st_mode)) text += " " + read_file(path);
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1)
      text += " = " + first.emplace(status.st_ino, name).first->second;
    text += '\n';
  }
  return text;
}

enum class Way { In, Out, Within };

struct CommandLine {
  Way way = Way::In;
  Words options, sources;
  std::string target;
};

CommandLine random_line(Random& random) {
  CommandLine line;
  for (const char* option : {"-r", "-a"})
    if (random.chance(50)) line.options.push_back(option);
  for (const char* option :
       {"-d", "-n", "--remove-destination", "-T", "-P", "-L", "-H", "-f", "-p"})
    if (random.chance(12)) line.options.push_back(option);
  const auto& options = line.options;
  const bool one = std::find(options.begin(), options.end(), "-T") != options.end();
  for (unsigned n = one ? 1 : 1 + random.below(3); n > 0; --n)
    line.sources.push_back(
        random.of({"s1", "s2", "s3", "s1/.", "s2/.", "s1/a", "s1/b", "s1/c", "s1/d", "s2/a", "s2/b",
                   "s3/a", "s3/d", "s2/d/a", "D/a", "D/b", "D/d"}));
  line.target =
      random.of({"D", "D", "D/", "D/a", "D/d", "D/d/", "D/new", "D/b", "D/new/", "D/e/.", "D/s1"});
  line.way = static_cast<Way>(random.below(3));
  const bool from_target = std::any_of(line.sources.begin(), line.sources.end(),
                                       [](const std::string& word) { return word[0] == 'D'; });
  if (from_target) line.way = Way::Within;
  return line;
}

/// Runs the lines, one behind the other, on an image and on directories of the host.
class Twins {
 public:
  explicit Twins(unsigned seed) : random_(seed) {
    std::vector<fs::path> files;
    for (const char* tree : {"s1", "s2", "s3", "D"})
      make_tree(random_, dir_ / "made" / tree, 0, files);
    put(dir_ / "made");
  }

  /// Returns what differs; empty: nothing.
  std::string step() {
    const CommandLine line = random_line(random_);
    const fs::path theirs = dir_ / "theirs", ours = dir_ / "ours";
    for (const fs::path& world : {theirs, ours}) take_to(world);
    Command command;
    command.argv = {"cp"};
    for (const Words& words : {line.options, line.sources, Words{line.target}})
      command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.directory = theirs;
    command.timeout = std::chrono::seconds(2);
    const Outcome gnu = run(command);
    if (gnu.timed_out) return "";  // it reads a FIFO
    Words words{"cp"};
    words.insert(words.end(), line.options.begin(), line.options.end());
    for (const std::string& source : line.sources)
      words.push_back(line.way == Way::In ? (ours / source).string() : ":/" + source);
    words.push_back(line.way == Way::Out ? (ours / line.target).string() : ":/" + line.target);
    const CliResult result = disk_.run_verb(words);
    const std::string all = fmt::format("cp {}: {}\n{}: {}\n", fmt::join(command.argv, " "),
                                        gnu.err, fmt::join(words, " "), result.err);
    if (gnu.ok() != (result.code == 0)) return is_decided(gnu.err + result.err) ? undone() : all;
    if (!gnu.ok()) return "";
    if (line.way != Way::Out) take_to(ours);
    const std::string want = listing(theirs), got = listing(ours);
    return want == got ? "" : all + "GNU cp:\n" + want + "ours:\n" + got;
  }

 private:
  /// Differences that are meant: GNU keeps "dir/." from becoming a hard link of its parent, and
  /// -n asks nothing of a directory.
  static bool is_decided(const std::string& messages) {
    return messages.find("will not create hard link") != std::string::npos ||
           messages.find("are the same file") != std::string::npos;
  }
  std::string undone() {
    put(dir_ / "theirs");
    return "";
  }
  void put(const fs::path& world) {
    (void)disk_.run_verb({"rm", "-rf", ":/s1", ":/s2", ":/s3", ":/D"});
    disk_.require_verb({"cp", "-rT", "-a", world.string(), ":/"});
  }
  void take_to(const fs::path& world) {
    fs::remove_all(world);
    fs::create_directory(world);
    disk_.require_verb({"cp", "-a", ":/s1", ":/s2", ":/s3", ":/D", world.string()});
  }

  Random random_;
  const Disk disk_;
  const TempDir dir_;
};

}  // namespace

TEST_CASE("random command lines of cp do what GNU cp does", "[cli][edit][judge]") {
  const unsigned seed = GENERATE(range(1U, 11U));
  CAPTURE(seed);
  Twins twins(seed);
  for (int step = 0; step < 10; ++step) {
    CAPTURE(step);
    CHECK(twins.step() == "");
  }
}
