// SPDX-License-Identifier: MIT
// What the command line of 'build' asks for; 'plan' takes the same, and 'init' but for the sources.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <rawimg/build.h>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/requests.h"
#include "cli/streams.h"

namespace rawimg::cli {

inline constexpr OptionSpec kFromOption[] = {
    {"from", "SOURCE",
     "a tarball, in any common dialect and compression, a directory, or - for a tarball on "
     "standard input; repeatable, later ones win"}};

struct BuildRequest {
  std::filesystem::path image;  ///< empty where none is named
  ImageSpec spec;
  std::vector<SourceRequest> sources;
  BuildOptions how;
};

/// Throws: Usage (also for a source that is the image).
BuildRequest read_build_request(std::string_view command, const Args& args, const Streams& io);
/// Throws: Usage, where there is no --from.
void require_sources(std::string_view command, const BuildRequest& request);

}  // namespace rawimg::cli
