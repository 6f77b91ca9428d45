// SPDX-License-Identifier: MIT
// Of the tools here rawimg alone knows partition tables; sfdisk judges them.
#include <sys/stat.h>

#include "conformance/conformance.h"

namespace rawimg::conformance {
namespace {

std::string want(bool is_so, const std::string& why) { return is_so ? "" : why; }

Row disk(std::string id, std::string behaviour, std::function<Verdict(Bench&)> attempt,
         std::string note = {}) {
  return {std::move(id), std::move(behaviour),
          [=](Bench& bench, Tool tool) {
            return tool == Tool::Rawimg ? attempt(bench) : not_offered();
          },
          std::move(note)};
}

void empty_disk(Bench& bench, std::uint64_t bytes = 64 << 20) {
  test::write_file(bench.image, "");
  fs::resize_file(bench.image, bytes);
}

test::Outcome partition(Bench& bench, Words lines) {
  Words words{"partition", bench.image.string()};
  words.insert(words.end(), lines.begin(), lines.end());
  words.push_back("--no-sync");
  return rawimg(words);
}

std::string sfdisk(const Bench& bench) {
  return test::run({"sfdisk", "-d", bench.image.string()}).out;
}

Verdict all_refused(Bench& bench, const std::vector<Words>& requests) {
  for (const Words& request : requests) {
    empty_disk(bench);
    const Verdict verdict = judge_refusal(partition(bench, request));
    if (verdict.word != "yes") return verdict;
  }
  return yes();
}

void make_table(Bench& bench, const std::string& script, std::uint64_t bytes = 64 << 20) {
  empty_disk(bench, bytes);
  test::Command command;
  command.argv = {"sfdisk", "-q", bench.image.string()};
  command.input = script;
  (void)test::run(std::move(command));
}

void patch(const Bench& bench, std::size_t at, const std::string& bytes) {
  std::string all = test::read_file(bench.image);
  all.replace(at, bytes.size(), bytes);
  test::write_file(bench.image, all);
}

Verdict bad_tables(Bench& bench) {
  const std::vector<std::pair<std::size_t, std::string>> faults{
      {510, std::string(2, '\0')},     // no signature
      {446, "\x12"},                   // a flag that is none
      {446 + 12, "\xFF\xFF\xFF\xFF"},  // past the end
  };
  for (const auto& [at, bytes] : faults) {
    make_table(bench, "label: dos\nstart=2048,type=83\n");
    patch(bench, at, bytes);
    const Verdict verdict = judge_refusal(rawimg({"ls", bench.image.string() + ":1/"}));
    if (verdict.word != "yes") return verdict;
  }
  return yes();
}

Verdict boot_code(Bench& bench) {
  empty_disk(bench);
  const std::string code = noise(440);
  patch(bench, 0, code);
  return judge_success(partition(bench, {"start=2048,type=83"}), [&] {
    const std::string bytes = test::read_file(bench.image);
    return want(bytes.starts_with(code) && sfdisk(bench).find("type=83") != std::string::npos,
                "the boot code is another");
  });
}

Verdict chs(Bench& bench) {
  empty_disk(bench, std::uint64_t{9} << 30);
  return judge_success(partition(bench, {"start=2048,type=83"}), [&] {
    // Sector 2048 can be said as cylinder, head, sector; an end beyond 8 GiB cannot.
    std::string sector(512, '\0');
    test::Command command;
    command.argv = {"head", "-c", "512", bench.image.string()};
    sector = test::run(std::move(command)).out;
    return want(sector.substr(446 + 5, 3) == "\xFE\xFF\xFF",
                "the end is not the last that CHS has");
  });
}

Verdict several(Bench& bench) {
  empty_disk(bench);
  return judge_success(
      partition(bench, {"size=10M,type=ef,bootable", "start=30M,size=5M,type=82", "type=83"}), [&] {
        const std::string table = sfdisk(bench);
        return want(
            table.find("type=ef, bootable") != std::string::npos &&
                table.find("start=       61440, size=       10240, type=82") != std::string::npos,
            "sfdisk reads another table");
      });
}

Verdict gpt(Bench& bench) {
  make_table(bench, "label: gpt\nsize=20M,type=L\n");
  const std::string image = bench.image.string();
  if (!rawimg({"format", image + ":1", "--no-sync"}).ok()) return refused();
  const test::Outcome outcome = rawimg({"info", image});
  return judge_success(outcome, [&] {
    return want(outcome.out.find("GPT") != std::string::npos &&
                    sfdisk(bench).find("label: gpt") != std::string::npos,
                "it is taken for an MBR");
  });
}

Verdict fat_sector(Bench& bench) {
  empty_disk(bench);
  patch(bench, 0, std::string("\xEB\x3C\x90mkfs.fat", 11));
  patch(bench, 54, "FAT16   ");
  patch(bench, 510, "\x55\xAA");
  return judge_refusal(rawimg({"ls", bench.image.string()}));
}

Verdict stays_inside(Bench& bench) {
  make_table(bench, "label: dos\nstart=2048,size=20480,type=83\n");
  const std::string image = bench.image.string();
  patch(bench, (2048 + 20480) * 512, std::string(4096, '\xA5'));
  if (!rawimg({"format", image + ":1", "--no-sync"}).ok()) return refused();
  const fs::path big = bench.write("big", noise(12 << 20));
  if (rawimg({"cp", big.string(), image + ":1/"}).exit_code != 5)
    return no("more than fits is not refused");
  const std::string bytes = test::read_file(bench.image);
  return holds(want(bytes.substr((2048 + 20480) * 512, 4096) == std::string(4096, '\xA5'),
                    "bytes behind the partition have changed"));
}

Verdict sparse(Bench& bench) {
  if (!rawimg({"init", bench.image.string(), "--size", "2G", "--no-sync", "-q"}).ok())
    return refused();
  struct stat status {};
  ::stat(bench.image.c_str(), &status);
  return holds(want(status.st_size == std::int64_t{2} << 30 && status.st_blocks * 512 < (8 << 20),
                    "it takes more than 8 MiB of the disk"));
}

Verdict beyond_32_bits(Bench& bench) {
  empty_disk(bench, (std::uint64_t{2} << 40) + (std::uint64_t{1} << 30));
  const Verdict too_long = judge_refusal(partition(bench, {"start=2048,size=4294967296,type=83"}));
  if (too_long.word != "yes") return too_long;
  const Verdict too_far = judge_refusal(partition(bench, {"start=4294967296,size=2048,type=83"}));
  if (too_far.word != "yes") return too_far;
  return judge_success(partition(bench, {"start=2048,size=4294965248,type=83"}), [&] {
    return want(sfdisk(bench).find("4294965248") != std::string::npos, "the size is another");
  });
}

Verdict disk_id(Bench& bench) {
  for (const std::string id : {"0x1", "0x2", "0xffffffff"}) {
    empty_disk(bench);
    const test::Outcome outcome =
        rawimg({"partition", bench.image.string(), "--disk-id", id, "--no-sync"});
    char expected[16];
    std::snprintf(expected, sizeof expected, "0x%08lx", std::stoul(id, nullptr, 16));
    const Verdict verdict = judge_success(outcome, [&] {
      return want(sfdisk(bench).find(std::string("label-id: ") + expected) != std::string::npos,
                  "the id is another");
    });
    if (verdict.word != "yes") return verdict;
  }
  return yes();
}

}  // namespace

Rows disk_rows() {
  return {
      disk("G01", "a table with a fault is refused", bad_tables),
      disk("G02", "boot code stays when a table is written", boot_code),
      disk("G03", "what CHS cannot say is the last that it can", chs),
      disk("G04", "several partitions, with gaps, types and the bootable flag", several),
      disk(
          "G05", "an extended partition is refused",
          [](Bench& bench) {
            make_table(bench, "label: dos\nsize=10M,type=83\nsize=20M,type=5\nsize=5M,type=83\n");
            return judge_refusal(rawimg({"ls", bench.image.string() + ":5/"}));
          },
          "extended partitions are not a goal of rawimg"),
      disk("G06", "overlaps, sector 0, the end passed and no size are errors",
           [](Bench& bench) {
             return all_refused(bench, {{"start=2048,size=10M", "start=4096,size=10M"},
                                        {"start=0,size=10M"},
                                        {"start=2048,size=1G"},
                                        {"start=2048,size=0"}});
           }),
      disk("G07", "lines of sfdisk's script language, and an error for what is none",
           [](Bench& bench) {
             empty_disk(bench);
             const Verdict made =
                 judge_success(partition(bench, {" START = 2048 , Size=10M, TYPE=83 "}), [&] {
                   return want(
                       sfdisk(bench).find("size=       20480, type=83") != std::string::npos,
                       "sfdisk reads another table");
                 });
             if (made.word != "yes") return made;
             return all_refused(bench, {{"start=2048,size=10M,colour=red"}, {"start=abc"}});
           }),
      disk("G08", "five partitions in an MBR are an error",
           [](Bench& bench) {
             return all_refused(bench, {{"size=1M", "size=1M", "size=1M", "size=1M", "size=1M"}});
           }),
      disk("G09", "a GPT is known for one, and its slots are used", gpt),
      disk("G10", "a boot sector of FAT is not taken for a table", fat_sector),
      disk("G11", "what goes into a partition stays inside of it", stays_inside),
      disk("G12", "a new disk is sparse", sparse),
      disk("G13", "an MBR ends at 2^32 sectors, and says so", beyond_32_bits),
      disk("G14", "the disk id is the one that was asked for", disk_id),
      disk(
          "G15", "a partition is moved or gets another size", [](Bench&) { return not_offered(); },
          "sfdisk does that")};
}

}  // namespace rawimg::conformance
