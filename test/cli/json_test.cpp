// SPDX-License-Identifier: MIT
// The topic "json" against what commands really print.
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "help/text_blocks.h"
#include "help/topics.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
using nlohmann::json;

namespace {

/// A key as the topic writes it: x? x[] x{...} and together; or, in capitals, a name of keys.
struct Key {
  std::string name;
  bool may_be_missing = false, is_list = false;
  std::vector<Key> inner = {};
};

/// Reads "a b? c[]{d e}".
class KeyReader {
 public:
  explicit KeyReader(std::string text) : text_(std::move(text)) {}

  std::vector<Key> read() {
    std::vector<Key> keys;
    while (at_ < text_.size() && text_[at_] != '}') {
      if (text_[at_] == ' ') {
        ++at_;
        continue;
      }
      keys.push_back(read_key());
    }
    return keys;
  }

 private:
  Key read_key() {
    Key key;
    const std::size_t end = std::min(text_.find_first_of(" ?[{}", at_), text_.size());
    key.name = text_.substr(at_, end - at_);
    at_ = end;
    if (text_.compare(at_, 2, "[]") == 0) key.is_list = true, at_ += 2;
    if (text_[at_] == '{') {
      ++at_;
      key.inner = read();
      REQUIRE(text_[at_] == '}');
      ++at_;
    }
    if (at_ < text_.size() && text_[at_] == '?') key.may_be_missing = true, ++at_;
    return key;
  }

  std::string text_;
  std::size_t at_ = 0;
};

/// By command, and by name in capitals.
std::map<std::string, std::vector<Key>> read_topic() {
  std::map<std::string, std::vector<Key>> lines;
  for (const cli::TextBlock& block : cli::read_blocks(cli::find_topic("json")->text))
    if (block.kind == cli::TextBlock::Kind::Item) lines[block.tag] = KeyReader(block.text).read();
  return lines;
}

class Checker {
 public:
  /// What is wrong with an object, and which of the keys it had.
  void check(const json& object, const std::vector<Key>& keys, const std::string& where) {
    std::set<std::string> known;
    check_keys(object, keys, where, known);
    for (const auto& [name, value] : object.items()) {
      const std::string bare = name.ends_with("_base64") ? name.substr(0, name.size() - 7) : name;
      if (known.count(bare) == 0) faults.push_back(where + name + " is not in the topic");
    }
  }

  std::map<std::string, std::vector<Key>> lines = read_topic();
  std::vector<std::string> faults;
  std::set<std::string> seen;  ///< all keys that were there, with their places

 private:
  static bool is_name(const Key& key) { return key.name[0] >= 'A' && key.name[0] <= 'Z'; }

  void check_keys(const json& object, const std::vector<Key>& keys, const std::string& where,
                  std::set<std::string>& known) {
    for (const Key& key : keys) {
      if (is_name(key)) {
        REQUIRE(lines.count(key.name) == 1);
        std::vector<Key> inner = lines.at(key.name);
        if (key.may_be_missing)
          for (Key& one : inner) one.may_be_missing = true;
        check_keys(object, inner, where, known);
        continue;
      }
      known.insert(key.name);
      if (object.contains(key.name)) {
        seen.insert(where + key.name);
        check_value(object.at(key.name), key, where + key.name);
      } else if (!key.may_be_missing) {
        faults.push_back(where + key.name + " is missing");
      }
    }
  }

