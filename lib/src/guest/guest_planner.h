// SPDX-License-Identifier: MIT
// What decides about a guest's files has in common: looking, and collecting steps so that the same
// request again collects none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/gem5.h>
#include <rawimg/guest_files.h>

namespace rawimg {

/// A text file, through symlinks; nothing where there is none. Throws: Exists (no regular file).
std::optional<std::string> read_text(const GuestFiles& files, std::string_view path);
/// Throws: NotFound, Unsupported (its content is not known).
std::string require_text(const GuestFiles& files, std::string_view path);
/// Throws what `action` throws; a BadInput is one of this text file, which it then names.
template <class Action>
void about_text(const char* path, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.code() != Errc::BadInput) throw;
    throw error.in(path).with_path(path);
  }
}
/// The target of the symlink at a path; nothing where none is.
std::optional<std::string> link_at(const GuestFiles& files, std::string_view path);
/// The last component of what a path leads to, whether it is there or not: "busybox" of /sbin/init.
std::string last_name(const GuestFiles& files, std::string_view path);
/// A terminal's name without /dev/. Throws: Usage (empty, blanks, `..`, 32 bytes or more).
std::string require_terminal(std::string tty);

inline constexpr std::string_view kAsideSuffix = ".before-gem5";

/// Collects steps. What is made is noted, so that it can be listed in the guest and taken back:
/// what was there before under the same name goes aside, and comes back.
class GuestSteps {
 public:
  /// With `force`, what is no regular file goes aside, too.
  GuestSteps(const GuestFiles& files, bool force) : files_(files), force_(force) {}

  enum class InTheWay { Refuse, GoesAside };  ///< what is no regular file, without force

  /// Something that an earlier preparation has made: it is replaced, and nothing goes aside.
  void note_made(Gem5Made made);
  bool has_made(std::string_view path) const;
  const std::vector<Gem5Made>& made() const { return made_; }

  void edit(const std::string& path, const std::string& before, const std::string& after);
  /// Throws: Exists (a directory, a symlink, ...: --force puts it aside; something is aside
  /// already).
  void make_file(const std::string& path, const std::string& content, std::uint16_t permissions,
                 bool is_text, InTheWay in_the_way = InTheWay::Refuse);
  void make_symlink(const std::string& path, const std::string& target,
                    InTheWay in_the_way = InTheWay::Refuse);
  /// Makes it where it is missing. Throws: Exists (something else is there, or a symlink that leads
  /// to none).
  void need_directory(const std::string& path);
  /// make_file of what says itself that it was made, and is not noted.
  void make_own(const std::string& path, const std::string& content, std::uint16_t permissions,
                bool is_own);
  /// What was made goes, and what is aside comes back. Returns false where it is no more what was
  /// made: then it stays. Without a fingerprint it goes, whatever it is.
  bool take_back(const Gem5Made& made);

  std::vector<GuestChange> take() { return std::move(changes_); }

 private:
  std::string fingerprint_of(const GuestFile& there) const;
  void clear(const std::string& path, const GuestFile& there, InTheWay in_the_way);

  const GuestFiles& files_;
  bool force_;
  std::vector<Gem5Made> made_;
  std::vector<GuestChange> changes_;
};

}  // namespace rawimg
