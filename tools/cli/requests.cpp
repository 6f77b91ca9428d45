// SPDX-License-Identifier: MIT
#include "cli/requests.h"

#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <rawimg/directory_source.h>
#include <rawimg/error.h>
#include <rawimg/tar_source.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cli/verification.h"

namespace rawimg::cli {
namespace {

constexpr std::uint64_t kLargestWait = 366 * 24 * 3600;

template <class Value>
Value random_value() {
  Value value;
  if (getrandom(&value, sizeof value, 0) != sizeof value)
    throw Error(Errc::Io, "the system has no random numbers");
  return value;
}

Uuid random_uuid() {
  Uuid uuid = random_value<Uuid>();
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);  // version 4, variant 10 (RFC 9562)
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);
  return uuid;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::int64_t parse_epoch(std::string_view text, std::string_view what) {
  return static_cast<std::int64_t>(parse_number(text, what, 0, UINT32_MAX));
}

/// Processors of a quota as cgroup v2 writes it: "max 100000" or "200000 100000".
std::optional<unsigned> quota_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  double quota = 0, period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<unsigned>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
}

/// The least quota of this process's cgroup and those above it, if there is one. Where /proc or
/// /sys is missing there is none to be seen.
std::optional<unsigned> cgroup_quota() {
  const std::filesystem::path top("/sys/fs/cgroup");
  std::filesystem::path group = top;
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);)
    if (line.starts_with("0::/")) group /= line.substr(4);
  std::optional<unsigned> least = quota_in(top / "cpu.max");
  for (; group != top && group.has_relative_path(); group = group.parent_path())
    if (const auto quota = quota_in(group / "cpu.max"))
      least = std::min(*quota, least.value_or(*quota));
  return least;
}

}  // namespace

ImagePath parse_image_path(std::string_view text) {
  try {
    return ImagePath::parse(text);
  } catch (const Error& error) {
    throw Error(Errc::Usage, error.what());
  }
}

std::string parse_exclude(std::string_view glob) {
  if (glob.empty()) throw Error(Errc::Usage, "--exclude: an empty glob matches nothing");
  return std::string(glob);
}

unsigned read_threads(const Args& args) {
  const auto threads = args.value("threads");
  return threads ? static_cast<unsigned>(parse_number(*threads, "threads", 1, 64))
                 : default_threads();
}

unsigned default_threads() {
  constexpr unsigned kMost = 8;
  cpu_set_t set;
  const unsigned allowed =
      sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
  return std::clamp(std::min(allowed, cgroup_quota().value_or(kMost)), 1U, kMost);
}

ExtOptions read_ext_options(const Args& args) {
  ExtOptions options;
  if (const auto type = args.value("type")) options.type = parse_ext_type(*type);
  if (const auto size = args.value("block-size"))
    options.block_size = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(parse_size(*size, "block size"), UINT32_MAX));
  if (const auto size = args.value("inode-size"))
    options.inode_size = static_cast<std::uint32_t>(parse_number(*size, "inode size", 128, 4096));
  if (const auto count = args.value("inodes"))
    options.inodes =
        static_cast<std::uint32_t>(parse_number(*count, "number of inodes", 12, UINT32_MAX));
  if (const auto ratio = args.value("inode-ratio"))
    options.inode_ratio = parse_size(*ratio, "inode ratio");
  if (const auto percent = args.value("reserved"))
    options.reserved_percent = parse_percent(*percent, "reserved blocks");
  for (const auto& [name, value] : args.options())
    if (name == "features")
      for (std::string& word : split(value, ',')) options.features.push_back(std::move(word));
  if (const auto label = args.value("label")) options.label = *label;
  if (const auto uuid = args.value("uuid"))
    options.uuid = *uuid == "random" ? random_uuid() : parse_uuid(*uuid);
  return options;
}

