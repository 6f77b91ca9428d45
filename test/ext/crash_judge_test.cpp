// SPDX-License-Identifier: MIT
// Power cuts: every write and sync of a commit is recorded, and whatever of it a disk may have kept
// is put on a copy of the image. The next command must find the old filesystem or the new one.
#include <algorithm>
#include <random>
#include <sstream>

#include <catch2/catch.hpp>

#include <rawimg/recovery.h>
#include <rawimg/transaction.h>

#include "ext/edit_model.h"
#include "ext/recording_seam.h"
#include "ext/small_tree.h"
#include "ext/undo_file.h"
#include "support/not_run.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kBytes = 12 << 20;
constexpr std::size_t kSector = 512;

struct Shape {
  const char* name;
  std::uint64_t offset;
  std::vector<std::string> words;  ///< for mke2fs
};

// At sector 69 the two sectors of the superblock lie in two pages of the host.
const std::vector<Shape> kShapes{
    {"ext2 at 63", 63 * kSector, {"-t", "ext2", "-b", "1024"}},
    {"ext3 at 0", 0, {"-t", "ext3", "-b", "1024", "-J", "size=1"}},
    {"ext4 at 69", 69 * kSector, {"-t", "ext4", "-b", "1024", "-J", "size=1"}},
    {"ext4 4K at 2048", 1 << 20, {"-t", "ext4", "-b", "4096", "-J", "size=4"}}};

Window window_of(ImageFile& image, const Shape& shape) {
  return {image, ByteRange{ByteOffset{shape.offset}, ByteCount{kBytes}}};
}

void apply(std::string& image, const RecordingSeam::Write& write) {
  std::copy(write.bytes.begin(), write.bytes.end(),
            image.begin() + static_cast<std::ptrdiff_t>(write.at));
}

/// A transaction from its beginning to its end, as the disk saw it.
struct Recorded {
  std::string before, after, undo;  ///< images; the undo file
  std::vector<RecordingSeam::Epoch> epochs;
  std::string listing_before, listing_after;

  /// All of the first epochs.
  std::string image_after(std::size_t count) const {
    std::string image = before;
    for (std::size_t e = 0; e < count; ++e)
      for (const RecordingSeam::Write& write : epochs[e]) apply(image, write);
    return image;
  }
};

