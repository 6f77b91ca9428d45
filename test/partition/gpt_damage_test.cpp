// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <functional>

#include <rawimg/error.h>

#include "partition/gpt_image.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using namespace std::literals;

namespace {

constexpr std::uint64_t kEnd = 8192;  // sectors of the default image

using Change = std::function<void(GptImage&)>;

}  // namespace

TEST_CASE("damage to both copies is refused with both reasons", "[partition][gpt]") {
  struct Row {
    const char* name;
    Change change;
    std::vector<std::string> reasons;  // of the primary, of the backup
  };
  const auto row = GENERATE(values<Row>({
      {"signatures",
       [](GptImage& gpt) { gpt.put(512, "efi").put((kEnd - 1) * 512, "efi"); },
       {"primary GPT is damaged (no signature 'EFI PART' in sector 1)",
        "so is the backup (no signature 'EFI PART' in sector 8191)"}},
      {"a bit of each header",
       [](GptImage& gpt) { gpt.spoil_header(Copy::Both, kDiskGuid, 1); },
       {"primary GPT is damaged (the CRC of its header is ", "backup (the CRC of its header is "}},
      {"a bit of the reserved field",
       [](GptImage& gpt) {
         gpt.spoil_header(Copy::Both, {20, 4}, 1);
       },
       {"(the CRC of its header is ", "backup (the CRC of its header is "}},
      {"an entry of each",
       [](GptImage& gpt) { gpt.spoil_entry(Copy::Both, 2, kLast, 5000); },
       {"(the CRC of its entries is ", "backup (the CRC of its entries is "}},
      {"the last entry, not in use",
       [](GptImage& gpt) {
         gpt.spoil_entry(Copy::Both, 128, {127, 1}, 1);
       },
       {"(the CRC of its entries is ", "backup (the CRC of its entries is "}},
      {"own sectors",
       [](GptImage& gpt) { gpt.header(Copy::Both, kOwnSector, 2); },
       {"the header in sector 1 says that it is in sector 2",
        "the header in sector 8191 says that it is in sector 2"}},
      {"usable sectors the wrong way round",
       [](GptImage& gpt) { gpt.header(Copy::Both, kFirstUsable, 8159); },
       {"primary GPT is damaged (its usable sectors are 8159 to 8158)",
        "backup (its usable sectors are 8159 to 8158)"}},
      {"usable sectors over the primary header",
       [](GptImage& gpt) { gpt.header(Copy::Both, kFirstUsable, 1); },
       {"its usable sectors 1 to 8158 begin where the table is", "so is the backup (its usable"}},
      {"usable sectors past the image",
       [](GptImage& gpt) { gpt.header(Copy::Both, kLastUsable, 8192); },
       {"its usable sectors 34 to 8192 end past the image, which has 8192 sectors", "backup (its"}},
      {"usable sectors to the end of 64 bits",
       [](GptImage& gpt) { gpt.header(Copy::Both, kLastUsable, UINT64_MAX); },
       {"34 to 18446744073709551615 end past the image, which has 8192 sectors", "backup (its"}},
      {"usable sectors over the backup",
       [](GptImage& gpt) {
         gpt.spoil_header(Copy::Primary, kDiskGuid, 1);
         gpt.header(Copy::Backup, kLastUsable, 8191);
       },
       {"(the CRC of its header is ",
        "its usable sectors 34 to 8191 hold its header (sector 8191)"}},
      {"usable sectors over the entries",
       [](GptImage& gpt) {
         gpt.header(Copy::Both, kFirstUsable, 33).header(Copy::Backup, kLastUsable, 8159);
       },
       {"its 32 sectors of entries at sector 2 overlap its usable sectors 33 to 8158",
        "its 32 sectors of entries at sector 8159 overlap its usable sectors 33 to 8159"}},
      {"entries over a header",
       [](GptImage& gpt) {
         gpt.header(Copy::Primary, kEntriesSector, 1).header(Copy::Backup, kEntriesSector, 8160);
       },
       {"its 32 sectors of entries at sector 1 overlap a header",
        "its 32 sectors of entries at sector 8160 overlap a header"}},
      {"entries past the image",
       [](GptImage& gpt) { gpt.header(Copy::Both, kEntriesSector, 8161); },
       {"its 32 sectors of entries at sector 8161 end past the image, which has 8192 sectors",
        "backup (its 32 sectors"}},
      {"entries at the end of 64 bits",
       [](GptImage& gpt) { gpt.header(Copy::Both, kEntriesSector, UINT64_MAX); },
       {"entries at sector 18446744073709551615 end past the image", "backup (its 32 sectors"}},
      {"entries whose byte is zero in 64 bits",
       [](GptImage& gpt) { gpt.header(Copy::Both, kEntriesSector, 1ULL << 55); },
       {"entries at sector 36028797018963968 end past the image", "backup (its 32 sectors"}},
      {"no entries",
       [](GptImage& gpt) { gpt.header(Copy::Both, kEntryCount, 0); },
       {"primary GPT is damaged (it has no entries)", "backup (it has no entries)"}},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  REQUIRE_NOTHROW(gpt.read());  // the base is good, so the one change is the cause
  row.change(gpt);
  for (const std::string& reason : row.reasons)
    CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, reason));
  CHECK(identify_disk(gpt.image().open()).kind == DiskKind::Gpt);
}

TEST_CASE("a damaged primary gives way to the backup, with a warning", "[partition][gpt]") {
  struct Row {
    const char* name;
    Change change;
    const char* why;
  };
  const auto row = GENERATE(values<Row>({
      {"signature", [](GptImage& gpt) { gpt.put(512, "efi"); },
       "(no signature 'EFI PART' in sector 1)"},
      {"all of its header", [](GptImage& gpt) { gpt.put(512, std::string(512, '\0')); },
       "(no signature 'EFI PART' in sector 1)"},
      {"header", [](GptImage& gpt) { gpt.spoil_header(Copy::Primary, kDiskGuid, 1); },
       "(the CRC of its header is "},
      {"header size", [](GptImage& gpt) { gpt.spoil_header(Copy::Primary, kHeaderSize, 93); },
       "(the CRC of its header is "},
      {"entries", [](GptImage& gpt) { gpt.spoil_entry(Copy::Primary, 1, kFirst, 1); },
       "(the CRC of its entries is "},
      {"the other copy's place, unsealed",
       [](GptImage& gpt) { gpt.spoil_header(Copy::Primary, kOtherSector, 4000); },
       "(the CRC of its header is "},
      {"the other copy's place, past the image",
       [](GptImage& gpt) { gpt.spoil_header(Copy::Primary, kOtherSector, UINT64_MAX); },
       "(the CRC of its header is "},
      {"the other copy's place, itself",
       [](GptImage& gpt) { gpt.spoil_header(Copy::Primary, kOtherSector, 1); },
       "(the CRC of its header is "},
      {"an absurd number of entries, sealed",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kEntryCount, 0xFFFFFFFF); },
       "(it has 4294967295 entries of 128 bytes: rawimg reads"},
      {"entries one too many, sealed",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kEntryCount, 4097); },
       "(it has 4097 entries of 128 bytes: rawimg reads"},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  row.change(gpt);
  const PartitionTable table = gpt.read();
  check_default(table);
  const std::string message = only_warning(table, "gpt-primary-damaged");
  const bool too_large = std::string_view(row.name).ends_with("entries, sealed") ||
                         std::string_view(row.name).ends_with("too many, sealed");
  CHECK(message.find(fmt::format("the primary GPT is {} {}", too_large ? "too large" : "damaged",
                                 row.why)) == 0);
  CHECK(message.find("); the backup at the end (sector 8191) is used") != std::string::npos);
}

