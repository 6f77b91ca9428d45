// SPDX-License-Identifier: MIT
// What image tools are expected to do, tried on rawimg and, side by side, on the tools that Debian
// packages for parts of the same job. Each behaviour is a row of CONFORMANCE.md; each tool's try is
// judged by e2fsck and debugfs, or by what is in the files of the host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

namespace rawimg::conformance {

namespace fs = std::filesystem;

enum class Tool { Rawimg, Debugfs, E2tools, Genext2fs, Mke2fs };
inline constexpr Tool kTools[] = {Tool::Rawimg, Tool::Debugfs, Tool::E2tools, Tool::Genext2fs,
                                  Tool::Mke2fs};
std::string name_of(Tool tool);

/// What came of one tool's try.
struct Verdict {
  std::string word;      ///< "yes", "refused", "no", "not yet" or "-"
  std::string why = {};  ///< of "no", and of "refused" where it says something
};
inline Verdict yes() { return {"yes"}; }
inline Verdict no(const std::string& why) { return {"no", why}; }
inline Verdict refused(const std::string& why = "") { return {"refused", why}; }
inline Verdict not_offered() { return {"-"}; }
/// Empty: it holds.
inline Verdict holds(const std::string& why_not) { return why_not.empty() ? yes() : no(why_not); }

/// A directory of the try's own, and the filesystem in it: a whole file.
struct Bench {
  test::TempDir dir;
  fs::path image = dir / "fs.img";

  fs::path path(const std::string& name) const { return dir / name; }
  fs::path write(const std::string& name, const std::string& bytes) const;
};

struct Row {
  std::string id, behaviour;
  std::function<Verdict(Bench&, Tool)> attempt;
  std::string note = {};  ///< a decision, a limit
};
using Rows = std::vector<Row>;

Rows tar_rows();   ///< A
Rows read_rows();  ///< D
Rows edit_rows();  ///< E
Rows disk_rows();  ///< G

// Running and judging

using Words = std::vector<std::string>;
test::Outcome rawimg(Words words, const std::string& input = "");
test::Outcome debugfs_write(const fs::path& image, const Words& requests);
/// Nothing when it ended by itself; else how.
std::string violent_end(const test::Outcome& outcome);
/// "refused" when it ended with another code than 0, "no" when it crashed or hung, else what
/// `check` says: empty is "yes".
Verdict judge_success(const test::Outcome& outcome, const std::function<std::string()>& check);
/// "yes" when it ended with another code than 0 or said so.
Verdict judge_refusal(const test::Outcome& outcome);
/// Empty when e2fsck finds nothing.
std::string damage(const fs::path& image);

/// A filesystem as debugfs sees it.
class Found {
 public:
  explicit Found(fs::path image) : image_(std::move(image)) {}
  std::string cat(const std::string& path) const;
  bool exists(const std::string& path) const { return !field(path, "Inode").empty(); }
  /// What follows a word of debugfs's `stat`, up to the next blank: "Mode", "User", "Links", ...
  std::string field(const std::string& path, const std::string& word) const;
  std::string stat(const std::string& path) const;
  std::string xattr(const std::string& path, const std::string& name) const;
  std::string header(const std::string& name) const;  ///< of dumpe2fs -h
  std::vector<std::string> names(const std::string& directory) const;

 private:
  fs::path image_;
};

/// A new filesystem by mke2fs, of this many MiB.
void make_filesystem(const fs::path& image, const Words& options = {}, int mib = 16);
/// Changes it through debugfs -w, without asking whether that went well.
void prepare(const fs::path& image, const Words& requests);
/// Bytes without a zero among them.
std::string noise(std::size_t size);

}  // namespace rawimg::conformance
