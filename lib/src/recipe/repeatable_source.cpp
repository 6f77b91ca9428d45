// SPDX-License-Identifier: MIT
#include "recipe/repeatable_source.h"

#include <algorithm>

#include "base/zeros.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kCell = 1024;
constexpr std::uint64_t kLargestChunk = 1u << 20;

}  // namespace

class RepeatableSource::Reader : public EntrySource {
 public:
  explicit Reader(RepeatableSource& from) : from_(from) {}

  const Entry* next() override {
    if (at_ == from_.kept_.size() && !read_on()) return nullptr;
    kept_ = from_.kept_[at_++].get();
    run_ = 0;
    done_ = 0;
    if (kept_->failure) throw *kept_->failure;
    return &kept_->entry;
  }

  std::optional<DataChunk> next_chunk() override {
    if (!is_first_) return made_up();
    auto chunk = from_.source_->next_chunk();
    if (chunk) from_.keep(*kept_, *chunk);
    return chunk;
  }

  const std::string& name() const override { return from_.source_->name(); }
  Position position() const override { return from_.source_->position(); }

 private:
  bool read_on() {
    is_first_ = true;
    if (from_.ended_) return false;
    auto kept = std::make_unique<Kept>();
    try {
      const Entry* entry = from_.source_->next();
      from_.ended_ = entry == nullptr;
      if (from_.ended_) return false;
      kept->entry = *entry;
    } catch (const Error& error) {
      if (error.code() != Errc::Unsupported) throw;
      kept->failure = error;
    }
    from_.kept_.push_back(std::move(kept));
    return true;
  }

  std::optional<DataChunk> made_up() {
    if (done_ == 0 && !kept_->data.empty() && kept_->data[0].begin < kPage) return first_page();
    while (run_ != kept_->data.size() && kept_->data[run_].end <= done_) ++run_;
    if (run_ == kept_->data.size()) return std::nullopt;
    static const auto ones =
        std::make_shared<const std::vector<std::byte>>(kLargestChunk, std::byte{1});
    const Run& run = kept_->data[run_];
    const std::uint64_t begin = std::max(run.begin, done_);
    done_ = std::min(run.end, begin + kLargestChunk);
    return DataChunk{begin, std::span(*ones).first(done_ - begin), ones};
  }

  /// With its zeros, as a tarball has it: the builder looks for a signature there.
  DataChunk first_page() {
    done_ = std::min<std::uint64_t>(kept_->entry.size_bytes, kPage);
    const auto page = std::make_shared<std::vector<std::byte>>(done_);
    for (const Run& run : kept_->data)
      if (run.begin < done_)
        std::fill(page->begin() + static_cast<std::ptrdiff_t>(run.begin),
                  page->begin() + static_cast<std::ptrdiff_t>(std::min(run.end, done_)),
                  std::byte{1});
    if (done_ == kPage)
      std::copy(kept_->page_end.begin(), kept_->page_end.end(),
                page->end() - static_cast<std::ptrdiff_t>(kSignature));
    return {0, *page, page};
  }

  RepeatableSource& from_;
  std::size_t at_ = 0;
  Kept* kept_ = nullptr;
  bool is_first_ = false;  // nobody has read the rest
  std::size_t run_ = 0;
  std::uint64_t done_ = 0;
};

std::unique_ptr<EntrySource> RepeatableSource::read() { return std::make_unique<Reader>(*this); }

void RepeatableSource::keep(Kept& kept, const DataChunk& chunk) {
  content_bytes_ += chunk.bytes.size();
  const std::uint64_t end = chunk.offset + chunk.bytes.size();
  for (std::uint64_t at = chunk.offset, next = 0; at < end; at = next) {
    next = std::min(end, (at / kCell + 1) * kCell);
    if (is_zeros(chunk.bytes.subspan(at - chunk.offset, next - at))) continue;
    const Run cell{at / kCell * kCell, std::min(kept.entry.size_bytes, (at / kCell + 1) * kCell)};
    if (!kept.data.empty() && kept.data.back().end >= cell.begin)
      kept.data.back().end = cell.end;
    else
      kept.data.push_back(cell);
  }
  for (std::uint64_t at = std::max<std::uint64_t>(chunk.offset, kPage - kSignature);
       at < std::min<std::uint64_t>(end, kPage); ++at)
    kept.page_end[at - (kPage - kSignature)] = chunk.bytes[at - chunk.offset];
}

}  // namespace rawimg