TEST_CASE("a damaged backup is told of, and the primary is used", "[partition][gpt]") {
  struct Row {
    const char* name;
    Change change;
    const char* code;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"header", [](GptImage& gpt) { gpt.put(8191 * 512, std::string(512, '\0')); },
       "gpt-backup-damaged",
       "the backup GPT is damaged (no signature 'EFI PART' in sector 8191); the primary is used"},
      {"entries", [](GptImage& gpt) { gpt.spoil_entry(Copy::Backup, 1, kFirst, 1); },
       "gpt-backup-damaged", "the backup GPT is damaged (the CRC of its entries is "},
      {"entries larger than what is read",
       [](GptImage& gpt) { gpt.header(Copy::Backup, kEntrySize, 8192); }, "gpt-backup-damaged",
       "the backup GPT is damaged (it has 128 entries of 8192 bytes: "},
      {"other partitions", [](GptImage& gpt) { gpt.entry(Copy::Backup, 2, kLast, 5000); },
       "gpt-copies-differ",
       "the backup GPT (sector 8191) is not the same as the primary; the primary is used"},
      {"another disk", [](GptImage& gpt) { gpt.header(Copy::Backup, kDiskGuid, 1); },
       "gpt-copies-differ", "not the same as the primary"},
      {"named where the primary is",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kOtherSector, 1); }, "gpt-backup-damaged",
       "the primary GPT says that its backup is in sector 1"},
      {"named where nothing is",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kOtherSector, 8192); }, "gpt-backup-damaged",
       "(sector 8192 is past the end of the image, which has 8192 sectors)"},
      {"named at the end of 64 bits",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kOtherSector, UINT64_MAX); },
       "gpt-backup-damaged", "(sector 18446744073709551615 is past the end of the image"},
      {"named among the usable sectors",
       [](GptImage& gpt) { gpt.header(Copy::Primary, kOtherSector, 5000); }, "gpt-backup-damaged",
       "(no signature 'EFI PART' in sector 5000)"},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  row.change(gpt);
  const PartitionTable table = gpt.read();
  check_default(table);
  CHECK(only_warning(table, row.code).find(row.message) != std::string::npos);
}

