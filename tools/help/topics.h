// SPDX-License-Identifier: MIT
// What `rawimg help` knows beside the commands. The texts are also the pages of section 7, so they
// keep to a few forms, which text_blocks.h tells.
#pragma once

#include <span>
#include <string_view>

namespace rawimg::cli {

struct Topic {
  std::string_view name, summary, text;
};

/// All topics, in the order of help.
std::span<const Topic> topics();
/// Null: no such topic.
const Topic* find_topic(std::string_view name);

extern const Topic kFromTopic, kJsonTopic;  // the long ones, each in a file of its own

}  // namespace rawimg::cli
