// SPDX-License-Identifier: MIT
#include <algorithm>

#include "conformance/conformance.h"

namespace rawimg::conformance {
namespace {

std::string want(bool is_so, const std::string& why) { return is_so ? "" : why; }
bool reads(Tool tool) { return tool != Tool::Genext2fs && tool != Tool::Mke2fs; }

/// A file of the filesystem, as the tool hands it out.
test::Outcome cat(Bench& bench, Tool tool, const std::string& path) {
  const std::string image = bench.image.string();
  if (tool == Tool::Rawimg) return rawimg({"cat", image + ":0" + path});
  if (tool == Tool::Debugfs) return test::run({"debugfs", "-R", "cat " + path, image});
  const fs::path out = bench.path("out");
  fs::remove(out);
  test::Outcome outcome = test::run({"e2cp", image + ":" + path, out.string()});
  if (outcome.ok() && fs::exists(out)) outcome.out = test::read_file(out);
  return outcome;
}

test::Outcome list(Bench& bench, Tool tool, const std::string& path) {
  const std::string image = bench.image.string();
  if (tool == Tool::Rawimg) return rawimg({"ls", "-l", image + ":0" + path});
  if (tool == Tool::Debugfs) return test::run({"debugfs", "-R", "ls -l " + path, image});
  return test::run({"e2ls", "-l", image + ":" + path});
}

/// What is wrong must be an error: another exit code than 0, or a message.
Verdict told(const test::Outcome& outcome, const std::string& what) {
  if (const std::string end = violent_end(outcome); !end.empty()) return no(end);
  if (!outcome.ok()) return yes();
  return outcome.err.empty() ? no("says nothing about " + what)
                             : no("exits with 0 after its message about " + what);
}

/// Content as it is, or not at all.
Verdict same(const test::Outcome& outcome, const std::string& content) {
  return judge_success(outcome,
                       [&] { return want(outcome.out == content, "another content, exit 0"); });
}

using Prepare = std::function<void(Bench&)>;
Row reading(std::string id, std::string behaviour, Prepare prepare_bench,
            std::function<Verdict(Bench&, Tool)> attempt, std::string note = {}) {
  return {std::move(id), std::move(behaviour),
          [=](Bench& bench, Tool tool) {
            if (!reads(tool)) return not_offered();
            prepare_bench(bench);
            return attempt(bench, tool);
          },
          std::move(note)};
}

void with_files(Bench& bench, const Words& options = {"-t", "ext4"}) {
  make_filesystem(bench.image, options);
  const std::string host = bench.write("host", noise(131'077)).string();
  prepare(bench.image, {"write " + host + " file", "mkdir d", "cd /d", "write " + host + " inner",
                        "symlink up ../file", "symlink abs /file", "symlink loop loop", "cd /",
                        "symlink long " + std::string(70, 'l'), "mknod null c 1 3"});
}

void patch(const fs::path& image, const std::string& from, const std::string& to) {
  std::string bytes = test::read_file(image);
  for (std::size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + 1))
    bytes.replace(at, to.size(), to);
  test::write_file(image, bytes);
}

Verdict garbage(Bench& bench, Tool tool) {
  for (const std::string& bytes :
       {std::string(100, 'x'), std::string(1 << 20, '\0'), noise(1 << 20)}) {
    test::write_file(bench.image, bytes);
    const Verdict verdict = told(list(bench, tool, "/"), "garbage");
    if (verdict.word != "yes") return verdict;
  }
  return yes();
}

/// Files of many kinds of filesystems: read right, or refused.
Verdict all_features(Bench& bench, Tool tool) {
  struct Kind {
    std::string name;
    Words options;
  };
  const std::vector<Kind> kinds{{"1 KiB blocks", {"-t", "ext2", "-b", "1024"}},
                                {"small inodes", {"-t", "ext3", "-I", "128"}},
                                {"metadata_csum", {"-t", "ext4", "-O", "64bit,metadata_csum"}},
                                {"metadata_csum_seed", {"-t", "ext4", "-O", "metadata_csum_seed"}},
                                {"bigalloc", {"-t", "ext4", "-O", "bigalloc", "-C", "16384"}},
                                {"inline_data", {"-t", "ext4", "-O", "inline_data"}},
                                {"meta_bg", {"-t", "ext4", "-O", "meta_bg,^resize_inode"}},
                                {"casefold", {"-t", "ext4", "-O", "casefold"}}};
  std::string refusals;
  for (const Kind& kind : kinds) {
    fs::remove(bench.image);
    with_files(bench, kind.options);
    const test::Outcome outcome = cat(bench, tool, "/file");
    const Verdict verdict = same(outcome, noise(131'077));
    if (verdict.word == "no") return verdict;
    if (verdict.word == "refused") refusals += (refusals.empty() ? "" : ", ") + kind.name;
  }
  return refusals.empty() ? yes() : refused("refuses " + refusals);
}

Verdict escaping_name(Bench& bench, Tool tool) {
  fs::create_directories(bench.path("target/sub"));
  const std::string image = bench.image.string(), target = bench.path("target/sub").string();
  test::Outcome outcome;
  if (tool == Tool::Rawimg)
    outcome = rawimg({"cp", "-r", image + ":0/d", target});
  else if (tool == Tool::Debugfs)
    outcome = test::run({"debugfs", "-R", "rdump /d " + target, image});
  else
    return not_offered();
  if (fs::exists(bench.path("target/evil"))) return no("writes outside of the target");
  return told(outcome, "the name");
}

Verdict directory_loop(Bench& bench, Tool tool) {
  const std::string image = bench.image.string();
  test::Command command;
  command.timeout = std::chrono::seconds(5);
  if (tool == Tool::Rawimg) {
    command.argv = {RAWIMG_TOOL, "ls", "-R", image + ":0/"};
  } else if (tool == Tool::Debugfs) {
    fs::create_directory(bench.path("target"));
    command.argv = {"debugfs", "-R", "rdump / " + bench.path("target").string(), image};
  } else {
    return not_offered();
  }
  return told(test::run(command), "the loop");
}

}  // namespace

Rows read_rows() {
  const auto files = [](Bench& bench) { with_files(bench); };
  return {
      reading(
          "D01", "what is no filesystem is an error", [](Bench&) {}, garbage),
      reading("D02", "the root and lost+found are listed", files,
              [](Bench& bench, Tool tool) {
                const test::Outcome outcome = list(bench, tool, "/");
                return judge_success(outcome, [&] {
                  return want(outcome.out.find("lost+found") != std::string::npos, "it is missing");
                });
              }),
      reading(
          "D03", "blocks that were reserved and never written read as zeros",
          [](Bench& bench) {
            make_filesystem(bench.image, {"-t", "ext4"});
            const std::string one = bench.write("one", "x").string();
            prepare(bench.image, {"write " + one + " f", "fallocate f 0 7", "sif f size 32768"});
          },
          [](Bench& bench, Tool tool) {
            return same(cat(bench, tool, "/f"), "x" + std::string(32'767, '\0'));
          }),
      reading("D04", "symlinks are followed inside of the filesystem; a loop is an error", files,
              [](Bench& bench, Tool tool) {
                for (const std::string path : {"/d/up", "/d/abs", "/d/../../file"}) {
                  const Verdict verdict = same(cat(bench, tool, path), noise(131'077));
                  if (verdict.word != "yes") return verdict;
                }
                return told(cat(bench, tool, "/d/loop"), "the loop");
              }),
      reading("D05", "where a symlink leads is shown, short and long", files,
              [](Bench& bench, Tool tool) {
                const std::string image = bench.image.string();
                const test::Outcome outcome =
                    tool == Tool::Rawimg    ? rawimg({"ls", "-l", image + ":0/"})
                    : tool == Tool::Debugfs ? test::run({"debugfs", "-R", "stat /long", image})
                                            : test::run({"e2ls", "-l", image + ":/"});
                return judge_success(outcome, [&] {
                  return want(outcome.out.find(std::string(70, 'l')) != std::string::npos,
                              "it is not shown");
                });
              }),
      reading("D06", "listing a file as a directory is an error, or lists the file", files,
              [](Bench& bench, Tool tool) {
                const test::Outcome outcome = list(bench, tool, "/file/x");
                return told(outcome, "the path");
              }),
      reading(
          "D07", "filesystems of many features are read right, or refused", [](Bench&) {},
          all_features),
      reading(
          "D08", "a journal that must be replayed is told, and stale data is not handed out",
          [](Bench& bench) {
            with_files(bench);
            prepare(bench.image, {"feature needs_recovery"});
          },
          [](Bench& bench, Tool tool) { return told(cat(bench, tool, "/file"), "the journal"); },
          "rawimg reads on with --ignore-journal"),
      reading(
          "D09", "a damaged block of extended attributes is an error, and no crash",
          [](Bench& bench) {
            make_filesystem(bench.image, {"-t", "ext2"});
            const std::string one = bench.write("one", "x").string();
            prepare(bench.image,
                    {"write " + one + " f", "ea_set f user.long " + std::string(300, 'v')});
            patch(bench.image, std::string(300, 'v'), std::string(300, 'w'));
            patch(bench.image, std::string("\x04\x01", 2) + std::string("\x88\x0e", 2),
                  std::string(4, '\xFF'));
          },
          [](Bench& bench, Tool tool) {
            const std::string image = bench.image.string();
            const test::Outcome outcome = tool == Tool::Rawimg ? rawimg({"stat", image + ":0/f"})
                                          : tool == Tool::Debugfs
                                              ? test::run({"debugfs", "-R", "ea_list f", image})
                                              : test::run({"e2ls", "-l", image + ":/f"});
            const std::string end = violent_end(outcome);
            return end.empty() ? yes() : no(end);
          }),
      reading(
          "D10", "an extent beyond the end of the filesystem is an error",
          [](Bench& bench) {
            with_files(bench, {"-t", "ext4", "-O", "^metadata_csum"});
            prepare(bench.image, {"set_inode_field file block[5] 99999999"});
          },
          [](Bench& bench, Tool tool) { return told(cat(bench, tool, "/file"), "the extent"); }),
      reading(
          "D11", "a device node has no content to read", files,
          [](Bench& bench, Tool tool) { return told(cat(bench, tool, "/null"), "the device"); }),
      reading(
          "D12", "128 KiB and an odd tail come out as they went in", files,
          [](Bench& bench, Tool tool) { return same(cat(bench, tool, "/file"), noise(131'077)); }),
      reading(
          "D13", "a name with a slash in it does not lead out of the target",
          [](Bench& bench) {
            make_filesystem(bench.image, {"-t", "ext2"});
            const std::string one = bench.write("one", "x").string();
            prepare(bench.image, {"mkdir d", "cd /d", "write " + one + " ..Xevil"});
            patch(bench.image, "..Xevil", "../evil");
          },
          escaping_name),
      reading(
          "D14", "directories that hold each other are told, and the walk ends",
          [](Bench& bench) {
            make_filesystem(bench.image, {"-t", "ext2"});
            prepare(bench.image, {"mkdir a", "mkdir a/b", "link a a/b/c"});
          },
          directory_loop)};
}

}  // namespace rawimg::conformance
