// SPDX-License-Identifier: MIT
// The manual, from what --help shows: rawimg(1), a page of section 1 a command, a page of section 7
// a topic.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "help/topics.h"

namespace rawimg::cli {

std::string overview_page();
std::string command_page(const Command& command);
std::string topic_page(const Topic& topic);

}  // namespace rawimg::cli
