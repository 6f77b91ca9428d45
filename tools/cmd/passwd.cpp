// SPDX-License-Identifier: MIT
#include <rawimg/account_files.h>

#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/input.h"
#include "cmd/all.h"
#include "edit/file_content.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPasswd = "/etc/passwd";
constexpr const char* kShadow = "/etc/shadow";
constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr std::array<std::string_view, 3> kVerbs{"lock", "unlock", "set"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kGuestImageOption,
                                                   kCommonOptions};
void require_words(const Args& args);
constexpr GuestNoun kNoun{kPasswdCommand, kVerbs, "USER", kShadow, nullptr, nullptr, require_words};
constexpr std::size_t kDesSize = 13;

std::string require_file(const Edit& edit, const char* path) {
  auto text = read_guest_file(edit.fs(), path);
  if (!text) throw Error(Errc::NotFound, fmt::format("the image has no {}", path)).with_path(path);
  return *std::move(text);
}

std::string read_hash(Streams& io) {
  std::string hash = read_descriptor(io.in, "standard input", io.stop);
  while (hash.ends_with('\n') || hash.ends_with('\r')) hash.pop_back();
  return hash;
}

void set_hash(Edit& edit, const PasswdFile& passwd, const std::string& user, ShadowFile& shadow) {
  const std::string hash = read_hash(edit.io());
  shadow.set_hash(passwd, user, hash, static_cast<std::uint32_t>(edit.now().seconds / kDay));
  if (hash.size() == kDesSize)
    edit.warnings.push_back(
        {"des-hash", kShadow,
         "13 characters without a '$' are taken for a hash of the old DES kind, "
         "which is weak; a password can look the same"});
}

void require_words(const Args& args) {
  require_operands(read_guest_words(args, kNoun), 1, 1, "one user");
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(edit, args, kNoun);
  require_words(args);
  const std::string& user = words.operands[0];
  const PasswdFile passwd = PasswdFile::parse(require_file(edit, kPasswd));
  const ShadowFile before = ShadowFile::parse(require_file(edit, kShadow));
  ShadowFile shadow = before;
  if (words.verb == "lock")
    shadow.lock(passwd, user);
  else if (words.verb == "unlock")
    shadow.unlock(passwd, user);
  else
    set_hash(edit, passwd, user, shadow);
  if (shadow.to_text() == before.to_text()) return;
  show_difference(edit, kShadow, before.hidden_text(before), shadow.hidden_text(before));
  replace_guest_file(edit, kShadow, shadow.to_text());
}

ExitCode run(const Args& args, Streams& io) {
  // Who types a hash keeps no image locked; a wrong line is refused before anybody types.
  std::vector<std::string> words = args.operands();
  if (!words.empty() && words[0] == "set") {
    const Address address = take_image(args, words, 1);
    require_words(with_operands(args, words));
    std::error_code none;
    if (std::filesystem::exists(address.image, none))
      wait_for_input(io.in, io.stop, "standard input");
  }
  return run_guest(kNoun, args, io);
}

}  // namespace

const Command kPasswdCommand{
    .name = "passwd",
    .synopsis = "lock|unlock|set IMG USER",
    .summary = "lock, unlock or set a user's password in the image",
    .examples =
        "  openssl passwd -6 | rawimg passwd set disk.img root\n  rawimg passwd lock disk.img "
        "games\n",
    .details =
        "set reads a hash, as crypt(3) makes it, from standard input: a password itself never gets "
        "here, and what is no hash is refused.\n"
        "'*' instead of one lets no password in. lock puts a '!' in front of the hash, unlock "
        "takes "
        "it away. --dry-run shows which lines\n"
        "of /etc/shadow change, with <hidden> for a hash and <new hash> for the one that is set. "
        "With --image FILE there is no IMG:\n"
        "rawimg passwd lock --image FILE root; a slot can stand in its place, as :N.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
