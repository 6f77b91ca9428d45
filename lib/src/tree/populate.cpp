// SPDX-License-Identifier: MIT
#include <rawimg/populate.h>

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/transaction.h>

#include "base/stop.h"
#include "base/text.h"
#include "ext/builder.h"
#include "tree/metadata_digest.h"
#include "tree/tree_builder.h"
#include "tree/tree_files.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kReportEntries = 100, kReportBytes = 8u << 20;

/// What the caller has settled of the filesystem before the sources are read.
struct Settled {
  std::optional<std::int64_t> created;  ///< of the superblock, over the epoch
  unsigned slot = 0;
  std::optional<Uuid> uuid;
};

/// SOURCE_DATE_EPOCH=0 is usual; ext takes a time of 0 for "none".
std::optional<std::int64_t> decide_epoch(const PopulateOptions& how,
                                         std::optional<std::int64_t> created) {
  if (how.epoch && (*how.epoch < 0 || *how.epoch > UINT32_MAX))
    throw Error(Errc::Usage, fmt::format("an epoch of {} seconds: a superblock holds 1 to {}",
                                         *how.epoch, UINT32_MAX));
  if (created) return created;
  return how.epoch ? std::optional(std::max<std::int64_t>(1, *how.epoch)) : std::nullopt;
}

std::uint32_t metadata_id_of(const Uuid& uuid) {
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id = id << 8 | uuid[i];
  return id != 0 ? id : 1;
}

/// One job: sources in order, entry by entry, into a builder.
class Job {
 public:
  Job(ExtBuilder& builder, const std::vector<SourceSpec>& sources, const PopulateOptions& how,
      Observer& observer)
      : builder_(builder),
        sources_(sources),
        how_(how),
        observer_(observer),
        tree_(builder, how, observer) {}

  PopulateResult run(const Settled& settled) {
    const std::optional<std::int64_t> epoch = decide_epoch(how_, settled.created);
    read_sources();
    if (how_.amendment && !stopped_measuring_) amend(epoch);
    result_.epoch = epoch.value_or(tree_.newest_mtime());
    tree_.settle_implied(result_.epoch);
    const TreeSummary summary = summarize_tree(tree_, builder_);
    take_figures(summary);
    finish(settled, summary.digest);
    return result_;
  }

 private:
  void read_sources() {
    for (const SourceSpec& spec : sources_) {
      with_context(quote(spec.source->name()), [&] { read_source(spec); });
      if (stopped_measuring_) break;
    }
    report();
    if (tree_.dropped_fractions() != 0)
      observer_.warning(
          {"times-without-fractions", "",
           fmt::format("{} lost fractions of seconds: inodes of {} bytes do not hold them",
                       tree_.dropped_fractions() == 1
                           ? "one entry"
                           : fmt::format("{} entries", tree_.dropped_fractions()),
                       builder_.inode_size())});
  }

  void amend(std::optional<std::int64_t> epoch) {
    const TreeFiles files(tree_, builder_, kept_);
    SourceSpec spec;
    spec.source = how_.amendment->make(files, {epoch.value_or(tree_.newest_mtime()), 0});
    const std::uint64_t of_sources = result_.entries;
    with_context(quote(spec.source->name()), [&] { read_source(spec); });
    result_.entries = of_sources;
  }

  void read_source(const SourceSpec& spec) {
    tree_.begin_source(spec);
    for (;;) {
      check_stop();
      try {
        const Entry* entry = spec.source->next();
        if (entry == nullptr) break;
        ++seen_;
        if (builder_.is_full() && !keep_measuring()) return;
        take(*spec.source, *entry);
      } catch (const Error& error) {
        if (error.code() != Errc::Unsupported) throw;
        leave_out(error);
      }
      report_now_and_then();
    }
    tree_.end_source();
  }

  void take(EntrySource& source, const Entry& entry) {
    if (how_.amendment) kept_.begin(entry, how_.amendment->reads);
    bool has_content = false;
    try {
      if (tree_.take(entry, [&] { has_content = true, copy_content(source); })) ++result_.entries;
      if (how_.amendment && has_content) kept_.end(tree_.last_file());
    } catch (const Error& error) {
      if (!error.path().empty() || error.code() == Errc::Interrupted) throw;
      throw error.in(quote(entry.path)).with_path(entry.path);
    }
  }

  void copy_content(EntrySource& source) {
    while (const auto chunk = source.next_chunk()) {
      check_stop();
      if (how_.amendment) kept_.add(*chunk);
      builder_.append(*chunk);
      result_.content_bytes += chunk->bytes.size();
      if (builder_.is_full() && !keep_measuring()) return;
      report_now_and_then();
    }
  }