TEST_CASE("usable sectors that hold the other copy's table are cut, with a warning",
          "[partition][gpt]") {
  GptImage gpt;
  SECTION("below: up to the backup's entries") { CHECK(gpt.read().warnings().empty()); }
  SECTION("their first sector") {
    gpt.header(Copy::Primary, kLastUsable, 8159);
    CHECK(only_warning(gpt.read(), "gpt-usable-sectors") ==
          "the usable sectors 34 to 8159 of the primary GPT hold sectors 8159 to 8190 of the "
          "backup's table; 34 to 8158 are used");
  }
  SECTION("all of them, and the header") {
    gpt.header(Copy::Primary, kLastUsable, 8191);
    const PartitionTable table = gpt.read();
    REQUIRE(table.warnings().size() == 2);
    CHECK(table.warnings().at(0).message.find("hold sectors 8191 to 8191 of the backup's table") !=
          std::string::npos);
    CHECK(table.warnings().at(1).message.ends_with("; 34 to 8158 are used"));
  }
  SECTION("the primary's entries, where the backup is used") {
    gpt.header(Copy::Backup, kFirstUsable, 33).spoil_entry(Copy::Primary, 1, kFirst, 1);
    const PartitionTable table = gpt.read();
    REQUIRE(table.warnings().size() == 2);
    CHECK(table.warnings().at(1).message.ends_with(
        "the usable sectors 33 to 8158 of the backup GPT hold sectors 2 to 33 of the primary's "
        "table; 34 to 8158 are used"));
  }
  const ByteRange usable = gpt.read().usable();
  CHECK(usable.start() == 34 * 512);
  CHECK(usable.end() == 8159 * 512);
  CHECK(gpt.read().partitions().size() == 2);
}

