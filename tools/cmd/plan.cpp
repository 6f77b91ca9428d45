// SPDX-License-Identifier: MIT
#include <rawimg/plan.h>

#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/build_request.h"
#include "cli/console_observer.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/summary.h"
#include "cmd/all.h"
#include "edit/gem5_build.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {
    kFromOption,      kSourceOptions, kDiskOptions,  kFilesystemOptions,
    kReadingOptions,  kThreadsOption, kWriteOptions, kLockOptions,
    kProgressOptions, kCommonOptions, kGem5Switch,   kGem5Options};

constexpr std::string_view kSkipped = "skipped-unsupported";

/// Why build would stop, if it would.
std::optional<Error> stops_at(const Plan& plan, const BuildRequest& request) {
  if (plan.asked.refusal) return plan.asked.refusal;
  const auto& warnings = plan.asked.warnings;
  const auto refused = std::find_if(warnings.begin(), warnings.end(), [](const Warning& warning) {
    return warning.code == kSkipped;
  });
  if (request.how.populate.on_unsupported == OnUnsupported::Skip || refused == warnings.end())
    return std::nullopt;
  return Error(Errc::Unsupported, refused->message)
      .with_path(refused->path)
      .with_hint("--skip-unsupported leaves out what cannot be stored, and says so");
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string content_lines(const PopulateResult& content) {
  const std::uint64_t bytes = content.content_bytes;
  const std::string exactly = bytes < 1024 ? "" : fmt::format(" ({} bytes)", bytes);
  return fmt::format("{}: {}, {}, {}, {}, {}\n{}{} of content\n",
                     counted(content.entries, "entry", "entries"),
                     counted(content.files, "file", "files"),
                     counted(content.directories, "directory", "directories"),
                     counted(content.symlinks, "symlink", "symlinks"),
                     counted(content.hard_links, "hard link", "hard links"),
                     counted(content.others, "other", "others"), human_size(bytes), exactly);
}

std::string table_row(const TypePlan& plan) {
  const std::string type(to_text(plan.type));
  if (!plan.image) return fmt::format("{}  cannot be: {}\n", type, plan.refusal->what());
  const ExtSummary& fs = plan.image->content.filesystem;
  return fmt::format("{}  {:>10}  {:>10}  {:>10}  {:>10}  {}\n", type, fs.inodes - fs.free_inodes,
                     fs.blocks - fs.free_blocks,
                     human_size((fs.blocks - fs.free_blocks) * fs.block_size),
                     human_size(plan.image->size.value), plan.image->size.value);
}

void print_plan(const Plan& plan, const BuildRequest& request, Streams& io) {
  const auto best = std::find_if(plan.types.begin(), plan.types.end(),
                                 [](const TypePlan& type) { return type.image.has_value(); });
  const BuildResult* known = plan.asked.image           ? &*plan.asked.image
                             : best != plan.types.end() ? &*best->image
                                                        : nullptr;
  if (known != nullptr)
    io.out << content_lines(known->content)
           << fmt::format("\ntype  {:>10}  {:>10}  {:>10}  {:>10}  {}, with blocks of {}\n",
                          "inodes", "blocks", "used", "image", "bytes",
                          known->content.filesystem.block_size);
  for (const TypePlan& type : plan.types) io.out << table_row(type);
  if (request.spec.size && plan.asked.image) {
    const ExtSummary& fs = plan.asked.image->content.filesystem;
    io.out << fmt::format("\nof {} as {}, {} and {} stay free\n",
                          human_size(request.spec.size->value), to_text(fs.type),
                          human_size(fs.free_blocks * fs.block_size),
                          counted(fs.free_inodes, "inode", "inodes"));
  }
  for (const Warning& warning : plan.asked.warnings)
    io.out << (warning.code == kSkipped ? "refused: " : "lost: ") << warning.message << '\n';
}

Json json_of(const Error& error) {
  return to_json(error, static_cast<int>(exit_code_of(error.code())));
}

Json json_of(const TypePlan& plan) {
  Json json{{"type", to_text(plan.type)}};
  if (plan.refusal) json["refusal"] = json_of(*plan.refusal);
  if (!plan.image) return json;
  json["size"] = plan.image->size.value;
  json["filesystem"] = to_json(plan.image->content.filesystem);
  json["content"] = to_json(plan.image->content);
  return json;
}

Json result_json(const Plan& plan, const std::optional<Error>& stop, double seconds) {
  Json json{{"asked", json_of(plan.asked)}, {"types", Json::array()}};
  for (const TypePlan& type : plan.types) json["types"].push_back(json_of(type));
  if (stop) json["build_would_fail"] = json_of(*stop);
  json["seconds"] = seconds;
  return json;
}

ExitCode run(const Args& args, Streams& io) {
  const BuildRequest request = read_build_request("plan", args, io);
  require_sources("plan", request);
  require_gem5_switch(args);
  if (!request.image.empty()) NewImage(request.image, request.how.replace, NewImage::DryRun{});
  ConsoleObserver observer("plan", args, io);
  PopulateOptions how = request.how.populate;
  std::optional<Gem5Build> gem5;
  if (args.has("gem5")) how.amendment = gem5.emplace(args, request, io).amendment(observer);
  const Plan plan = plan_image(request.spec, open_sources(request.sources, request.image, args, io),
                               how, observer);
  const std::optional<Error> stop = stops_at(plan, request);
  if (stop && stop->code() == Errc::Usage) throw *stop;
  Json result = result_json(plan, stop, observer.seconds());
  put_verified(result, request.sources);
  if (gem5) result["gem5"] = gem5->result();
  if (args.has("json"))
    print_result(io, "plan", result, plan.asked.warnings);
  else
    print_plan(plan, request, io), io.out.flush();
  observer.finished(fmt::format("the sources were read once, in {:.1f} s; nothing was written",
                                observer.seconds()),
                    result);
  if (!stop) return ExitCode::Done;
  if (args.has("json")) return exit_code_of(stop->code());
  throw stop->in("build would stop");
}

}  // namespace

const Command kPlan{
    .name = "plan",
    .synopsis = "[IMG] --from SOURCE [--from ...] [--size SIZE] [OPTIONS]",
    .summary = "say what build would make, at each type of filesystem, and write nothing",
    .examples = R"(  rawimg plan --from stage3-amd64-openrc.tar.xz
  rawimg plan --from root.tar --size auto               # the sizes with nothing free
  rawimg plan --from root.tar --size 2G -t ext4         # whether it fits, and what stays free
  rawimg plan --from stage3-amd64-openrc.tar.xz --gem5 --m5 ./m5
)",
    .details =
        R"(Takes exactly what build takes. With a SIZE that is a number, each type is shown as small as it can be.
The sources are read once: of a compressed one, that is what decompressing it costs. What could not be stored, or would
be lost, is listed; the exit code is the one that build would have.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