Recorded record(const TempDir& dir, const Shape& shape, unsigned seed) {
  const fs::path path = dir / "recorded.img";
  write_file(path, std::string(shape.offset + kBytes, '\x5A'));
  std::vector<std::string> argv{
      "mke2fs", "-q", "-F", "-E",
      "offset=" + std::to_string(shape.offset) + ",lazy_itable_init=1,nodiscard"};
  argv.insert(argv.end(), shape.words.begin(), shape.words.end());
  argv.insert(argv.end(), {path.string(), std::to_string(kBytes / 1024) + "k"});
  const Outcome outcome = run(argv);
  INFO(outcome.text());
  REQUIRE(outcome.ok());

  const TransactionOptions how{
      .now = {1'700'000'000, 7}, .durability = Durability::Sync, .keep_undo_bytes = UINT64_MAX};
  EditModel model(seed);
  Recorded recorded;
  const auto change = [&](int steps, WriteSeam* seam) {
    ImageFile image = ImageFile::open(path, Access::ReadWrite);
    image.set_seam(seam);
    Transaction transaction = Transaction::begin(window_of(image, shape), how);
    for (int i = 0; i < steps; ++i) model.step(transaction);
    transaction.commit();
  };
  change(60, nullptr);
  recorded.before = read_file(path);
  recorded.listing_before = model.listing();
  RecordingSeam seam(path);
  change(60, &seam);
  recorded.epochs = seam.epochs();
  recorded.after = read_file(path);
  recorded.listing_after = model.listing();
  recorded.undo = read_file(path.string() + ".rawimg-kept");
  return recorded;
}

/// The blocks that dumpe2fs calls free, as bytes of the image that may hold anything.
std::vector<bool> free_blocks(const fs::path& image, const Shape& shape, std::uint64_t block_size) {
  const Outcome outcome =
      run({"dumpe2fs", image.string() + "?offset=" + std::to_string(shape.offset)});
  REQUIRE(outcome.ok());
  std::vector<bool> free(kBytes / block_size);
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("  Free blocks: ");
    if (at != 0) continue;
    std::istringstream ranges(line.substr(15));
    for (std::string range; std::getline(ranges, range, ',');) {
      const std::size_t dash = range.find('-');
      const std::size_t first = std::stoul(range), last = dash == std::string::npos
                                                              ? first
                                                              : std::stoul(range.substr(dash + 1));
      for (std::size_t b = first; b <= last; ++b) free[b] = true;
    }
  }
  return free;
}

class Crashes {
 public:
  Crashes(const Shape& shape, unsigned seed)
      : shape_(shape), recorded_(record(dir_, shape, seed)), random_(seed) {
    write_file(path_, recorded_.before);
    block_size_ = shape.words[3] == "4096" ? 4096 : 1024;
    free_before_ = free_blocks(path_, shape, block_size_);
    write_file(path_, recorded_.after);
    free_after_ = free_blocks(path_, shape, block_size_);
    REQUIRE(recorded_.listing_before != recorded_.listing_after);
  }

  const Recorded& recorded() const { return recorded_; }
  fs::path path() const { return path_; }
  std::size_t saw_old = 0, saw_new = 0, states = 0;

  /// Part of an epoch: some writes, some sectors of some.
  std::string with_some_of(std::string image, const RecordingSeam::Epoch& epoch) {
    for (const RecordingSeam::Write& write : epoch) {
      const unsigned fate = pick(4);
      if (fate == 0) continue;
      if (fate != 1) {
        apply(image, write);
        continue;
      }
      for (std::size_t at = 0; at < write.bytes.size(); at += kSector)
        if (pick(2) == 0) apply(image, {write.at + at, write.bytes.substr(at, kSector)});
    }
    return image;
  }
  /// The first writes of an epoch, and some first sectors of the next one.
  std::string with_first_of(std::string image, const RecordingSeam::Epoch& epoch,
                            std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) apply(image, epoch[i]);
    if (count < epoch.size()) {
      const std::size_t sectors = epoch[count].bytes.size() / kSector;
      const std::size_t kept = sectors < 2 ? 0 : pick(static_cast<unsigned>(sectors));
      apply(image, {epoch[count].at, epoch[count].bytes.substr(0, kept * kSector)});
    }
    return image;
  }

  void put(const std::string& image, const std::string& undo) {
    write_file(path_, image);
    for (const char* suffix : {".rawimg-undo", ".rawimg-undo.stale", ".rawimg-kept"})
      fs::remove(path_.string() + suffix);
    if (!undo.empty()) write_file(path_.string() + ".rawimg-undo", undo);
  }

  /// What a crash left is in place: readers, then writers, must find one of the two.
  void require_old_or_new() {
    ++states;
    const std::string read_only = EditModel::listing_past_crash(path_, shape_.offset, kBytes);
    {
      ImageFile image = ImageFile::open(path_, Access::ReadWrite);
      recover(image);
    }
    REQUIRE(fsck_complaints(path_, shape_.offset) == "");
    std::string found;
    {
      ImageFile image = ImageFile::open(path_, Access::ReadOnly);
      found = EditModel::listing(ExtFs::open(window_of(image, shape_)));
    }
    CHECK(read_only == found);
    const bool is_old = found == recorded_.listing_before;
    REQUIRE((is_old || found == recorded_.listing_after));
    ++(is_old ? saw_old : saw_new);
    require_bytes(is_old ? recorded_.before : recorded_.after, is_old ? free_before_ : free_after_);
  }

 private:
  unsigned pick(unsigned below) {
    return std::uniform_int_distribution<unsigned>(0, below - 1)(random_);
  }

  /// Every block in use, and everything outside the filesystem, is that of one of the two.
  void require_bytes(const std::string& expected, const std::vector<bool>& free) {
    const std::string found = read_file(path_);
    REQUIRE(found.size() == expected.size());
    REQUIRE(found.compare(0, shape_.offset, expected, 0, shape_.offset) == 0);
    for (std::size_t b = 0; b < free.size(); ++b) {
      if (free[b]) continue;
      CAPTURE(b);
      const std::size_t at = shape_.offset + b * block_size_;
      if (found.compare(at, block_size_, expected, at, block_size_) != 0)
        FAIL("a block in use is neither of before nor of after");
    }
  }

  TempDir dir_;
  Shape shape_;
  Recorded recorded_;
  fs::path path_ = dir_ / "crashed.img";
  std::uint64_t block_size_ = 0;
  std::vector<bool> free_before_, free_after_;
  std::mt19937 random_;
};

