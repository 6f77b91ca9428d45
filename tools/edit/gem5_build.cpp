// SPDX-License-Identifier: MIT
#include "edit/gem5_build.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "edit/guest_changes.h"

namespace rawimg::cli {

Gem5Build::Gem5Build(const Args& args, const BuildRequest& request, const Streams& io) {
  const bool takes_input =
      std::any_of(request.sources.begin(), request.sources.end(),
                  [](const SourceRequest& source) { return source.file == "-"; });
  if (takes_input && (args.value("m5") == "-" || args.value("script") == "-"))
    throw Error(Errc::Usage, "standard input is the tarball: --m5 and --script need a file");
  request_ = read_gem5_request(args, io);
  request_.force = false;  // that of build is about the image that it replaces
  if (request_.root_device.ends_with("=auto"))
    throw Error(Errc::Usage, fmt::format("--root-device {}: it is known when the image is there",
                                         quote(request_.root_device)))
        .with_hint(fmt::format("'rawimg gem5 {} --root-device {}' comes behind the build",
                               shell_word(request.image.string()), request_.root_device));
}

Amendment Gem5Build::amendment(Observer& observer) {
  return {gem5_reads, [this, &observer](const GuestFiles& files, Timestamp time) {
            const Gem5Plan plan = plan_gem5(files, request_);
            for (const Warning& warning : plan.warnings) observer.warning(warning);
            result_ = to_json(plan);
            result_["files"] = to_json(plan.changes);
            return make_change_source(plan.changes, files, time);
          }};
}

}  // namespace rawimg::cli
