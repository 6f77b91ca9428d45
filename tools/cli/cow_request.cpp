// SPDX-License-Identifier: MIT
#include "cli/cow_request.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/command.h"

namespace rawimg::cli {
namespace {

constexpr std::array<std::string_view, 4> kVerbs{"info", "ls", "apply", "diff"};
std::size_t images_of(std::string_view verb) { return verb == "info" ? 0 : verb == "diff" ? 2 : 1; }

void require_options(const Args& args, std::string_view verb) {
  for (const OptionSpec& option : kWriteOptions) {
    const bool writes = verb == "diff" || (verb == "apply" && option.name != "force");
    if (args.has(option.name) && !writes)
      throw Error(Errc::Usage, fmt::format("cow {} takes no --{}", verb, option.name));
  }
}

}  // namespace

CowRequest read_cow_request(const Args& args) {
  std::vector<std::string> words = args.operands();
  // with a file alone, a noun lists
  if (words.size() == 1 && std::find(kVerbs.begin(), kVerbs.end(), words[0]) == kVerbs.end() &&
      std::filesystem::exists(words[0]))
    words.insert(words.begin(), "info");
  const std::string verb = words.empty() ? "" : words[0];
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) {
    const auto guess = nearest(verb, kVerbs);
    throw Error(Errc::Usage, verb.empty()
                                 ? "what to do is missing: info, ls, apply or diff"
                                 : fmt::format("unknown verb {}{}", quote(verb),
                                               guess ? fmt::format("; did you mean '{}'?", *guess)
                                                     : ": info, ls, apply or diff"));
  }
  if (words.size() < 2) throw Error(Errc::Usage, "COWFILE is missing");
  const std::size_t wanted = images_of(verb), given = words.size() - 2;
  if (given < wanted)
    throw Error(Errc::Usage, verb == "diff" ? "cow diff wants COWFILE, the one to make, BASE and "
                                              "CHANGED, the images to compare"
                                            : "IMG, the image of the layer, is missing");
  if (given > wanted)
    throw Error(Errc::Usage, fmt::format("{} is one word too many", quote(words[2 + wanted])));
  require_options(args, verb);
  return {verb, words[1], {words.begin() + 2, words.end()}};
}

}  // namespace rawimg::cli