LockPolicy read_lock_policy(const Args& args) {
  LockPolicy policy;
  policy.required = !args.has("no-lock");
  if (const auto wait = args.value("wait"))
    policy.wait = std::chrono::seconds(
        wait->empty() ? kLargestWait : parse_number(*wait, "seconds to wait", 0, kLargestWait));
  return policy;
}

Durability read_durability(const Args& args) {
  return args.has("no-sync") ? Durability::NoSync : Durability::Sync;
}

std::optional<std::int64_t> read_epoch(const Streams& io) {
  const auto epoch = io.environment("SOURCE_DATE_EPOCH");
  if (!epoch || epoch->empty()) return std::nullopt;
  // 0 would be no time to an ext superblock
  return std::max<std::int64_t>(1, parse_epoch(*epoch, "SOURCE_DATE_EPOCH"));
}

PopulateOptions read_populate_options(const Args& args, const Streams& io) {
  PopulateOptions options;
  if (args.has("skip-unsupported")) options.on_unsupported = OnUnsupported::Skip;
  options.epoch = read_epoch(io);
  if (const auto clamp = args.value("clamp-mtime")) {
    if (clamp->empty() && !options.epoch)
      throw Error(Errc::Usage, "--clamp-mtime has no time")
          .with_hint("give one as --clamp-mtime=SECONDS, or set SOURCE_DATE_EPOCH");
    options.clamp_mtime = clamp->empty() ? *options.epoch : parse_epoch(*clamp, "time");
  }
  options.durability = read_durability(args);
  options.dry_run = args.has("dry-run");
  options.stop = io.stop;
  return options;
}

std::optional<std::uint32_t> read_disk_id(const Args& args) {
  const auto id = args.value("disk-id");
  if (!id) return std::nullopt;
  return *id == "random" ? random_value<std::uint32_t>() : parse_hex32(*id, "disk id");
}

/// "auto", "auto+512M", "auto+10%"; nothing for what does not begin so.
std::optional<Spare> parse_spare(const std::string& size) {
  if (!size.starts_with("auto")) return std::nullopt;
  const std::string rest = size.substr(4);
  if (rest.empty()) return Spare{};
  if (rest[0] != '+' || rest.size() == 1)
    throw Error(Errc::Usage,
                fmt::format("size {}: it can be auto, auto+512M or auto+10%", quote(size)));
  if (rest.ends_with('%')) return Spare{0, parse_percent(rest.substr(1), "spare room")};
  return Spare{parse_size(rest.substr(1), "spare room"), 0};
}

void read_size(const Args& args, ImageSpec& spec) {
  const std::string size = args.value("size").value_or("auto+256M");
  spec.filesystem.fit = parse_spare(size);
  if (!spec.filesystem.fit) spec.size = ByteCount{parse_size(size, "size")};
}

ImageSpec read_image_spec(const Args& args) {
  ImageSpec spec;
  const std::string table = args.value("table").value_or("mbr");
  if (table != "mbr" && table != "none")
    throw Error(Errc::Usage, fmt::format("table {}: it can be mbr or none", quote(table)));
  spec.table = table == "mbr" ? TableKind::Mbr : TableKind::None;
  if (spec.table == TableKind::None && (args.has("start") || args.has("disk-id")))
    throw Error(Errc::Usage, "--start and --disk-id need a table: leave out --table none");
  if (const auto start = args.value("start")) spec.first_sector = parse_sector(*start, "start");
  spec.filesystem = read_ext_options(args);
  read_size(args, spec);
  spec.disk_id = read_disk_id(args);
  return spec;
}