// The epochs of a commit: content | mark | all but the superblock | superblock | (punches).
constexpr std::size_t kContent = 0, kMark = 1, kBody = 2, kSuper = 3, kBehind = 4;

}  // namespace

TEST_CASE("whatever part of a commit a disk kept, it is the old filesystem or the new one",
          "[judge][edit][crash][E14]") {
  const Shape shape = GENERATE(from_range(kShapes));
  CAPTURE(shape.name);
  Crashes crashes(shape, static_cast<unsigned>(shape.offset) + 5);
  const Recorded& recorded = crashes.recorded();
  REQUIRE(recorded.epochs.size() == kBehind + 1);
  REQUIRE(recorded.epochs[kMark].size() == 1);
  REQUIRE(recorded.epochs[kSuper].size() == 1);
  REQUIRE(recorded.epochs[kBody].size() > 3);
  for (std::size_t epoch = 0; epoch <= kSuper; ++epoch) {
    const std::string& undo = epoch == kContent ? "" : recorded.undo;
    const std::string base = recorded.image_after(epoch);
    const RecordingSeam::Epoch& writes = recorded.epochs[epoch];
    CAPTURE(epoch, writes.size());
    // Content goes to free blocks: its prefixes differ in nothing that anybody looks at.
    const std::size_t step = epoch == kContent ? std::max<std::size_t>(1, writes.size() / 4) : 1;
    for (std::size_t first = 0; first <= writes.size(); first += step) {
      CAPTURE(first);
      crashes.put(crashes.with_first_of(base, writes, first), undo);
      crashes.require_old_or_new();
    }
    for (int subset = 0; subset < 16; ++subset) {
      CAPTURE(subset);
      crashes.put(crashes.with_some_of(base, writes), undo);
      crashes.require_old_or_new();
    }
  }
  // Behind the commit point the undo file is on its way out, and freed blocks are punched.
  for (const std::string& undo : {recorded.undo, std::string()}) {
    crashes.put(crashes.with_some_of(recorded.image_after(kBehind), recorded.epochs[kBehind]),
                undo);
    crashes.require_old_or_new();
  }
  CHECK(crashes.saw_old > 20);
  CHECK(crashes.saw_new >= 3);
}

TEST_CASE("an undo file that was cut anywhere is one that was never finished",
          "[judge][edit][crash]") {
  Crashes crashes(kShapes[2], 9);
  const Recorded& recorded = crashes.recorded();
  const std::string image = recorded.image_after(kMark);  // content is written, the mark is not
  const std::size_t size = recorded.undo.size();
  for (const std::size_t kept : {std::size_t{1}, std::size_t{15}, std::size_t{95},
                                 std::size_t{1119}, size / 2, size - 33, size - 32, size - 1}) {
    CAPTURE(kept, size);
    crashes.put(image, recorded.undo.substr(0, kept));
    crashes.require_old_or_new();
    CHECK(fs::exists(crashes.path().string() + ".rawimg-undo.stale"));
  }
  std::string torn = recorded.undo;
  std::fill(torn.begin() + 2048, torn.begin() + 4096, '\0');  // a page that never came
  crashes.put(image, torn);
  crashes.require_old_or_new();
  CHECK(crashes.saw_old == crashes.states);
}

TEST_CASE("an undo file is not applied where there never was a mark", "[judge][edit][crash]") {
  Crashes crashes(kShapes[2], 9);
  const Recorded& recorded = crashes.recorded();
  const std::size_t super = kShapes[2].offset + 1024;
  for (const std::size_t old_half : {std::size_t{0}, kSector}) {
    // One sector of the superblock from before, one from after: no commit leaves that.
    std::string mixed = recorded.after;
    mixed.replace(super + old_half, kSector, recorded.before, super + old_half, kSector);
    REQUIRE((mixed != recorded.after));
    REQUIRE(mixed.compare(super, 2 * kSector, recorded.before, super, 2 * kSector) != 0);
    crashes.put(mixed, recorded.undo);
    ImageFile image = ImageFile::open(crashes.path(), Access::ReadWrite);
    CHECK(recover(image).outcome == Recovery::Outcome::SetAside);
    CHECK((read_file(crashes.path()) == mixed));
    CHECK((read_file(crashes.path().string() + ".rawimg-undo.stale") == recorded.undo));
  }
}