TEST_CASE("a partition that reaches into the other copy's table is refused", "[partition][gpt]") {
  struct Row {
    const char* name;
    Change change;
    const char* reason;  // or null
  };
  const auto row = GENERATE(values<Row>({
      {"it ends in front of the entries",
       [](GptImage& gpt) { gpt.entry(Copy::Both, 2, kLast, 8158); }, nullptr},
      {"it ends in the entries", [](GptImage& gpt) { gpt.entry(Copy::Both, 2, kLast, 8159); },
       "partition 2 (sectors 4096 to 8159) is not within the usable sectors 34 to 8158"},
      {"it ends in the header", [](GptImage& gpt) { gpt.entry(Copy::Both, 2, kLast, 8191); },
       "partition 2 (sectors 4096 to 8191) is not within the usable sectors 34 to 8158"},
      {"the backup is damaged, and its header there",
       [](GptImage& gpt) {
         gpt.entry(Copy::Both, 2, kLast, 8191).spoil_entry(Copy::Backup, 1, kFirst, 1);
       },
       "partition 2 (sectors 4096 to 8191) is not within the usable sectors 34 to 8158"},
      {"both copies call all usable",
       [](GptImage& gpt) {
         gpt.header(Copy::Backup, kLastUsable, 8191).entry(Copy::Both, 2, kLast, 8191);
       },
       "partition 2 (sectors 4096 to 8191) is not within the usable sectors 34 to 8158"},
      {"the backup is used, and it begins in the primary's entries",
       [](GptImage& gpt) {
         gpt.header(Copy::Backup, kFirstUsable, 33)
             .entry(Copy::Backup, 1, kFirst, 33)
             .spoil_entry(Copy::Primary, 1, kFirst, 1);
       },
       "partition 1 (sectors 33 to 4095) is not within the usable sectors 34 to 8158"},
      {"all that is usable is in the backup's entries",
       [](GptImage& gpt) { gpt.header(Copy::Backup, kEntriesSector, 34); },
       "the usable sectors 34 to 8190 of the primary GPT hold sectors 34 to 65 of the backup's"},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  gpt.header(Copy::Primary, kLastUsable, 8190);
  row.change(gpt);
  if (row.reason == nullptr)
    check_default(gpt.read());
  else
    CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, row.reason));
}

TEST_CASE("headers have 92 to 512 bytes", "[partition][gpt]") {
  const std::uint32_t size = GENERATE(0U, 91U, 92U, 93U, 511U, 512U, 513U, 0xFFFFFFFFU);
  CAPTURE(size);
  GptImage gpt;
  gpt.header(Copy::Both, kHeaderSize, size);
  if (size >= 92 && size <= 512)
    check_default(gpt.read());
  else
    CHECK_THROWS_MATCHES(
        gpt.read(), Error,
        IsError(Errc::Corrupt,
                fmt::format("its header has {} bytes, and 92 to 512 can be right", size)));
}

TEST_CASE("what lies behind 92 bytes counts for the CRC of a longer header", "[partition][gpt]") {
  GptImage gpt({.header_size = 512});
  gpt.put(512 + 511, "x");
  CHECK(only_warning(gpt.read(), "gpt-primary-damaged").find("CRC of its header") !=
        std::string::npos);
  GptImage shorter({.header_size = 511});
  shorter.put(512 + 511, "x");
  CHECK(shorter.read().warnings().empty());
}

TEST_CASE("entries of other sizes are refused", "[partition][gpt]") {
  struct Row {
    std::uint32_t count, size;
    Errc code;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {128, 0, Errc::Corrupt, "its entries have 0 bytes: 128, 256, 512 and so on can be right"},
      {128, 64, Errc::Corrupt, "its entries have 64 bytes"},
      {128, 127, Errc::Corrupt, "its entries have 127 bytes"},
      {128, 129, Errc::Corrupt, "its entries have 129 bytes"},
      {128, 384, Errc::Corrupt, "its entries have 384 bytes"},
      {128, 0xFFFFFFFF, Errc::Corrupt, "its entries have 4294967295 bytes"},
      {4, 8192, Errc::Unsupported,
       "it has 4 entries of 8192 bytes: rawimg reads entries of up to 4096 bytes, and 524288 bytes "
       "of them"},
      {1, 0x80000000, Errc::Unsupported, "it has 1 entries of 2147483648 bytes"},
      {4097, 128, Errc::Unsupported, "it has 4097 entries of 128 bytes"},
      {129, 4096, Errc::Unsupported, "it has 129 entries of 4096 bytes"},
      {0xFFFFFFFF, 0x80000000, Errc::Unsupported, "it has 4294967295 entries of 2147483648 bytes"},
      {0xFFFFFFFF, 128, Errc::Unsupported, "it has 4294967295 entries of 128 bytes"},
  }));
  CAPTURE(row.count, row.size);
  GptImage gpt;
  gpt.spoil_header(Copy::Both, kEntryCount, row.count).header(Copy::Both, kEntrySize, row.size);
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(row.code, row.reason));
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(row.code, "the primary GPT is "));
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(row.code, "), and so is the backup (it"));
}

TEST_CASE("a GPT of which one copy is too large and the other damaged is refused with both reasons",
          "[partition][gpt]") {
  GptImage gpt;
  gpt.put(8191 * 512, "efi").header(Copy::Primary, kEntryCount, 0xFFFFFFFF);
  const std::string large = "GPT is too large (it has 4294967295 entries of 128 bytes: ";
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Unsupported, large));
  CHECK_THROWS_MATCHES(gpt.read(), Error,
                       IsError(Errc::Unsupported, "and the backup is damaged (no signature"));
  try {
    (void)gpt.read();
  } catch (const Error& error) {
    CHECK(error.hint().find("IMG?offset=BYTES") != std::string::npos);
  }
}

