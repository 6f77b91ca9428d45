// SPDX-License-Identifier: MIT
// What is offered in place of a word; test/judge/completion_test.cpp has real shells ask.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include <fmt/format.h>
#include <rawimg/image_file.h>
#include <catch2/catch.hpp>

#include "cli/command.h"
#include "cli/edit_disk.h"
#include "complete/candidates.h"
#include "complete/typed_line.h"

using namespace rawimg;
using namespace rawimg::test;
using cli::complete;

namespace {

using Words = std::vector<std::string>;

/// Words, the last of them being typed: what is offered for it.
Words offered(Words words) {
  const std::string word = words.back();
  words.pop_back();
  Words found;
  for (const cli::Candidate& candidate : complete(words, word).candidates)
    found.push_back(candidate.word);
  return found;
}

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

cli::TypedLine read(std::string_view line, std::string_view breaks = " \t\n\"'@><=;|&(:") {
  return cli::read_typed_line(line, breaks, [](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "HOME") return "/home/me";
    if (std::string_view(name) == "D") return "a dir";
    return std::nullopt;
  });
}

/// What each shell's script reads.
Words records(const Words& words) {
  const CliResult result = run_rawimg(words, {.environment = {{"HOME", "/root"}}});
  CAPTURE(words, result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err == "");
  Words list;
  for (std::size_t at = 0; at < result.out.size();) {
    const std::size_t end = result.out.find('\0', at);
    list.push_back(result.out.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

Words for_bash(const std::string& line) {
  return records({"complete", "--shell=bash", "--breaks", " \t\n\"'@><=;|&(:", "--line", line});
}

}  // namespace

TEST_CASE("commands, verbs, topics and options come from the tables", "[cli][complete]") {
  CHECK(offered({"inf"}) == Words{"info"});
  CHECK(offered({""}).size() == cli::commands().size());
  CHECK(offered({"--v"}) == Words{"--version"});
  CHECK(offered({"fstab", "s"}) == Words{"set"});
  CHECK(has(offered({"passwd", ""}), "unlock"));
  CHECK(offered({"help", "exi"}) == Words{"exit-codes"});
  CHECK(has(offered({"help", ""}), "build"));
  for (const cli::Command* command : cli::commands()) {
    const Words all = offered({std::string(command->name), "-"});
    CAPTURE(command->name);
    for (const cli::OptionSpec& spec : cli::all_options(*command))
      CHECK(has(all, (spec.is_long() ? "--" : "-") + std::string(spec.name)));
  }
  CHECK(offered({"cp", "--", "--fo"}).empty());
  CHECK(offered({"nonsense", ""}).empty());
}

TEST_CASE("off is offered behind the terminal of serial", "[cli][complete]") {
  CHECK(offered({"serial", "x.img", "ttyS0", "o"}) == Words{"off"});
  CHECK(offered({"serial", "--image", "x.img", "ttyS0", "o"}) == Words{"off"});
  CHECK(offered({"serial", "x.img", "o"}).empty());
  CHECK(offered({"serial", "x.img", "ttyS0", "off", "o"}).empty());
}

TEST_CASE("values are offered where help lists them, and are taken", "[cli][complete]") {
  CHECK(offered({"init", "a.img", "-t", ""}) == Words{"ext2", "ext3", "ext4"});
  CHECK(offered({"init", "a.img", "--type", "ext3"}) == Words{"ext3"});
  CHECK(offered({"init", "a.img", "--type=ext"}) ==
        Words{"--type=ext2", "--type=ext3", "--type=ext4"});
  CHECK(offered({"build", "--progress", ""}) == Words{"auto", "bar", "json", "lines", "none"});
  CHECK(offered({"init", "--table", ""}) == Words{"mbr", "none"});
  CHECK(offered({"init", "--block-size", ""}) == Words{"1K", "2K", "4K"});
  CHECK(offered({"ls", "--time-style", ""}) == Words{"full-iso", "long-iso"});
  CHECK(offered({"info", "--boot", ""}) == Words{"firecracker", "gem5", "qemu"});
  CHECK(offered({"init", "--label", ""}).empty());
  CHECK_FALSE(complete({"init", "--label"}, "").host_files);
  CHECK(complete({"build", "--from"}, "").host_files);
  CHECK(complete({"build"}, "--from=x").host_files);
  const TempDir dir;
  for (const std::string& type : offered({"init", "-t", ""}))
    CHECK(run_rawimg({"init", (dir / "a.img").string(), "--size", "16M", "-t", type, "--dry-run"})
              .code == 0);
}

TEST_CASE("only a list of words in a help text is a list of values", "[cli][complete]") {
  const auto values = [](std::string_view help) { return cli::listed_values({"x", "X", help}); };
  CHECK(values("ext2, ext3 or ext4 (default: ext2)") == Words{"ext2", "ext3", "ext4"});
  CHECK(values("of init and format: a or b (default: a)") == Words{"a", "b"});
  CHECK(values("mbr, or none: no table") == Words{"mbr", "none"});
  CHECK(values("leave out what matches, of every source; repeatable").empty());
  CHECK(values("in units of this, rounded up: 1, 512").empty());
  CHECK(values("4096, 1M; of the size there is: +1M").empty());
  CHECK(values("root").empty());
  CHECK(cli::listed_values({"x", "", "a or b"}).empty());
  CHECK(cli::listed_verbs("list|add IMG") == Words{"list", "add"});
  CHECK(cli::listed_verbs("init FILE MB | new FILE MB") == Words{"init", "new"});
  CHECK(cli::listed_verbs("IN|- OUT").empty());
  CHECK(cli::listed_verbs("IMG --from SOURCE").empty());
}

TEST_CASE("an expression has the words that its help lists", "[cli][complete]") {
  CHECK(offered({"find", "x.img", "-na"}) == Words{"-name"});
  CHECK(has(offered({"find", "x.img", "-name", "a", "-p"}), "-printf"));
  CHECK(offered({"find", "x.img", "-name", "-p"}).empty());
  CHECK_FALSE(has(offered({"find", "-na"}), "-name"));
}

TEST_CASE("slots and paths of an image are offered behind its colon", "[cli][complete]") {
  const Disk disk;
  disk.require_verb({"batch", disk.image, "-e", "mkdir -p :/usr/lib", "-e", "ln -s usr/lib :/lib",
                     "-e", "touch :/usr/libx"});
  const std::string& image = disk.image;
  CHECK(offered({"ls", image}) == Words{image + ":"});
  CHECK(offered({"ls", image + ":"}) == Words{image + ":/", image + ":1/"});
  CHECK(offered({"info", image + ":"}) == Words{image + ":1"});
  CHECK(offered({"cat", image + ":/et"}) == Words{image + ":/etc/"});
  CHECK(offered({"cat", image + ":1/etc/"}) == Words{image + ":1/etc/fstab"});
  CHECK(offered({"ls", image + ":/li"}) == Words{image + ":/lib/", image + ":/link"});
  CHECK(offered({"ls", image + ":/lib/.."}).empty());
  CHECK(offered({"ls", image + ":/usr/l"}) == Words{image + ":/usr/lib/", image + ":/usr/libx"});
  CHECK(offered({"ls", image + "?offset=1048576:/et"}) == Words{image + "?offset=1048576:/etc/"});
  CHECK(offered({"ls", image + "@@1048576:/et"}) == Words{image + "@@1048576:/etc/"});
  CHECK(offered({"cat", "--image", image, "1/et"}) == Words{"1/etc/"});
  CHECK(offered({"cat", "--image=" + image, "/et"}) == Words{"/etc/"});
  CHECK(offered({"cp", "--image", image, "a", ":/et"}) == Words{":/etc/"});
  CHECK(offered({"touch", "--reference", image + ":/et"}) == Words{image + ":/etc/"});
  CHECK(offered({"touch", "--reference=" + image + ":/et"}) ==
        Words{"--reference=" + image + ":/etc/"});
  const std::string whole = (disk.dir / "whole.img").string();
  REQUIRE(run_rawimg({"init", whole, "--size", "8M", "--table", "none", "--no-sync"}).code == 0);
  CHECK(offered({"ls", whole + ":"}) == Words{whole + ":/", whole + ":0/"});
  CHECK(offered({"ls", whole + ":0/l"}) == Words{whole + ":0/lost+found/"});
  CHECK(offered({"ls", image + ":7/"}).empty());
  CHECK(offered({"ls", image + ":/none/"}).empty());
}

TEST_CASE("what cannot be read offers nothing, without a word, and keeps nobody waiting",
          "[cli][complete]") {
  const TempDir dir;
  const std::string fifo = (dir / "fifo").string(), text = (dir / "text").string();
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  write_file(text, "no image");
  for (const std::string& name :
       {fifo, fifo + ":", fifo + ":/", text, text + ":", text + ":/", dir.path().string() + ":/",
        (dir / "none").string() + ":/", std::string(":/")}) {
    CAPTURE(name);
    CHECK(offered({"ls", name}).empty());
    CHECK(records({"complete", "--shell=fish", "--", "ls", name}).size() == 1);
  }
}

TEST_CASE("candidates come while somebody writes, and no lock is taken or left",
          "[cli][complete]") {
  const Disk disk;
  {
    const ImageFile writer = ImageFile::open(disk.image, Access::ReadWrite);
    CHECK(run_rawimg({"ls", disk.image}).code == 8);
    CHECK(offered({"ls", disk.image + ":/et"}) == Words{disk.image + ":/etc/"});
  }
  CHECK(ImageFile::open(disk.image, Access::ReadWrite).size().value > 0);
}

TEST_CASE("of more names than are shown, what they have in common is right", "[cli][complete]") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "t/many");
  for (int i = 1000; i < 5000; ++i) write_file(dir / fmt::format("t/many/f{}", i), "");
  const std::string image = (dir / "a.img").string();
  REQUIRE(run_rawimg({"build", image, "--from", (dir / "t").string(), "--no-sync"}).code == 0);
  const Words names = offered({"ls", image + ":/many/f"});
  CHECK(names.size() == 2000);
  CHECK(names.front() == image + ":/many/f1000");
  CHECK(names.back() == image + ":/many/f4999");
  CHECK(offered({"ls", image + ":/many/f49"}).size() == 100);
}