TEST_CASE("what was torn at the very end is finished, and that can be torn again",
          "[judge][edit][crash]") {
  Crashes crashes(kShapes[2], 9);
  const Recorded& recorded = crashes.recorded();
  const std::size_t super = kShapes[2].offset + 1024;
  for (const std::size_t marked_half : {std::size_t{0}, kSector}) {
    std::string torn = recorded.image_after(kSuper);
    apply(torn, recorded.epochs[kSuper][0]);
    torn.replace(super + marked_half, kSector, recorded.image_after(kSuper), super + marked_half,
                 kSector);
    crashes.put(torn, recorded.undo);
    RecordingSeam seam(crashes.path());
    {
      ImageFile image = ImageFile::open(crashes.path(), Access::ReadWrite);
      image.set_seam(&seam);
      REQUIRE(recover(image).outcome == Recovery::Outcome::Finished);
    }
    for (const RecordingSeam::Epoch& epoch : seam.epochs())
      for (int subset = 0; subset < 8; ++subset) {
        crashes.put(crashes.with_some_of(torn, epoch), recorded.undo);
        crashes.require_old_or_new();
      }
  }
  CHECK(crashes.saw_old == 0);
}

TEST_CASE("taking back what was interrupted can be interrupted anywhere, and be repeated",
          "[judge][edit][crash]") {
  const Shape shape = kShapes[GENERATE(0U, 2U)];
  CAPTURE(shape.name);
  Crashes crashes(shape, 21);
  const Recorded& recorded = crashes.recorded();
  const std::string marked =
      crashes.with_some_of(recorded.image_after(kBody), recorded.epochs[kBody]);
  crashes.put(marked, recorded.undo);
  RecordingSeam seam(crashes.path());
  {
    ImageFile image = ImageFile::open(crashes.path(), Access::ReadWrite);
    image.set_seam(&seam);
    REQUIRE(recover(image).outcome == Recovery::Outcome::RolledBack);
  }
  const std::vector<RecordingSeam::Epoch> epochs = seam.epochs();
  REQUIRE(epochs.size() == 3);  // pre-images | superblock | nothing
  std::string base = marked;
  for (const RecordingSeam::Epoch& epoch : epochs) {
    for (std::size_t first = 0; first <= epoch.size(); ++first) {
      CAPTURE(first);
      crashes.put(crashes.with_first_of(base, epoch, first), recorded.undo);
      crashes.require_old_or_new();
    }
    for (int subset = 0; subset < 10; ++subset) {
      crashes.put(crashes.with_some_of(base, epoch), recorded.undo);
      crashes.require_old_or_new();
    }
    for (const RecordingSeam::Write& write : epoch) apply(base, write);
  }
  CHECK(crashes.saw_new == 0);
}

TEST_CASE("while the mark is there, e2fsck refuses the filesystem at every step",
          "[judge][edit][crash]") {
  const Shape shape = GENERATE(from_range(kShapes));
  CAPTURE(shape.name);
  Crashes crashes(shape, 2);
  const Recorded& recorded = crashes.recorded();
  for (int subset = 0; subset < 6; ++subset) {
    crashes.put(crashes.with_some_of(recorded.image_after(kBody), recorded.epochs[kBody]),
                recorded.undo);
    const std::string before = read_file(crashes.path());
    const Outcome refused =
        run({"e2fsck", "-fn", crashes.path().string() + "?offset=" + std::to_string(shape.offset)});
    CAPTURE(refused.text());
    CHECK(refused.exit_code == 8);
    CHECK_THAT(refused.text(), Catch::Contains("unsupported feature"));
    CHECK(read_file(crashes.path()) == before);
  }
}

TEST_CASE("a kernel does not mount a filesystem that is marked, not even to read it",
          "[judge][edit][crash]") {
  require_root("what a kernel says of the mark");
  const Shape shape = GENERATE(from_range(kShapes));
  CAPTURE(shape.name);
  Crashes crashes(shape, 4);
  const Recorded& recorded = crashes.recorded();
  const TempDir at;
  const auto mounts = [&](const std::string& image) {
    crashes.put(image, recorded.undo);
    const bool done = run({"mount", "-o", "loop,ro,offset=" + std::to_string(shape.offset),
                           crashes.path().string(), at.path().string()})
                          .ok();
    if (done) run({"umount", at.path().string()});
    return done;
  };
  if (!mounts(recorded.before))
    throw NotRun("no loop mount to be had: what a kernel says of the mark");
  CHECK_FALSE(mounts(recorded.image_after(kBody)));   // marked, nothing else written
  CHECK_FALSE(mounts(recorded.image_after(kSuper)));  // all but the last write
  CHECK(mounts(recorded.after));
}