  void check_value(const json& value, const Key& key, const std::string& where) {
    if (value.is_array() != key.is_list)
      faults.push_back(where + " is a list, or is none, and the topic says otherwise");
    if (value.is_object() != (!key.is_list && !key.inner.empty()))
      faults.push_back(where + " is an object, or is none, and the topic says otherwise");
    if (value.is_object()) check(value, key.inner, where + ".");
    if (!value.is_array()) return;
    for (const json& one : value) {
      if (one.is_object() != !key.inner.empty())
        faults.push_back(where + "[] are objects, or are none, and the topic says otherwise");
      if (one.is_object()) check(one, key.inner, where + "[].");
    }
  }
};

/// Every command at least once; what the lines make is there for those behind them.
std::vector<std::vector<std::string>> command_lines() {
  return {
      {"build", "a.img", "--from", "a.tar", "--size", "16M", "-t", "ext4"},
      {"build", "none.img", "--from", "a.tar", "--verify", "--size", "16M", "--dry-run"},
      {"plan", "--from", "a.tar", "--verify"},
      {"plan", "--from", "a.tar", "--size", "1M"},
      {"init", "i.img", "--size", "8M"},
      {"init", "w.img", "--size", "8M", "--table", "none"},
      {"create", "c.img", "--size", "8M"},
      {"partition", "c.img"},
      {"format", "c.img", "-t", "ext4"},
      {"populate", "c.img", "a.tar", "--verify"},
      {"convert", "c.img", "d.img"},
      {"convert", "c.img", "e.img", "--dry-run"},
      {"sparsify", "d.img"},
      {"info", "a.img"},
      {"info", "w.img"},
      {"info", "--boot", "qemu", "a.img"},
      {"info", "--map", "a.img"},
      {"ls", "a.img"},
      {"ls", "-R", "a.img"},
      {"cat", "a.img:/etc/fstab"},
      {"stat", "a.img:/null"},
      {"stat", "a.img:/null", "a.img:/link"},
      {"find", "a.img"},
      {"du", "a.img"},
      {"du", "--inodes", "a.img"},
      {"df", "a.img"},
      {"tree", "a.img"},
      {"cp", "-v", "a.tar", "a.img:/x"},
      {"cp", "a.img:/x", "host"},
      {"mv", "a.img:/x", "a.img:/y"},
      {"mkdir", "a.img:/m"},
      {"rmdir", "a.img:/m"},
      {"ln", "-s", "y", "a.img:/l"},
      {"chmod", "600", "a.img:/y"},
      {"chown", "1:2", "a.img:/y"},
      {"touch", "a.img:/y"},
      {"truncate", "-s", "3", "a.img:/y"},
      {"mknod", "a.img:/p", "p"},
      {"xattr", "--set", "user.a=b", "a.img:/y"},
      {"stat", "a.img:/y"},
      {"tee", "a.img:/t"},
      {"edit", "-e", "s/ext2/ext4/", "--dry-run", "a.img:/etc/fstab"},
      {"fstab", "list", "a.img"},
      {"fstab", "set", "a.img", "/", "LABEL=x", "ext4", "--dry-run"},
      {"cp", "inittab", "a.img:/etc"},
      {"inittab", "add", "a.img", "s0:1:respawn:/bin/sh"},
      {"inittab", "list", "a.img"},
      {"hostname", "a.img", "gem5"},
      {"hostname", "a.img"},
      {"rm", "a.img:/y"},
      {"batch", "a.img", "-e", "touch :/z"},
      {"undo", "a.img"},
      {"recover", "a.img"},
      {"cp", "passwd", "shadow", "a.img:/etc"},
      {"passwd", "lock", "a.img", "root"},
      {"serial", "a.img", "ttyS0"},
      {"gem5", "a.img", "--arch", "x86"},
      {"gem5", "a.img", "--remove"},
      {"build", "g.img", "--from", "a.tar", "--size", "16M", "--gem5", "--arch", "arm"},
      {"plan", "--from", "a.tar", "--gem5", "--arch", "arm"},
      {"gem5img", "new", "n.img", "8"},
      {"gem5img", "partition", "n.img"},
      {"gem5img", "format", "n.img"},
      {"gem5img", "init", "o.img", "8"},
      {"convert", "a.img", "changed.img"},
      {"touch", "changed.img:/cow"},
      {"cow", "diff", "layer.img", "a.img", "changed.img"},
      {"cow", "info", "layer.img"},
      {"cow", "ls", "layer.img", "a.img"},
      {"cow", "apply", "layer.img", "a.img"},
      {"help"},
      {"help", "json"},
      {"version"},
  };
}

/// Of a batch, the object of the batch itself is the last.
json result_of(const CliResult& done) {
  const std::size_t last = done.out.rfind('\n', done.out.size() - 2);
  return json::parse(last == std::string::npos ? done.out : done.out.substr(last + 1)).at("result");
}

std::vector<std::string> in_directory(const TempDir& dir, std::vector<std::string> words) {
  for (std::string& word : words)
    if (word.find(".img") != std::string::npos || word == "a.tar" || word == "host" ||
        ((word == "passwd" || word == "inittab") && &word != &words[0]) || word == "shadow")
      word = (dir / word).string();
  return words;
}

}  // namespace

