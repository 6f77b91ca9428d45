// SPDX-License-Identifier: MIT
#include <rawimg/plan.h>

#include <optional>

#include "recipe/build_into.h"
#include "recipe/repeatable_source.h"

namespace rawimg {
namespace {

/// Warnings are part of what is told of a type; the sources are read to their end in any case.
class Listener : public Observer {
 public:
  explicit Listener(Observer& outer, std::vector<Warning>& warnings)
      : outer_(outer), warnings_(warnings) {}
  void progress(const Progress& now) override { outer_.progress(now); }
  void warning(const Warning& warning) override { warnings_.push_back(warning); }

 private:
  Observer& outer_;
  std::vector<Warning>& warnings_;
};

class Planner {
 public:
  Planner(std::vector<SourceSpec> sources, const PopulateOptions& how, Observer& observer)
      : sources_(std::move(sources)), how_(how), observer_(observer) {
    how_.dry_run = true;
    how_.on_unsupported = OnUnsupported::Skip;
    for (SourceSpec& spec : sources_) repeatable_.emplace_back(std::move(spec.source));
    if (how_.amendment)
      how_.amendment->make = [this, make = how_.amendment->make](const GuestFiles& files,
                                                                 Timestamp time) {
        return decide_amendment(make, files, time).read();
      };
  }

  TypePlan plan(const ImageSpec& spec) {
    TypePlan plan;
    plan.type = spec.filesystem.type;
    Listener listener(observer_, plan.warnings);
    ImageFile scratch = ImageFile::scratch("plan");
    try {
      plan.image = build_into(scratch, spec, read_again(), how_, listener);
      plan.image->content.content_bytes = 0;  // what is made up has no zeros
      for (const RepeatableSource& source : repeatable_)
        plan.image->content.content_bytes += source.content_bytes();
      if (amendment_) plan.image->content.content_bytes += amendment_->content_bytes();
    } catch (const Error& error) {
      if (!is_about_type(error)) throw;
      plan.refusal = error;
    }
    return plan;
  }

 private:
  /// What another type might not refuse.
  static bool is_about_type(const Error& error) {
    return error.code() == Errc::Unsupported || error.code() == Errc::Usage ||
           (error.code() == Errc::NoSpace && error.cause().value() == 0);
  }

  /// What depends on content is decided once: it is made up for the other types.
  RepeatableSource& decide_amendment(const decltype(Amendment::make)& make, const GuestFiles& files,
                                     Timestamp time) {
    if (amendment_refusal_) throw *amendment_refusal_;
    try {
      if (!amendment_) amendment_.emplace(make(files, time));
      return *amendment_;
    } catch (const Error& error) {
      amendment_refusal_ = error;
      throw;
    }
  }

  std::vector<SourceSpec> read_again() {
    std::vector<SourceSpec> again;
    for (std::size_t i = 0; i < sources_.size(); ++i)
      again.push_back({repeatable_[i].read(), sources_[i].at, sources_[i].strip_components,
                       sources_[i].excludes});
    return again;
  }

  std::vector<SourceSpec> sources_;
  std::vector<RepeatableSource> repeatable_;
  std::optional<RepeatableSource> amendment_;
  std::optional<Error> amendment_refusal_;
  PopulateOptions how_;
  Observer& observer_;
};

}  // namespace

Plan plan_image(const ImageSpec& spec, std::vector<SourceSpec> sources, const PopulateOptions& how,
                Observer& observer) {
  Planner planner(std::move(sources), how, observer);
  Plan plan;
  ImageSpec each = spec;
  each.size.reset();
  each.filesystem.fit = spec.filesystem.fit.value_or(Spare{});
  // The first one reads the content that it can store, and the others see no more: ext4 stores
  // most.
  for (const ExtType type : {ExtType::Ext4, ExtType::Ext3, ExtType::Ext2}) {
    each.filesystem.type = type;
    plan.types.insert(plan.types.begin(), planner.plan(each));
  }
  if (spec.size) {
    plan.asked = planner.plan(spec);
  } else {
    for (const TypePlan& type : plan.types)
      if (type.type == spec.filesystem.type) plan.asked = type;
  }
  return plan;
}

}  // namespace rawimg
