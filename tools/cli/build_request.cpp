// SPDX-License-Identifier: MIT
#include "cli/build_request.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

void require_other_files(const BuildRequest& request) {
  std::error_code error;  // what does not exist is not the same
  for (const SourceRequest& source : request.sources)
    if (source.file != "-" && std::filesystem::equivalent(source.file, request.image, error))
      throw Error(Errc::Usage, fmt::format("{} is both a source and the image to make",
                                           quote(request.image.string())));
}

}  // namespace

BuildRequest read_build_request(const Args& args, const Streams& io) {
  BuildRequest request;
  args.require_at_most(1);
  if (!args.operands().empty()) request.image = args.operands()[0];
  if (request.image == "-")
    throw Error(Errc::Usage, "an image cannot be standard output")
        .with_hint("a file of that name is ./-");
  request.spec = read_image_spec(args);
  request.sources = read_sources(args);
  require_other_files(request);
  (void)read_tar_options(args);
  request.how.replace = args.has("force") ? Replace::RegularFile : Replace::Refuse;
  request.how.durability = read_durability(args);
  request.how.lock = read_lock_policy(args);
  request.how.populate = read_populate_options(args, io);
  return request;
}

void require_sources(const BuildRequest& request) {
  if (request.sources.empty())
    throw Error(Errc::Usage, "--from is missing").with_hint("'rawimg init' makes an empty disk");
}

}  // namespace rawimg::cli
