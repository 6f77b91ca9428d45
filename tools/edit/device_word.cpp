// SPDX-License-Identifier: MIT
#include "edit/device_word.h"

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

[[noreturn]] void refuse_auto(const std::string& word) {
  std::string upper = word.substr(0, word.find('='));
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const bool known = upper == "PARTUUID" || upper == "UUID" || upper == "LABEL";
  throw Error(Errc::Usage,
              known ? fmt::format("device {}; did you mean '{}=auto'?", quote(word), upper)
                    : fmt::format("device {}: 'auto' stands for something in PARTUUID=auto, "
                                  "UUID=auto and LABEL=auto",
                                  quote(word)));
}

}  // namespace

std::string device_of(const Edit& edit, const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || word.substr(equals) != "=auto") return word;
  const std::string tag = word.substr(0, equals);
  const ExtSummary& summary = edit.fs().info().summary;
  if (tag == "UUID") return "UUID=" + to_text(summary.uuid);
  if (tag == "PARTUUID" && edit.partuuid.empty())
    throw Error(Errc::Usage, "PARTUUID=auto: the image has no partition table")
        .with_hint("UUID=auto names the filesystem");
  if (tag == "PARTUUID") return edit.partuuid;
  if (tag == "LABEL" && summary.label.empty())
    throw Error(Errc::Usage, "LABEL=auto: the filesystem has no label")
        .with_hint("UUID=auto names it, too");
  if (tag == "LABEL") return "LABEL=" + summary.label;
  if (tag.find('/') != std::string::npos) return word;  // a name, no tag
  refuse_auto(word);
}

}  // namespace rawimg::cli
