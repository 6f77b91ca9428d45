// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "tree/tree_test.h"

namespace rawimg::test {

TEST_CASE("metadata and content arrive as the source has them", "[tree][A21][A26][A28][A33]") {
  Item rich = file("f")
                  .piece(0, "head")
                  .piece(10'000, "tail")
                  .size(20'000)
                  .mode(04751)
                  .owner(70'000, 4'294'967'294u)
                  .mtime(-14'182'940, 123'456'789);
  rich.entry.atime = Timestamp{1, 2};
  rich.entry.ctime = Timestamp{3, 4};
  rich.entry.birthtime = Timestamp{5, 6};
  const FakeImage& image =
      build({rich, special("c", FileType::CharDevice, 0x5678, 0x1234),
             special("b", FileType::BlockDevice, 300, 70'000), file("plain").mtime(7, 8)});
  const FakeNode& node = image.at("/f");
  CHECK(node.size_bytes == 20'000);
  CHECK(node.content == "head" + std::string(9996, '\0') + "tail" + std::string(9996, '\0'));
  CHECK(node.meta.uid == 70'000);
  CHECK(node.meta.gid == 4'294'967'294u);
  CHECK(node.meta.permissions == 04751);
  CHECK(node.meta.mtime == Timestamp{-14'182'940, 123'456'789});
  CHECK(node.meta.atime == Timestamp{1, 2});
  CHECK(node.meta.ctime == Timestamp{3, 4});
  CHECK(node.meta.birthtime == Timestamp{5, 6});
  CHECK(image.at("/c").meta.device_major == 0x5678);
  CHECK(image.at("/c").meta.device_minor == 0x1234);
  CHECK(image.at("/b").meta.device_minor == 70'000);
  const NodeMeta& plain = image.at("/plain").meta;
  for (const Timestamp time : {plain.atime, plain.ctime, plain.birthtime})
    CHECK(time == Timestamp{7, 8});
}

TEST_CASE("content comes in chunks of any size", "[tree][A19]") {
  const std::string text = "0123456789";
  const auto chunk_bytes = GENERATE(1, 3, 10, 11);
  Tree tree;
  auto source = std::make_unique<MemorySource>(
      std::vector<Item>{file("a", text), file("b").piece(4, text).piece(20, text), file("empty")});
  source->chunk_bytes = static_cast<std::size_t>(chunk_bytes);
  tree.sources.emplace_back().source = std::move(source);
  const FakeImage& image = tree.build();
  CHECK(image.at("/a").content == text);
  CHECK(image.at("/b").content == std::string(4, '\0') + text + std::string(6, '\0') + text);
  CHECK(image.at("/empty").content.empty());
  CHECK(tree.result.content_bytes == 30);
}

TEST_CASE("the option --clamp-mtime clamps all times, and nothing that is earlier", "[tree][F07]") {
  Tree tree;
  Item late = file("late").mtime(101, 5), exact = file("exact").mtime(100, 1),
       early = file("early").mtime(99, 999'999'999);
  late.entry.atime = Timestamp{50, 1};
  late.entry.ctime = late.entry.birthtime = Timestamp{5000, 1};
  tree.how.clamp_mtime = 100;
  tree.add({late, exact, early, file("implied/x").mtime(200)});
  const FakeImage& image = tree.build();
  CHECK(image.at("/late").meta.mtime == Timestamp{100, 0});
  CHECK(image.at("/late").meta.atime == Timestamp{50, 1});
  CHECK(image.at("/late").meta.ctime == Timestamp{100, 0});
  CHECK(image.at("/late").meta.birthtime == Timestamp{100, 0});
  CHECK(image.at("/exact").meta.mtime == Timestamp{100, 0});
  CHECK(image.at("/early").meta.mtime == Timestamp{99, 999'999'999});
  CHECK(tree.result.epoch == 100);
  CHECK(image.at("/implied").meta.mtime == Timestamp{100, 0});
}

TEST_CASE("the superblock's time is what was asked for, else the newest mtime, else 1",
          "[tree][F07]") {
  struct Row {
    const char* name;
    std::optional<std::int64_t> created, epoch;
    std::vector<std::int64_t> mtimes;
    std::int64_t expected;
  };
  const auto row =
      GENERATE(values<Row>({{"nothing", {}, {}, {}, 1},
                            {"newest", {}, {}, {5, 9, 7}, 9},
                            {"before 1970", {}, {}, {-5}, 1},
                            {"zero", {}, {}, {0}, 1},
                            {"at the limit", {}, {}, {4'294'967'295}, 4'294'967'295},
                            {"above the limit", {}, {}, {9'000'000'000}, 4'294'967'295},
                            {"epoch", {}, 3, {9}, 3},
                            {"epoch 0", {}, 0, {9}, 1},
                            {"created", 2, 3, {9}, 2}}));
  CAPTURE(row.name);
  Tree tree;
  tree.options.created = row.created;
  tree.how.epoch = row.epoch;
  std::vector<Item> items;
  for (const std::int64_t mtime : row.mtimes)
    items.push_back(file(fmt::format("implied/{}", items.size())).mtime(mtime));
  tree.add(std::move(items));
  const FakeImage& image = tree.build();
  CHECK(tree.result.epoch == row.expected);
  CHECK(image.finish.created == row.expected);
  CHECK(image.at("/").meta.mtime == Timestamp{row.expected, 0});
  CHECK(image.at("/lost+found").meta.ctime == Timestamp{row.expected, 0});
}

TEST_CASE("an epoch that no superblock holds is refused before anything is read", "[tree][F07]") {
  for (const std::int64_t epoch : {std::int64_t{-1}, std::int64_t{4'294'967'296}}) {
    Tree tree({failure(Error(Errc::Io, "read"))});
    tree.how.epoch = epoch;
    CHECK_THROWS_MATCHES(tree.build(), Error,
                         IsError(Errc::Usage, fmt::format("an epoch of {} seconds", epoch)));
  }
}

TEST_CASE("an empty source makes an empty filesystem", "[tree][A39]") {
  Tree tree;
  tree.add({});
  const FakeImage& image = tree.build();
  CHECK(image.finished);
  CHECK(image.tree.size() == 2);
  CHECK(tree.result.entries == 0);
  CHECK(tree.result.directories == 0);
}

TEST_CASE("figures count what the image holds, the root where a source has it, not lost+found",
          "[tree][A40]") {
  Tree tree({directory("./"), directory("lost+found"), directory("d"), file("d/a", "123"),
             file("d/a", "45"), hard_link("b", "d/a"), hard_link("c", "d/a"), symlink("s", "x"),
             special("f", FileType::Fifo), special("n", FileType::CharDevice, 1, 3),
             file("implied/x")});
  tree.build();
  CHECK(tree.result.entries == 11);
  CHECK(tree.result.files == 2);
  CHECK(tree.result.directories == 3);
  CHECK(tree.result.symlinks == 1);
  CHECK(tree.result.hard_links == 2);
  CHECK(tree.result.others == 2);
  CHECK(tree.result.content_bytes == 5);
}

TEST_CASE("sources come one over the other", "[tree][A09][A10]") {
  Tree tree({directory("d").mode(0700), file("d/a", "1"), file("d/b", "1")});
  tree.add({file("d/a", "2"), directory("e")}, "second");
  const FakeImage& image = tree.build();
  CHECK(image.at("/d/a").content == "2");
  CHECK(image.at("/d/b").content == "1");
  CHECK(image.at("/d").meta.permissions == 0700);
  CHECK(image.has("/e"));
}

TEST_CASE("fractions of seconds that small inodes drop are one warning with a count",
          "[tree][A26]") {
  Tree tree({file("a").mtime(1, 5), file("b").mtime(2, 0), directory("c").mtime(3, 1),
             hard_link("l", "a").mtime(4, 4)});
  fake_settings().inode_size = 128;
  tree.build();
  REQUIRE(tree.observer.warnings.size() == 1);
  CHECK(tree.observer.warnings[0].code == "times-without-fractions");
  CHECK(tree.observer.warnings[0].message.starts_with("2 entries"));
  Tree large({file("a").mtime(1, 5)});
  large.build();
  CHECK(large.observer.warnings.empty());
}

TEST_CASE("a full image is read on to its end to say what it would take", "[tree][A35]") {
  Tree tree({file("a", "12345"), file("b", "12345"), file("c", "12345")});
  tree.observer.measures = SIZE_MAX;
  fake_settings().full_after_bytes = 7;
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::NoSpace, "full"));
  CHECK(fake_image().counted_bytes == 10);
  CHECK(tree.observer.asked > 0);
  CHECK(tree.observer.reports.back().stage == Progress::Stage::Measuring);

  Tree fits({file("a", "12345"), file("b", "12")});
  fake_settings().full_after_bytes = 7;
  CHECK_NOTHROW(fits.build());
  CHECK(fits.observer.asked == 0);
}

TEST_CASE("measuring ends when the observer has had enough", "[tree][A35]") {
  const auto measures = GENERATE(0u, 1u, 2u);
  Tree tree({file("a", "12345"), file("b", "12345"), file("c", "12345"), hard_link("open", "never"),
             failure(Error(Errc::Io, "not reached"))});
  tree.add({failure(Error(Errc::Io, "not reached"))});
  tree.observer.measures = measures;
  fake_settings().full_after_bytes = 4;
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::NoSpace, "full, at least"));
  CHECK(tree.observer.asked == measures + 1);
}

TEST_CASE("measuring ends within a file, too", "[tree][A35]") {
  Tree tree;
  auto source = std::make_unique<MemorySource>(std::vector<Item>{file("a", "1234567890")});
  source->chunk_bytes = 1;
  tree.sources.emplace_back().source = std::move(source);
  tree.observer.measures = 2;
  fake_settings().full_after_bytes = 4;
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::NoSpace, "full, at least"));
  CHECK(fake_image().counted_bytes == 3);
}

TEST_CASE("a stop request ends the job at the next entry or chunk", "[tree]") {
  class Stopper : public MemorySource {
   public:
    Stopper(std::stop_source& stop, int entry, int chunk)
        : MemorySource({file("a", "12345"), file("b", "12345"), directory("c"), directory("d")}),
          stop_(stop),
          entry_(entry),
          chunk_(chunk) {
      chunk_bytes = 1;
    }
    const Entry* next() override {
      if (--entry_ == 0) stop_.request_stop();
      return MemorySource::next();
    }
    std::optional<DataChunk> next_chunk() override {
      if (--chunk_ == 0) stop_.request_stop();
      return MemorySource::next_chunk();
    }

   private:
    std::stop_source& stop_;
    int entry_, chunk_;
  };
  // What a request during an entry or chunk lets through: bytes of content, and inodes beside root
  // and lost+found.
  const auto [entry, chunk, taken, inodes] = GENERATE(table<int, int, std::size_t, std::size_t>(
      {{1, 0, 0, 1}, {2, 0, 5, 2}, {0, 3, 2, 1}, {0, 7, 5, 2}, {3, 0, 10, 3}}));
  CAPTURE(entry, chunk);
  std::stop_source stop;
  Tree tree;
  tree.how.stop = stop.get_token();
  tree.sources.emplace_back().source = std::make_unique<Stopper>(stop, entry, chunk);
  CHECK_THROWS_MATCHES(tree.build(), Error, IsError(Errc::Interrupted, "interrupted"));
  CHECK_FALSE(fake_image().finished);
  std::size_t bytes = 0;
  for (const FakeNode& node : fake_image().nodes) bytes += node.content.size();
  CHECK(bytes == taken);
  CHECK(fake_image().nodes.size() - 2 == inodes);
}

TEST_CASE("progress grows, ends with the sums, and does not come for every entry", "[tree][A40]") {
  std::vector<Item> items;
  for (int i = 0; i < 1000; ++i) items.push_back(file(fmt::format("f{}", i), "xx"));
  Tree tree(std::move(items));
  tree.add({file("last", "1")});
  tree.build();
  const auto& reports = tree.observer.reports;
  REQUIRE(reports.size() > 5);
  CHECK(reports.size() < 20);
  for (std::size_t i = 1; i < reports.size(); ++i) {
    CHECK(reports[i].entries >= reports[i - 1].entries);
    CHECK(reports[i].bytes_read >= reports[i - 1].bytes_read);
    CHECK(reports[i].content_bytes >= reports[i - 1].content_bytes);
    CHECK(reports[i].bytes_total == 1001);
  }
  CHECK(reports.back().entries == 1001);
  CHECK(reports.back().bytes_read == 1001);
  CHECK(reports.back().content_bytes == 2001);
  CHECK(reports.front().stage == Progress::Stage::Reading);
  CHECK(reports.back().stage == Progress::Stage::Writing);
}

TEST_CASE("the total is unknown when one source's is", "[tree][A40]") {
  class Pipe : public MemorySource {
   public:
    using MemorySource::MemorySource;
    Position position() const override { return {5, std::nullopt}; }
  };
  Tree tree({file("a")});
  tree.sources.emplace_back().source = std::make_unique<Pipe>(std::vector<Item>{file("b")});
  tree.add({file("c")});
  tree.build();
  CHECK(tree.observer.reports.back().bytes_total == std::nullopt);
  CHECK(tree.observer.reports.back().bytes_read == 7);
}

TEST_CASE("a large file reports every 8 MiB", "[tree][A40]") {
  Tree tree;
  auto source =
      std::make_unique<MemorySource>(std::vector<Item>{file("large", std::string(20u << 20, 'x'))});
  source->chunk_bytes = 1u << 20;
  tree.sources.emplace_back().source = std::move(source);
  tree.build();
  CHECK(tree.observer.reports.size() == 4);
}

TEST_CASE("populate applies the same rules to a filesystem that is there", "[tree][A42]") {
  Tree tree({file("a/b", "x"), directory("./").mode(0700)});
  tree.how.epoch = 9;
  const FakeImage& image = tree.populate_fresh();
  CHECK(image.at("/a/b").content == "x");
  CHECK(image.at("/").meta.permissions == 0700);
  CHECK(image.at("/a").meta.mtime.seconds == 9);
  CHECK(tree.result.files == 1);
}

}  // namespace rawimg::test