TEST_CASE("a line is read as bash and zsh read it, and nothing in it is run", "[cli][complete]") {
  CHECK(read("rawimg ls 'a b' c\\ d \"e\\\"f\" x").words ==
        Words{"rawimg", "ls", "a b", "c d", "e\"f"});
  CHECK(read("rawimg ls ").word == "");
  CHECK(read("rawimg ls ").words.size() == 2);
  CHECK(read("a ~/x").word == "/home/me/x");
  CHECK(read("a b~/x").word == "b~/x");
  CHECK(read("a '~/x").word == "~/x");
  CHECK(read("a $D/x").word == "a dir/x");
  CHECK(read("a \"${D}/x").word == "a dir/x");
  CHECK(read("a '$D/x").word == "$D/x");
  CHECK(read("a $(touch").word == "$(touch");
  CHECK(read("a $NONE/x").word == "$NONE/x");
  CHECK(read("a $'b\\n\\033\\'c'd").word == "b\n\x1B'cd");
  CHECK(read("a b\\").word == "b");
}

TEST_CASE("what readline puts in place of a word begins where readline's word begins",
          "[cli][complete]") {
  const auto fixed = [](std::string_view line) {
    const cli::TypedLine typed = read(line);
    return typed.word.substr(0, typed.fixed);
  };
  CHECK(fixed("rawimg ls a.img:/e") == "a.img:");
  CHECK(fixed("rawimg ls a.img:1/e") == "a.img:");
  CHECK(fixed("rawimg ls --image=a") == "--image=");
  CHECK(fixed("rawimg ls a\\:b") == "");
  CHECK(fixed("rawimg ls 'a.img:/e") == "");
  CHECK(fixed("rawimg ls 'a:b'c") == "");
  CHECK(fixed("rawimg ls x:\"a.img:/e") == "x:");
  CHECK(read("rawimg ls a.img:/e", " ").fixed == 0);
}

