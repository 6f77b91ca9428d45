// SPDX-License-Identifier: MIT
#include <rawimg/hostname.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPlain = "/etc/hostname";
constexpr const char* kOpenrc = "/etc/conf.d/hostname";
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kGuestImageOption,
                                                   kCommonOptions};

struct HostName {
  std::string name, path;
};

HostName name_in(const ExtReader& fs) {
  const auto openrc = read_guest_file(fs, kOpenrc);
  if (auto name = openrc ? read_openrc_hostname(*openrc) : std::nullopt) return {*name, kOpenrc};
  const auto plain = read_guest_file(fs, kPlain);
  if (auto name = plain ? read_hostname_file(*plain) : std::nullopt) return {*name, kPlain};
  throw Error(Errc::NotFound, "the image has no host name");
}

Json to_json(const HostName& host) {
  Json json;
  put_bytes(json, "hostname", host.name);
  json["path"] = host.path;
  return json;
}

std::string line_of(const HostName& host) {
  return (is_printable(host.name) ? host.name : escape(host.name)) + "\n";
}

void require_words(const Args& args) {
  args.require_at_most(1);
  if (!args.operands().empty()) require_hostname(args.operands()[0]);
}

void apply(Edit& edit, const Args& args) {
  require_no_image(edit, args.operands());
  require_words(args);
  if (args.operands().empty()) {
    const HostName host = name_in(edit.fs());
    if (edit.wants_json())
      edit.result = to_json(host);
    else
      edit.io().out << line_of(host);
    return;
  }
  const std::string& name = args.operands()[0];
  const auto plain = read_guest_file(edit.fs(), kPlain),
             openrc = read_guest_file(edit.fs(), kOpenrc);
  if (openrc) write_guest_file(edit, kOpenrc, openrc, set_openrc_hostname(*openrc, name));
  if (plain || !openrc)
    write_guest_file(edit, kPlain, plain, set_hostname_file(plain.value_or(""), name));
}

/// Other nouns have verbs, this one has none.
void require_no_verb(const Args& args) {
  constexpr std::array<std::string_view, 4> kOthers{"set", "list", "show", "get"};
  const auto is_other = [&](const std::string& word) {
    return std::find(kOthers.begin(), kOthers.end(), word) != kOthers.end();
  };
  std::vector<std::string> words = args.operands();
  std::error_code ignored;
  const bool first =
      !words.empty() && is_other(words[0]) &&
      (args.has("image") ? words.size() > 1 : !std::filesystem::exists(words[0], ignored));
  const bool second = words.size() > 2 && is_other(words[1]);
  if (!first && !second) return;
  const auto verb = words.begin() + (first ? 0 : 1);
  Error error(Errc::Usage, fmt::format("hostname has no verb {}", quote(*verb)));
  words.erase(verb);
  throw error.with_hint(command_line("hostname", words));
}

ExitCode run(const Args& args, Streams& io) {
  require_no_verb(args);
  std::vector<std::string> words = args.operands();
  const Address address = take_image(args, words, 0);
  const Args behind = with_operands(args, words);
  require_words(behind);
  if (!words.empty())
    return run_edit_on(kHostname, address, args, io, Verbs::One,
                       [&](Edit& edit) { apply(edit, behind); });
  const OpenedFs opened = open_filesystem(address, args, io);
  const HostName host =
      about_image(address.image, opened.start, [&] { return name_in(opened.fs); });
  if (args.has("json"))
    print_result(io, kHostname.name, to_json(host), opened.warnings);
  else
    io.out << line_of(host);
  return ExitCode::Done;
}

}  // namespace

const Command kHostname{
    .name = "hostname",
    .synopsis = "IMG [NAME]",
    .summary = "show or set the image's host name",
    .examples = "  rawimg hostname disk.img\n  rawimg hostname disk.img gem5\n",
    .details =
        "It is in /etc/hostname, and with OpenRC in /etc/conf.d/hostname. /etc/hosts stays as it "
        "is. With --image FILE there is no IMG:\nrawimg hostname --image FILE gem5; a slot can "
        "stand in its place, as :N. --json has \"hostname\" and \"path\", of --dry-run "
        "\"diff\".\n",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
