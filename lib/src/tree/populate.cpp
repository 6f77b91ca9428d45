// SPDX-License-Identifier: MIT
#include <rawimg/populate.h>

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/builder.h"
#include "tree/metadata_digest.h"
#include "tree/tree_builder.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kReportEntries = 200, kReportBytes = 8u << 20;

/// One job: sources in order, entry by entry, into a builder.
class Job {
 public:
  Job(ExtBuilder& builder, const PopulateOptions& how, Observer& observer) : builder_(builder), how_(how), observer_(observer), tree_(builder, how, observer) {}

  void read(const std::vector<SourceSpec>& sources) {
    sources_ = &sources;
    for (const SourceSpec& spec : sources) {
      tree_.begin_source(spec);
      with_context(spec.source->name(), [&] { read_source(spec); });
      if (stopped_measuring_) break;
    }
    report(true);
    if (tree_.dropped_fractions() != 0)
      observer_.warning({"times-without-fractions", "", fmt::format("{} entries lost their fractions of seconds: inodes of 128 bytes do not hold them", tree_.dropped_fractions())});
  }

  PopulateResult finish(std::optional<std::int64_t> created, std::optional<unsigned> slot, std::optional<Uuid> uuid) {
    PopulateResult result;
    result.epoch = how_.epoch.value_or(how_.clamp_mtime ? std::clamp<std::int64_t>(tree_.newest_mtime(), 1, std::max<std::int64_t>(1, *how_.clamp_mtime)) : tree_.newest_mtime());
    tree_.settle_implied(result.epoch);
    const TreeSummary summary = summarize_tree(tree_, builder_);
    const Uuid derived = derive_uuid(fmt::format("rawimg build slot {} {} created {} {}", slot.value_or(0), builder_.options_text(), created.value_or(result.epoch), summary.digest));
    result.metadata_id = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(derived[0]) << 24 | static_cast<std::uint32_t>(derived[1]) << 16 | static_cast<std::uint32_t>(derived[2]) << 8 | derived[3]);
    if (observer_stage_ != Progress::Stage::Measuring) observer_stage_ = Progress::Stage::Writing;
    report(true);
    result.filesystem = builder_.finish(tree_.names(), {.created = created.value_or(result.epoch), .uuid = derived, .hash_seed = derive_uuid("hash seed of " + to_text(uuid.value_or(derived))), .counting_complete = !stopped_measuring_});
    result.entries = entries_;
    result.files = summary.files;
    result.directories = summary.directories;
    result.symlinks = summary.symlinks;
    result.hard_links = summary.hard_links;
    result.others = summary.others;
    result.content_bytes = content_bytes_;
    result.skipped = tree_.skipped();
    return result;
  }

 private:
  void read_source(const SourceSpec& spec) {
    EntrySource& source = *spec.source;
    for (;;) {
      check_stop();
      const Entry* entry = nullptr;
      try {
        entry = source.next();
      } catch (const Error& error) {
        if (error.code() != Errc::Unsupported || how_.on_unsupported == OnUnsupported::Stop) throw;
        skip(error, error.path());
        continue;
      }
      if (entry == nullptr) break;
      if (builder_.is_full() && !keep_measuring()) return;
      take(source, *entry);
      ++entries_;
      report(false);
    }
    tree_.end_source();
  }

  void take(EntrySource& source, const Entry& entry) {
    bool in_content = false;
    try {
      tree_.take(entry, [&] {
        in_content = true;
        copy_content(source);
      });
    } catch (const Error& error) {
      if (error.code() == Errc::Unsupported && !in_content) {
        if (how_.on_unsupported == OnUnsupported::Stop) throw error.in(quote(entry.path)).with_path(entry.path).with_hint("leave out what cannot be stored with --skip-unsupported");
        return skip(error, entry.path);
      }
      if (in_content && error.code() != Errc::Interrupted && error.path().empty()) throw error.in(quote(entry.path)).with_path(entry.path);
      throw;
    }
  }

  void copy_content(EntrySource& source) {
    while (const auto chunk = source.next_chunk()) {
      check_stop();
      builder_.append(*chunk);
      content_bytes_ += chunk->bytes.size();
      if (builder_.is_full() && !keep_measuring()) return;
      report(false);
    }
  }

  void skip(const Error& error, const std::string& path) {
    observer_.warning({"skipped-unsupported", path, fmt::format("{}: {}", quote(path), error.what())});
    tree_.note_skipped(path);
  }

  bool keep_measuring() {
    observer_stage_ = Progress::Stage::Measuring;
    stopped_measuring_ = stopped_measuring_ || !observer_.keep_measuring();
    return !stopped_measuring_;
  }

  void check_stop() const {
    if (how_.stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
  }

  void report(bool now) {
    if (!now && entries_ < reported_entries_ + kReportEntries && content_bytes_ < reported_bytes_ + kReportBytes) return;
    reported_entries_ = entries_;
    reported_bytes_ = content_bytes_;
    Progress progress{observer_stage_, entries_, 0, 0, content_bytes_};
    for (const SourceSpec& spec : *sources_) {
      const EntrySource::Position at = spec.source->position();
      progress.bytes_read += at.read_bytes;
      if (progress.bytes_total && at.total_bytes) *progress.bytes_total += *at.total_bytes;
      else progress.bytes_total.reset();
    }
    observer_.progress(progress);
  }

  ExtBuilder& builder_;
  const PopulateOptions& how_;
  Observer& observer_;
  TreeBuilder tree_;
  const std::vector<SourceSpec>* sources_ = nullptr;
  Progress::Stage observer_stage_ = Progress::Stage::Reading;
  std::uint64_t entries_ = 0, content_bytes_ = 0, reported_entries_ = 0, reported_bytes_ = 0;
  bool stopped_measuring_ = false;
};

}  // namespace

PopulateResult build_ext(const Window& where, const ExtOptions& options, unsigned slot, std::vector<SourceSpec> sources, const PopulateOptions& how, Observer& observer) {
  ExtBuilder builder = ExtBuilder::format_last(where, options);
  Job job(builder, how, observer);
  job.read(sources);
  return job.finish(options.created, slot, options.uuid);
}

PopulateResult populate(const Window& where, std::vector<SourceSpec> sources, const PopulateOptions& how, Observer& observer) {
  ExtBuilder builder = ExtBuilder::populate(where, {.durability = how.durability});
  Job job(builder, how, observer);
  job.read(sources);
  return job.finish(std::nullopt, std::nullopt, std::nullopt);
}

}  // namespace rawimg