std::vector<SourceRequest> read_sources(const Args& args) {
  std::vector<SourceRequest> sources;
  std::set<std::string> given;  // for the source at the end
  for (const auto& [name, value] : args.options()) {
    if (name == "from") {
      given.clear();
      sources.push_back({.file = value, .at = {}, .excludes = {}, .sha256 = std::nullopt});
      continue;
    }
    if (std::none_of(std::begin(kSourceOptions), std::end(kSourceOptions),
                     [&name = name](const OptionSpec& spec) { return spec.name == name; }))
      continue;
    if (sources.empty())
      throw Error(Errc::Usage,
                  fmt::format("--{} belongs to the --from before it, and there is none", name));
    SourceRequest& source = sources.back();
    if (name != "exclude" && !given.insert(name).second)
      throw Error(Errc::Usage, fmt::format("--{} is given twice for {}", name, quote(source.file)));
    if (name == "at")
      source.at = parse_image_path(value);
    else if (name == "exclude")
      source.excludes.push_back(parse_exclude(value));
    else if (name == "strip-components")
      source.strip_components =
          static_cast<unsigned>(parse_number(value, "number of components", 0, 4096));
    else if (name == "one-file-system")
      source.one_file_system = true;
    else if (name == "verify")
      source.verify = value;
    else
      source.sha256 = value;
  }
  if (std::count_if(sources.begin(), sources.end(),
                    [](const SourceRequest& source) { return source.file == "-"; }) > 1)
    throw Error(Errc::Usage, "standard input can be read once, but '-' is named twice");
  return sources;
}

void find_digests(std::vector<SourceRequest>& sources, const std::stop_token& stop) {
  for (SourceRequest& source : sources) {
    if (!source.sha256 && !source.verify) continue;
    if (std::error_code none; std::filesystem::is_directory(source.file, none))
      throw Error(Errc::Usage,
                  fmt::format("{} is a directory: it has no digest", quote(source.file)));
    if (source.verify)
      source.digests.push_back(read_published_digest(source.file, *source.verify, stop));
    if (source.sha256) source.digests.push_back({DigestKind::Sha256, *source.sha256});
  }
}

TarOptions read_tar_options(const Args& args) {
  TarOptions options;
  options.threads = read_threads(args);
  if (const auto memory = args.value("memory")) {
    options.memory_bytes = parse_size(*memory, "memory");
    if (options.memory_bytes < (64U << 20))
      throw Error(Errc::Usage, fmt::format("memory {}: at least 64M are needed", quote(*memory)));
  }
  return options;
}

namespace {

std::unique_ptr<EntrySource> open_source(const SourceRequest& request,
                                         const std::filesystem::path& image, TarOptions options,
                                         const Streams& io) {
  if (request.file == "-") return open_tar(io.in, "standard input", options);
  std::error_code none;
  if (!std::filesystem::is_directory(request.file, none))
    return open_tar(std::filesystem::path(request.file), options);
  return open_directory(
      request.file, {.one_file_system = request.one_file_system,
                     .root_for_uid = geteuid(),
                     .root_for_gid = getegid(),
                     .leave_out = {image, image.string() + ".part", image.string() + ".rawimg-undo",
                                   image.string() + ".rawimg-kept"},
                     .stop = io.stop});
}

}  // namespace

std::vector<SourceSpec> open_sources(const std::vector<SourceRequest>& requests,
                                     const std::filesystem::path& image, const Args& args,
                                     const Streams& io) {
  TarOptions options = read_tar_options(args);
  options.stop = io.stop;
  std::vector<SourceSpec> sources;
  for (const SourceRequest& request : requests) {
    options.digests = request.digests;
    SourceSpec spec;
    spec.source = open_source(request, image, options, io);
    spec.at = request.at;
    spec.strip_components = request.strip_components;
    spec.excludes = request.excludes;
    sources.push_back(std::move(spec));
  }
  return sources;
}

Address read_address(const Args& args, std::size_t index) {
  if (const auto image = args.value("image"))
    return parse_address_in(*image, index < args.operands().size() ? args.operands()[index] : "");
  const std::string& word = args.require(index, "IMG");
  if (const auto meant = with_slash(word)) throw missing_slash(word, *meant);
  return parse_address(word);
}

}  // namespace rawimg::cli