TEST_CASE("the topic \"json\" has all keys of each command's result, and no others",
          "[cli][json]") {
  const TempDir dir;
  write_file(dir / "a.tar", small_tar());
  REQUIRE(
      run({"sh", "-c", "cd '" + dir.path().string() + "' && sha256sum a.tar >a.tar.sha256"}).ok());
  write_file(dir / "passwd", "root:x:0:0::/:/bin/sh\n");
  write_file(dir / "inittab", "id:3:initdefault:\n");
  write_file(dir / "shadow", "root:*:1::::::\n");
  Checker checker;
  std::set<std::string> ran;
  for (const std::vector<std::string>& line : command_lines()) {
    std::vector<std::string> words = in_directory(dir, line);
    words.insert(words.begin() + (line[0] == "gem5img" || line[0] == "cow" ? 2 : 1), "--json");
    const CliResult done = run_rawimg(words);
    CAPTURE(line, done.out, done.err);
    REQUIRE((done.code == 0 || line[0] == "plan"));  // plan has the exit code of build
    ran.insert(line[0]);
    INFO("the topic has no line for this command");
    REQUIRE(checker.lines.count(line[0]) == 1);
    checker.check(result_of(done), checker.lines.at(line[0]), line[0] + ": ");
  }
  for (const std::string& fault : checker.faults) FAIL_CHECK(fault);
  for (const cli::Command* command : cli::commands()) {
    CAPTURE(command->name);
    CHECK(checker.lines.count(std::string(command->name)) == 1);
    CHECK(ran.count(std::string(command->name)) == 1);
  }
}

TEST_CASE("a key that the topic does not know, and one that it misses, are found", "[cli][json]") {
  Checker checker;
  const std::vector<Key> keys = KeyReader("a b? c[]{d e?} TIME").read();
  checker.check(json::parse(R"({"a":1,"c":[{"d":1}],"seconds":1,"nanoseconds":2})"), keys, "");
  CHECK(checker.faults.empty());
  const auto faults_of = [&](const char* text) {
    Checker one;
    one.check(json::parse(text), keys, "");
    return one.faults;
  };
  CHECK(faults_of(R"({"c":[],"seconds":1,"nanoseconds":2})") ==
        std::vector<std::string>{"a is missing"});
  CHECK(faults_of(R"({"a":1,"c":[],"seconds":1,"nanoseconds":2,"x":1})") ==
        std::vector<std::string>{"x is not in the topic"});
  CHECK(faults_of(R"({"a":1,"c":[{}],"seconds":1,"nanoseconds":2})") ==
        std::vector<std::string>{"c[].d is missing"});
  CHECK(faults_of(R"({"a":1,"c":1,"seconds":1,"nanoseconds":2})").size() == 1);
}

TEST_CASE("an error is the object that the topic shows", "[cli][json]") {
  const json error = run_rawimg({"cat", "--json", "/nonexistent.img:/x"}).json();
  CHECK(error.at("schema") == 1);
  CHECK(error.at("command") == "cat");
  for (const auto& [name, value] : error.at("error").items())
    CHECK(std::set<std::string>{"code", "exit", "message", "path", "hint"}.count(name) == 1);
  const std::string text(cli::find_topic("json")->text);
  for (const Errc code :
       {Errc::Usage, Errc::BadInput, Errc::Exists, Errc::Io, Errc::Unsupported, Errc::NotFound,
        Errc::NoSpace, Errc::Corrupt, Errc::Dirty, Errc::Mismatch, Errc::Busy, Errc::Interrupted})
    CHECK(text.find(cli::name_of(code)) != std::string::npos);
}