TEST_CASE("an image that was cut short is read as far as its partitions reach",
          "[partition][gpt]") {
  struct Row {
    std::uint64_t sectors;
    const char* reason;  // of the refusal, or null
  };
  const auto row = GENERATE(values<Row>({
      {8191, nullptr},  // the backup's header is gone
      {8159, nullptr},  // all of the backup is
      {8158, "its usable sectors 34 to 8158 end past the image, which has 8158 sectors"},
      {100, "its usable sectors 34 to 8158 end past the image, which has 100 sectors"},
      {3, "end past the image, which has 3 sectors"},
      {2, "end past the image, which has 2 sectors"},
      {1, "primary GPT is damaged (sector 1 is past the end of the image, which has 1 sectors)"},
  }));
  const std::uint64_t tail = GENERATE(0ULL, 511ULL);  // no whole sector
  CAPTURE(row.sectors, tail);
  GptImage gpt;
  gpt.resize(row.sectors * 512 + tail);
  if (row.reason != nullptr) {
    CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, row.reason));
    return;
  }
  check_default(gpt.read());
  CHECK(only_warning(gpt.read(), "gpt-backup-damaged")
            .find(fmt::format("(sector 8191 is past the end of the image, which has {} sectors)",
                              row.sectors)) != std::string::npos);
}

TEST_CASE("the backup of an image that has grown is where the primary says", "[partition][gpt]") {
  GptImage gpt;
  gpt.resize(mib(8).value);
  CHECK(gpt.read().warnings().empty());
  SECTION("also a primary whose CRC is wrong") {
    gpt.spoil_header(Copy::Primary, kDiskGuid, 1);
    check_default(gpt.read());
    CHECK(only_warning(gpt.read(), "gpt-primary-damaged")
              .find("; the backup that it names (sector 8191) is used") != std::string::npos);
  }
  SECTION("and without a primary it is not found") {
    gpt.put(512, std::string(512, '\0'));
    CHECK_THROWS_MATCHES(
        gpt.read(), Error,
        IsError(Errc::Corrupt, "backup (no signature 'EFI PART' in sector 16383)"));
  }
}

TEST_CASE("where the named backup is damaged, the last sector may still hold one",
          "[partition][gpt]") {
  GptImage gpt;
  gpt.spoil_header(Copy::Primary, kOtherSector, 6000);
  gpt.put(6000 * 512, "EFI PART");
  check_default(gpt.read());
  gpt.put(8191 * 512, "efi");
  CHECK_THROWS_MATCHES(gpt.read(), Error,
                       IsError(Errc::Corrupt, "so is the backup (its header has 0 bytes"));
}

TEST_CASE("a GPT for sectors of 4096 bytes is refused for what it is", "[partition][gpt]") {
  GptImage gpt;
  gpt.put(512, std::string(512, '\0'))
      .put(8191 * 512, std::string(512, '\0'))
      .put(4096, "EFI PART");
  CHECK_THROWS_MATCHES(
      gpt.read(), Error,
      IsError(Errc::Unsupported, "its GPT has sectors of 4096 bytes: rawimg reads those of 512"));
}

TEST_CASE("whatever a sealed GPT says, it is read or refused", "[partition][gpt]") {
  // A small generator of our own: the same numbers everywhere.
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto next = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  constexpr GptField kFields[] = {kHeaderSize, kOwnSector,     kOtherSector, kFirstUsable,
                                  kLastUsable, kEntriesSector, kEntryCount,  kEntrySize};
  constexpr std::uint64_t kEdges[] = {0,    1,          2,          33,         34,
                                      128,  4096,       8158,       8190,       8191,
                                      8192, 1ULL << 32, 1ULL << 55, 1ULL << 63, UINT64_MAX};
  unsigned read = 0, refused = 0;
  for (int round = 0; round < 400; ++round) {
    GptImage gpt;
    const Copy which = next() % 2 == 0 ? Copy::Both : Copy::Primary;
    const auto value = [&] {
      return next() % 3 == 0 ? next() : kEdges[next() % std::size(kEdges)];
    };
    if (next() % 2 == 0)
      gpt.entry(which, next() % 2 == 0 ? 1 : 2, next() % 2 == 0 ? kFirst : kLast, value());
    if (next() % 2 == 0) gpt.header(which, kFields[next() % std::size(kFields)], value());
    if (next() % 4 == 0) gpt.resize(next() % (1 << 23));
    try {
      const std::uint64_t size = gpt.image().open().size().value;
      for (const Partition& partition : gpt.read().partitions())
        CHECK(partition.range().end() <= size);
      ++read;
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK((error.code() == Errc::Corrupt || error.code() == Errc::Unsupported));
      ++refused;
    }
  }
  CHECK(read > 50);
  CHECK(refused > 50);
}