TEST_CASE("bash gets one candidate quoted for where it goes, and several as they are",
          "[cli][complete]") {
  const Disk disk;
  for (const char* name : {":/o/a b", ":/o/$(x)", ":/o/n\nl", ":/two/x", ":/two/y", ":/q/it's"}) {
    disk.require_verb({"mkdir", "-p", std::string(name).substr(0, std::string(name).rfind('/'))});
    disk.require_verb({"touch", name});
  }
  const std::string front = "rawimg cat " + disk.image;
  CHECK(for_bash(front + ":/o/a") == Words{"one", "/o/a\\ b"});
  CHECK(for_bash(front + ":/o/\\$") == Words{"one", "/o/\\$\\(x\\)"});
  CHECK(for_bash(front + ":/o/n") == Words{"one", "/o/n$'\\012'l"});
  CHECK(for_bash(front + ":/tw") == Words{"open", "/two/"});
  CHECK(for_bash(front + ":/two/") == Words{"many", "/two/x", "/two/y"});
  const std::string quoted = "rawimg cat \"" + disk.image;
  CHECK(for_bash(quoted + ":/o/\\$") == Words{"one", disk.image + ":/o/\\$(x)"});
  CHECK(for_bash(quoted + ":/tw") ==
        Words{"many", disk.image + ":/two/", disk.image + ":/two/..."});
  CHECK(for_bash("rawimg cat '" + disk.image + ":/q/") ==
        Words{"one", disk.image + ":/q/it'\\''s"});
  CHECK(for_bash("rawimg cat nothing") == Words{"files"});
  CHECK(for_bash("rawimg init --label x") == Words{"none"});
  CHECK(cli::quoted_for_bash("a!\"b", '"') == "a\"'!'\"\\\"b");
}

TEST_CASE("zsh is told what is typed in front of the candidates", "[cli][complete]") {
  const Disk disk;
  const auto for_zsh = [](const std::string& line) {
    return records({"complete", "--shell=zsh", "--line", line});
  };
  const std::string odd = "'" + disk.image + "'";
  CHECK(for_zsh("rawimg cat " + odd + ":/et") == Words{"none", odd + ":", "/etc/", ""});
  CHECK(for_zsh("rawimg init --type=ext2") == Words{"none", "--type=", "ext2", ""});
  CHECK(
      for_zsh("rawimg inf") ==
      Words{"none", "", "info", "show the partition table, the filesystems and their root= names"});
}

TEST_CASE("the verb for shells is refused where its words make no sense", "[cli][complete]") {
  CHECK(run_rawimg({"complete"}).code == 2);
  CHECK(run_rawimg({"complete", "--shell", "tcsh", "--", "ls"}).code == 2);
  CHECK(run_rawimg({"complete", "--shell", "bash", "--", "ls"}).code == 2);
  CHECK(run_rawimg({"complete", "--", "inf"}).out == "info\n");
  CHECK(run_rawimg({"complete", "--json", "--", "inf"})
            .json()
            .at("result")
            .at("candidates")
            .at(0)
            .at("word") == "info");
  CHECK(run_rawimg({"complete", "--help"}).code == 0);
}
