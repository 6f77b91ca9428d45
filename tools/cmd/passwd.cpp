// SPDX-License-Identifier: MIT
#include <rawimg/account_files.h>

#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cmd/all.h"
#include "edit/file_content.h"
#include "edit/guest_file.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPasswd = "/etc/passwd";
constexpr const char* kShadow = "/etc/shadow";
constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr std::array<std::string_view, 3> kVerbs{"lock", "unlock", "set"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

std::string require_file(const Edit& edit, const char* path) {
  auto text = read_guest_file(edit, path);
  if (!text) throw Error(Errc::NotFound, fmt::format("the image has no {}", path)).with_path(path);
  return *std::move(text);
}

std::string read_hash(Streams& io) {
  std::string hash = read_descriptor(io.in, "standard input");
  while (hash.ends_with('\n') || hash.ends_with('\r')) hash.pop_back();
  return hash;
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(args, kVerbs, edit.in_batch());
  require_operands(words, 1, 1, "one user");
  const std::string& user = words.operands[0];
  const PasswdFile passwd = PasswdFile::parse(require_file(edit, kPasswd));
  const std::string before = require_file(edit, kShadow);
  ShadowFile shadow = ShadowFile::parse(before);
  if (words.verb == "lock")
    shadow.lock(passwd, user);
  else if (words.verb == "unlock")
    shadow.unlock(passwd, user);
  else
    shadow.set_hash(passwd, user, read_hash(edit.io()),
                    static_cast<std::uint32_t>(edit.now().seconds / kDay));
  write_guest_file(edit, kShadow, before, shadow.to_text());
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
        "here.\n",
    .options = kTables,
    .run =
        [](const Args& args, Streams& io) {
          return run_guest(kPasswdCommand, args, io, kVerbs, kShadow, nullptr);
        },
    .apply = apply,
};

}  // namespace rawimg::cli
