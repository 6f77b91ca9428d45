// SPDX-License-Identifier: MIT
// Runs build_ext over a fake builder and hands out what arrived there.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <rawimg/image_file.h>
#include <rawimg/populate.h>

#include "support/error_matcher.h"
#include "support/memory_source.h"
#include "support/temp_dir.h"
#include "tree/fake_builder.h"

namespace rawimg::test {

class RecordingObserver : public Observer {
 public:
  std::vector<Warning> warnings;
  std::vector<Progress> reports;
  std::size_t measures = SIZE_MAX;  ///< how often keep_measuring() says yes
  std::size_t asked = 0;

  void progress(const Progress& progress) override { reports.push_back(progress); }
  void warning(const Warning& warning) override { warnings.push_back(warning); }
  bool keep_measuring() override { return asked++ < measures; }
};

/// One build: sources and options are the test's, the rest is made here.
struct Tree {
  std::vector<SourceSpec> sources;
  ExtOptions options;
  PopulateOptions how;
  unsigned slot = 1;
  RecordingObserver observer;
  PopulateResult result;

  Tree() { fake_settings() = {}; }
  explicit Tree(std::vector<Item> items) : Tree() { add(std::move(items)); }
  ~Tree() { fake_settings() = {}; }

  SourceSpec& add(std::vector<Item> items, std::string name = "memory") {
    sources.emplace_back().source = MemorySource::make(std::move(items), std::move(name));
    return sources.back();
  }
  const FakeImage& build();
  const FakeImage& populate_fresh();
};

/// Builds from one source.
FakeImage build(std::vector<Item> items);

}  // namespace rawimg::test
