// SPDX-License-Identifier: MIT
#include <algorithm>
#include <sstream>

#include "conformance/conformance.h"

namespace rawimg::conformance {
namespace {

std::string want(bool is_so, const std::string& why) { return is_so ? "" : why; }
bool edits(Tool tool) { return tool != Tool::Genext2fs && tool != Tool::Mke2fs; }

/// One change in the words of each tool; an empty one is not offered. `@` is the image, `#` a file
/// of the host.
struct Change {
  Words rawimg_words, debugfs_requests, e2tools_words;
};

Words filled(const Bench& bench, Words words, const std::string& image) {
  for (std::string& word : words) {
    if (word.starts_with('@')) word = image + word.substr(1);
    for (std::size_t at = word.find('#'); at != std::string::npos; at = word.find('#', at + 1))
      word.replace(at, 1, bench.path("host").string());
  }
  return words;
}

test::Outcome run_change(Bench& bench, Tool tool, const Change& change) {
  const std::string image = bench.image.string();
  if (tool == Tool::Rawimg) return rawimg(filled(bench, change.rawimg_words, image + ":0"));
  if (tool == Tool::E2tools) return test::run(filled(bench, change.e2tools_words, image + ":"));
  test::Outcome outcome = debugfs_write(bench.image, filled(bench, change.debugfs_requests, image));
  // It has no exit code for failed requests: a message is what it has to say.
  std::string said = outcome.err;
  if (said.starts_with("debugfs 1.")) said.erase(0, said.find('\n') + 1);
  if (outcome.ok() && !said.empty()) outcome.exit_code = 1;
  return outcome;
}

bool offers(Tool tool, const Change& change) {
  if (tool == Tool::Rawimg) return !change.rawimg_words.empty();
  if (tool == Tool::Debugfs) return !change.debugfs_requests.empty();
  return edits(tool) && !change.e2tools_words.empty();
}

using Check = std::function<std::string(const Found&)>;
const Words kExt4{"-t", "ext4"};

void start(Bench& bench, const Words& options = kExt4) {
  make_filesystem(bench.image, options);
  bench.write("host", noise(20'480));
  prepare(bench.image, filled(bench, {"write # f", "mkdir d", "cd /d", "write # inner"}, ""));
}

/// The change is made, the filesystem stays clean, and `check` has nothing to say.
Row changes(std::string id, std::string behaviour, Change change, Check check,
            std::string note = {}) {
  return {std::move(id), std::move(behaviour),
          [=](Bench& bench, Tool tool) {
            if (!offers(tool, change)) return not_offered();
            start(bench);
            return judge_success(run_change(bench, tool, change), [&] {
              const std::string wrong = damage(bench.image);
              return wrong.empty() ? check(Found(bench.image)) : wrong;
            });
          },
          std::move(note)};
}

/// Each of these is to be refused and to change nothing that matters.
Verdict all_refused(Bench& bench, Tool tool, const std::vector<Change>& attempts) {
  for (const Change& attempt : attempts) {
    if (!offers(tool, attempt)) continue;
    const Verdict verdict = judge_refusal(run_change(bench, tool, attempt));
    if (verdict.word != "yes") return verdict;
    if (const std::string wrong = damage(bench.image); !wrong.empty()) return no(wrong);
  }
  return yes();
}

std::uint64_t free_blocks(const fs::path& image) {
  return std::stoull(Found(image).header("Free blocks"));
}

Verdict create(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  start(bench);
  const std::uint64_t before = free_blocks(bench.image);
  // Over what is there: the old blocks come back.
  const Change over{
      {"cp", "#", "@/d/inner"}, {"cd /d", "rm inner", "write # inner"}, {"e2cp", "#", "@/d/inner"}};
  const Verdict replaced = judge_success(run_change(bench, tool, over), [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    return want(free_blocks(bench.image) == before, "the old blocks are lost");
  });
  if (replaced.word != "yes") return replaced;
  return all_refused(
      bench, tool,
      {{{"cp", "#", "@/missing/x"}, {"cd /missing", "quit"}, {"e2cp", "#", "@/missing/x"}}});
}

Verdict sizes(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  start(bench);
  for (const std::size_t n : {4096, 4097, 8192, 6000, 20'480, 40'960, 3'000'000}) {
    bench.write("host", noise(n));
    const std::string name = "f" + std::to_string(n);
    const Change change{{"cp", "#", "@/" + name}, {"write # " + name}, {"e2cp", "#", "@/" + name}};
    const Verdict verdict = judge_success(run_change(bench, tool, change), [&] {
      return want(Found(bench.image).cat("/" + name) == noise(n), "the content is another");
    });
    if (verdict.word != "yes") return verdict;
  }
  return holds(damage(bench.image));
}

Verdict make_directories(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  start(bench);
  const Change change{{"mkdir", "@/new"}, {"mkdir new"}, {"e2mkdir", "@/new"}};
  const Verdict made = judge_success(run_change(bench, tool, change), [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    return want(Found(bench.image).field("/", "Links") == "5", "the parent's links are wrong");
  });
  if (made.word != "yes") return made;
  return all_refused(bench, tool,
                     {{{"mkdir", "@/f/x"}, {"mkdir f/x"}, {"e2mkdir", "@/f/x"}},
                      {{"mkdir", "@/f"}, {"mkdir f"}, {"e2mkdir", "@/f"}}});
}

Verdict removals(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  start(bench);
  const Verdict kept = all_refused(bench, tool,
                                   {{{"rm", "@/d"}, {"rmdir d"}, {"e2rm", "@/d"}},
                                    {{"rm", "@/missing"}, {"rm missing"}, {"e2rm", "@/missing"}},
                                    {{"rm", "-r", "@/"}, {"rmdir /"}, {"e2rm", "-r", "@/"}}});
  if (kept.word != "yes") return kept;
  const std::uint64_t before = free_blocks(bench.image);
  const Change change{{"rm", "@/f"}, {"rm f"}, {"e2rm", "@/f"}};
  return judge_success(run_change(bench, tool, change), [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    return want(free_blocks(bench.image) > before, "no block comes back");
  });
}

/// Something that has to be refused before anything is written.
Verdict refuses_image(Bench& bench, Tool tool, const std::string& bytes) {
  test::write_file(bench.image, bytes);
  bench.write("host", "x");
  const Change change{{"cp", "#", "@/x"}, {"write # x"}, {"e2cp", "#", "@/x"}};
  const Verdict verdict = judge_refusal(run_change(bench, tool, change));
  if (test::read_file(bench.image) != bytes) return no("the image has changed");
  return verdict;
}

Verdict invalid_image(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  const Verdict verdict = refuses_image(bench, tool, noise(1 << 20));
  if (verdict.word != "yes") return verdict;
  // Who reads changes nothing.
  fs::remove(bench.image);
  start(bench);
  const std::string before = test::read_file(bench.image), image = bench.image.string();
  (void)(tool == Tool::Rawimg    ? rawimg({"cat", image + ":0/f"})
         : tool == Tool::Debugfs ? test::run({"debugfs", "-R", "cat /f", image})
                                 : test::run({"e2cp", image + ":/f", bench.path("o").string()}));
  return holds(want(test::read_file(bench.image) == before, "reading has changed it"));
}

Verdict with_feature(Bench& bench, Tool tool, const std::string& request) {
  if (!edits(tool)) return not_offered();
  start(bench);
  prepare(bench.image, {request});
  return refuses_image(bench, tool, test::read_file(bench.image));
}

/// Of several changes the last one fails.
Verdict all_or_nothing(Bench& bench, Tool tool) {
  if (tool == Tool::E2tools || !edits(tool)) return not_offered();
  start(bench);
  const std::string before = test::read_file(bench.image);
  const Change change{{"batch", "@", "-e", "rm :/f", "-e", "mkdir :/n", "-e", "rm :/missing"},
                      {"rm f", "mkdir n", "rm missing"},
                      {}};
  const Verdict verdict = judge_refusal(run_change(bench, tool, change));
  if (verdict.word != "yes") return verdict;
  return holds(want(test::read_file(bench.image) == before, "the changes before it stay"));
}

/// While one has it open for writing, another must not.
Verdict two_writers(Bench& bench, Tool tool) {
  if (tool == Tool::E2tools || !edits(tool)) return not_offered();
  start(bench);
  test::Command command;
  const std::string image = bench.image.string();
  command.argv = tool == Tool::Rawimg ? Words{RAWIMG_TOOL, "tee", image + ":0/held", "-q"}
                                      : Words{"debugfs", "-w", image};
  test::Process first(command);
  (void)first.feed(tool == Tool::Rawimg ? "x" : "mkdir held\n");
  test::Outcome outcome;
  for (int i = 0; i < 50; ++i) {  // until the first one has got so far
    test::run({"sleep", "0.05"});
    outcome = run_change(
        bench, tool,
        {{"mkdir", "@/other" + std::to_string(i)}, {"mkdir other" + std::to_string(i)}, {}});
    if (!outcome.ok()) break;
  }
  const Verdict verdict = judge_refusal(outcome);
  (void)first.wait();
  return verdict.word == "yes" ? yes() : no("both write");
}

/// Features whose counters this tool would have to keep right.
Verdict counters(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  std::string refusals;
  const std::vector<Words> kinds{{"-t", "ext4", "-O", "quota"},
                                 {"-t", "ext4", "-O", "bigalloc", "-C", "16384"},
                                 {"-t", "ext4", "-O", "ea_inode"},
                                 {"-t", "ext4", "-O", "inline_data"}};
  for (const Words& kind : kinds) {
    fs::remove(bench.image);
    start(bench, kind);
    const Change change{{"cp", "#", "@/new"}, {"write # new"}, {"e2cp", "#", "@/new"}};
    const Verdict verdict =
        judge_success(run_change(bench, tool, change), [&] { return damage(bench.image); });
    if (verdict.word == "no") return no(kind[3] + ": " + verdict.why);
    if (verdict.word == "refused") refusals += (refusals.empty() ? "" : ", ") + kind[3];
  }
  return refusals.empty() ? yes() : refused("refuses " + refusals);
}

Verdict growing_directory(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  make_filesystem(bench.image, {"-t", "ext4", "-b", "1024"});
  bench.write("host", "x");
  Words requests{"mkdir many", "cd /many"}, files;
  fs::create_directory(bench.path("many"));
  for (int i = 0; i < 300; ++i) {
    const std::string name = "a name of some length " + std::to_string(i);
    test::write_file(bench.path("many") / name, "x");
    requests.push_back("write # \"" + name + "\"");
    files.push_back((bench.path("many") / name).string());
  }
  test::Outcome outcome;
  if (tool == Tool::E2tools) {
    outcome = test::run({"e2mkdir", bench.image.string() + ":/many"});
    if (!outcome.ok()) return refused();
    Words words{"e2cp"};
    words.insert(words.end(), files.begin(), files.end());
    words.push_back(bench.image.string() + ":/many");
    outcome = test::run(words);
  } else {
    outcome =
        run_change(bench, tool, {{"cp", "-r", bench.path("many").string(), "@/"}, requests, {}});
  }
  return judge_success(outcome, [&] {
    const std::string wrong = damage(bench.image);
    if (!wrong.empty()) return wrong;
    return want(Found(bench.image).names("/many").size() == 300, "some are missing");
  });
}

/// The same at an offset, with something before and behind.
Verdict at_an_offset(Bench& bench, Tool tool) {
  if (!edits(tool)) return not_offered();
  if (tool == Tool::E2tools) return not_offered();
  start(bench);
  const std::string front(1 << 20, '\xA5'), behind(5000, '\xA5');
  const std::string whole = front + test::read_file(bench.image) + behind;
  const fs::path disk = bench.write("disk.img", whole);
  const std::string at = disk.string() + "?offset=1048576";
  const test::Outcome outcome = tool == Tool::Rawimg
                                    ? rawimg({"mkdir", at + ":/new"})
                                    : test::run({"debugfs", "-w", "-R", "mkdir new", at});
  return judge_success(outcome, [&] {
    const std::string now = test::read_file(disk);
    if (!now.starts_with(front) || !now.ends_with(behind))
      return std::string("bytes outside have changed");
    return damage(fs::path(at));
  });
}

}  // namespace

Rows edit_rows() {
  const std::string long_target(100, 't');
  return {
      {"E01", "a file goes in, over another, and not below what is missing", create},
      changes(
          "E02", "a file gets longer by a hole, and shorter",
          {{"batch", "@", "-e", "truncate -s 100000 :/f", "-e", "truncate -s 5000 :/f"}, {}, {}},
          [](const Found& fs) {
            return want(fs.cat("/f") == noise(20'480).substr(0, 5000), "the content is another");
          }),
      {"E03", "files of many sizes go in as they are", sizes},
      {"E04", "a directory is made, and not over or below a file", make_directories},
      {"E05", "a file is removed; a directory that holds something, and the root, are not",
       removals},
      changes(
          "E06", "symlinks, short and long",
          {{"batch", "@", "-e", "ln -s x :/s", "-e", "ln -s " + long_target + " :/l"},
           {"symlink s x", "symlink l " + long_target},
           {}},
          [=](const Found& fs) {
            return want(fs.field("/s", "Size") == "1" && fs.field("/l", "Size") == "100",
                        "a target is another");
          },
          "e2ln makes hard links only"),
      changes("E07", "a file gets another name in another directory",
              {{"mv", "@/f", "@/d/g"}, {}, {"e2mv", "@/f", "/d/g"}},
              [](const Found& fs) {
                return want(!fs.exists("/f") && fs.cat("/d/g") == noise(20'480), "it is not there");
              }),
      changes(
          "E08", "the label is changed", {{}, {"set_super_value volume_name scratch"}, {}},
          [](const Found& fs) {
            return want(fs.header("Filesystem volume name") == "scratch", "it has none");
          },
          "rawimg sets it when the filesystem is made; tune2fs changes it"),
      changes(
          "E09", "extended attributes are set and removed",
          {{"batch", "@", "-e", "xattr -s user.a=1 -s user.b=2 :/f", "-e", "xattr -x user.a :/f"},
           {"ea_set f user.a 1", "ea_set f user.b 2", "ea_rm f user.a"},
           {}},
          [](const Found& fs) {
            return want(fs.xattr("/f", "user.b") == "2" && fs.xattr("/f", "user.a") == "(none)",
                        "they are others");
          }),
      changes(
          "E10", "a hole is made in the middle of a file", {{}, {"punch f 1 2"}, {}},
          [](const Found& fs) {
            std::string content = noise(20'480);
            std::fill(content.begin() + 4096, content.begin() + 12'288, '\0');
            return want(fs.cat("/f") == content || fs.cat("/f").size() == content.size(),
                        "the content is another");
          },
          "rawimg makes holes where a file that goes in has zeros"),
      changes("E11", "a file goes into a directory given by its path",
              {{"cp", "#", "@/d/x"}, {"write # d/x"}, {"e2cp", "#", "@/d/x"}},
              [](const Found& fs) {
                return want(fs.cat("/d/x") == noise(20'480), "it is not there under that path");
              }),
      changes("E12", "mode and owner are given with the file",
              {{"cp", "--owner", "5:6", "--chmod", "600", "#", "@/x"},
               {"write # x", "sif x uid 5", "sif x gid 6", "sif x mode 0100600"},
               {"e2cp", "-O", "5", "-G", "6", "-P", "600", "#", "@/x"}},
              [=](const Found& fs) {
                return want(fs.field("/x", "User") == "5" && fs.field("/x", "Group") == "6" &&
                                fs.field("/x", "Mode") == "0600",
                            "they are others");
              }),
      {"E13", "what is no filesystem is refused and stays; reading changes nothing", invalid_image},
      {"E14", "of several changes, none is made when one fails", all_or_nothing},
      {"E15", "a feature that nobody knows is refused",
       [](Bench& bench, Tool tool) { return with_feature(bench, tool, "feature FEATURE_I29"); }},
      {"E16", "a journal that must be replayed keeps writers out",
       [](Bench& bench, Tool tool) { return with_feature(bench, tool, "feature needs_recovery"); }},
      {"E17", "two do not write at a time", two_writers},
      {"E18", "quota, bigalloc, ea_inode, inline_data: kept right, or refused", counters},
      {"E19", "a directory grows to 300 names and stays sound", growing_directory},
      {"E20", "the filesystem gets another size", [](Bench&, Tool) { return not_offered(); },
       "resize2fs does that; rawimg makes a filesystem in the size it is to have"},
      {"E21", "the same at an offset, and bytes around it stay", at_an_offset}};
}

}  // namespace rawimg::conformance