  /// An entry that cannot be stored: the end of the job, unless its user wants it skipped, or did
  /// not want it in the first place.
  void leave_out(const Error& error) {
    const std::string& path = error.path();
    if (!path.empty() && tree_.leaves_out(path)) return;
    if (how_.on_unsupported == OnUnsupported::Stop) {
      if (!error.hint().empty()) throw error;
      throw Error(error).with_hint(
          "--skip-unsupported leaves out what cannot be stored, and says so");
    }
    observer_.warning({"skipped-unsupported", path, error.what()});
    tree_.note_skipped(path);
  }

  void take_figures(const TreeSummary& summary) {
    result_.files = summary.files;
    result_.directories = summary.directories;
    result_.symlinks = summary.symlinks;
    result_.hard_links = summary.hard_links;
    result_.others = summary.others;
    result_.skipped = tree_.skipped();
  }

  void finish(const Settled& settled, const std::string& digest) {
    const Uuid derived =
        derive_uuid(fmt::format("rawimg build slot {} {} created {} {}", settled.slot,
                                builder_.options_text(), result_.epoch, digest));
    result_.metadata_id = metadata_id_of(derived);
    check_stop();
    if (stage_ == Progress::Stage::Reading) stage_ = Progress::Stage::Writing;
    report();
    result_.filesystem = builder_.finish(
        tree_.names(),
        {.created = result_.epoch,
         .uuid = derived,
         .hash_seed = derive_uuid("hash seed of " + to_text(settled.uuid.value_or(derived))),
         .counting_complete = !stopped_measuring_});
  }

  bool keep_measuring() {
    stage_ = Progress::Stage::Measuring;
    stopped_measuring_ = stopped_measuring_ || !observer_.keep_measuring();
    return !stopped_measuring_;
  }

  void check_stop() const { require_no_stop(how_.stop); }

  void report_now_and_then() {
    if (seen_ - reported_seen_ >= kReportEntries ||
        result_.content_bytes - reported_bytes_ >= kReportBytes)
      report();
  }

  void report() {
    reported_seen_ = seen_;
    reported_bytes_ = result_.content_bytes;
    Progress progress{stage_, result_.entries, 0, 0, result_.content_bytes};
    for (const SourceSpec& spec : sources_) {
      const EntrySource::Position at = spec.source->position();
      progress.bytes_read += at.read_bytes;
      if (progress.bytes_total && at.total_bytes)
        *progress.bytes_total += *at.total_bytes;
      else
        progress.bytes_total.reset();
    }
    observer_.progress(progress);
  }

  ExtBuilder& builder_;
  const std::vector<SourceSpec>& sources_;
  const PopulateOptions& how_;
  Observer& observer_;
  TreeBuilder tree_;
  KeptContent kept_;
  PopulateResult result_;
  Progress::Stage stage_ = Progress::Stage::Reading;
  /// seen: with those that are left out
  std::uint64_t seen_ = 0, reported_seen_ = 0, reported_bytes_ = 0;
  bool stopped_measuring_ = false;
};

}  // namespace

PopulateResult build_ext(const Window& where, const ExtOptions& options, unsigned slot,
                         std::vector<SourceSpec> sources, const PopulateOptions& how,
                         Observer& observer) {
  ExtBuilder builder = ExtBuilder::format_last(where, options, {.dry_run = how.dry_run});
  return Job(builder, sources, how, observer)
      .run({.created = options.created, .slot = slot, .uuid = options.uuid});
}

PopulateResult populate(const Window& where, std::vector<SourceSpec> sources,
                        const PopulateOptions& how, Observer& observer) {
  ExtBuilder builder = ExtBuilder::populate(where, {.durability = how.durability,
                                                    .keep_undo_bytes = how.keep_undo_bytes,
                                                    .dry_run = how.dry_run});
  PopulateResult result;
  try {
    result = Job(builder, sources, how, observer)
                 .run({.created = std::nullopt, .slot = 0, .uuid = std::nullopt});
  } catch (const Error& error) {
    if (!builder.lost_kept_undo()) throw;
    throw Error(error).with_hint(error.hint() + (error.hint().empty() ? "" : "; ") +
                                 std::string(kUndoIsLost));
  }
  const Transaction::Result committed = builder.committed();
  for (const Warning& warning : committed.warnings) observer.warning(warning);
  result.undo_kept = committed.undo_kept;
  return result;
}

}  // namespace rawimg
