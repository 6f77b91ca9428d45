// SPDX-License-Identifier: MIT
// Real shells complete what is typed on a terminal, and run the line that comes of it: the image is
// full of names that would do something if a quote were missing.
#include <filesystem>
#include <memory>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/terminal.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kPatience(60);

/// Each name begins with a letter of its own, which is also the content.
const std::vector<std::string>& odd_names() {
  static const std::vector<std::string> kAll{"a blank",
                                             "b\nnewline",
                                             "c$(touch pwned)",
                                             "d\x1B[31mred",
                                             "e'quote",
                                             "f\"double",
                                             "g!bang",
                                             "h*star?[x]",
                                             "i\\back\\\\slash",
                                             "j;touch pwned;",
                                             "k`touch pwned`",
                                             "l:1/colon=equals",
                                             "m#hash&&touch pwned",
                                             "n\xC3\xA9t\xC3\xA9",
                                             "o$HOME ~ {a,b}",
                                             "p%s|touch pwned",
                                             "q-(x)<y>"};
  return kAll;
}

std::string file_name(std::string name) {  // no slash is part of a name
  for (char& c : name)
    if (c == '/') c = '.';
  return name;
}

/// A shell that has the completion, in a directory with "disk.img" and "my disk.img".
class Shell {
 public:
  Shell(const std::string& name, const std::vector<std::string>& argv, const std::string& setup)
      : name_(name) {
    fs::create_directories(dir_ / "tree/odd");
    fs::create_directories(dir_ / "tree/A Dir/inner");
    fs::create_directories(dir_ / "bin");
    write_file(dir_ / "tree/A Dir/inner/file", "deep");
    write_file(dir_ / "tree/two one", "1");
    write_file(dir_ / "tree/two $two", "2");
    for (const std::string& odd : odd_names())
      write_file(dir_ / ("tree/odd/" + file_name(odd)), odd.substr(0, 1));
    fs::create_symlink(RAWIMG_TOOL, dir_ / "bin/rawimg");
    for (const char* image : {"disk.img", "my disk.img"})
      REQUIRE(run_rawimg({"build", (dir_ / image).string(), "--from", (dir_ / "tree").string(),
                          "--size", "16M", "--no-sync"})
                  .ok());
    write_file(dir_ / "setup", setup);
    const std::string path = (dir_ / "bin").string() + ":/usr/local/bin:/usr/bin:/bin";
    terminal_ = std::make_unique<Terminal>(
        argv,
        std::vector<std::string>{"PATH=" + path, "HOME=" + dir_.path().string(), "TERM=xterm",
                                 "LC_ALL=C.UTF-8", "DISKS=" + dir_.path().string(),
                                 "XDG_CONFIG_HOME=" + (dir_ / "config").string(),
                                 "XDG_DATA_HOME=" + (dir_ / "data").string()},
        dir_.path());
    terminal_->type((name == "bash" ? std::string(". ") : std::string("source ")) +
                    "./setup; : > ready\r");
    CAPTURE(name, terminal_->screen());
    REQUIRE(terminal_->wait_for(dir_ / "ready", kPatience));
  }

  /// What a line prints that is typed with tabs in it.
  std::string output_of(const std::string& typed) {
    fs::remove(dir_ / "out");
    fs::remove(dir_ / "done");
    terminal_->type(typed + " > out; : > done\r");
    const bool came = terminal_->wait_for(dir_ / "done", kPatience);
    CAPTURE(name_, typed, terminal_->screen());
    REQUIRE(came);
    CHECK_FALSE(fs::exists(dir_ / "pwned"));
    return read_file(dir_ / "out");
  }

  bool has_pwned() const { return fs::exists(dir_ / "pwned"); }

 private:
  std::string name_;
  TempDir dir_;
  std::unique_ptr<Terminal> terminal_;
};

const std::string kScripts = RAWIMG_COMPLETIONS;

Shell bash(const std::string& more = "") {
  return Shell("bash", {"bash", "--norc", "--noprofile", "-i"},
               "PS1='$ '\nset +o history\nbind 'set bell-style none'\nbind 'set "
               "enable-bracketed-paste off'\n" +
                   more + "\n. " + kScripts + "/rawimg.bash\n");
}

Shell zsh() {
  return Shell("zsh", {"zsh", "-f", "-i"},
               "PS1='$ '\nunsetopt beep zle_bracketed_paste 2>/dev/null\nfpath=(" + kScripts +
                   " $fpath)\nautoload -Uz compinit\ncompinit -D -u\n");
}

Shell fish() {
  return Shell("fish", {"fish", "--no-config", "-i"},
               "function fish_prompt; echo '$ '; end\nset -g fish_greeting\nsource " + kScripts +
                   "/rawimg.fish\n");
}

void check_common(Shell& shell) {
  CHECK(shell.output_of("rawimg vers\t") == shell.output_of("rawimg version"));
  CHECK(shell.output_of("rawimg cat disk.img:/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat disk.img:1/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat my\\ disk.img:/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat 'my disk.img':/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat \"my disk.img:/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat 'my disk.img:/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat ~/disk.img:/A\tin\tfi\t") == "deep");
  CHECK(shell.output_of("rawimg cat --image disk.img /A\tin\tfi\t") == "deep");
  // what two names have in common, and on from there
  CHECK(shell.output_of("rawimg cat disk.img:/tw\to\t") == "1");
  CHECK(shell.output_of("rawimg cat disk.img:/tw\t\\$\t") == "2");
}

void check_odd_names(Shell& shell) {
  for (const std::string& odd : odd_names()) {
    const std::string letter = odd.substr(0, 1);
    CAPTURE(odd);
    CHECK(shell.output_of("rawimg cat disk.img:/odd/" + letter + "\t") == letter);
    CHECK(shell.output_of("rawimg cat \"disk.img:/odd/" + letter + "\t") == letter);
    CHECK(shell.output_of("rawimg cat 'disk.img:/odd/" + letter + "\t") == letter);
  }
}

}  // namespace

TEST_CASE("bash completes commands, slots and paths, and what comes of it is one word",
          "[judge][completion]") {
  Shell shell = bash();
  check_common(shell);
  CHECK(shell.output_of("rawimg cat $DISKS/disk.img:/A\tin\tfi\t") == "deep");
  check_odd_names(shell);
}

TEST_CASE("bash completes the same without the colon among its word breaks",
          "[judge][completion]") {
  Shell shell = bash("COMP_WORDBREAKS=${COMP_WORDBREAKS//:}");
  check_common(shell);
  check_odd_names(shell);
}

TEST_CASE("zsh completes commands, slots and paths, and what comes of it is one word",
          "[judge][completion]") {
  Shell shell = zsh();
  check_common(shell);
  check_odd_names(shell);
}

TEST_CASE("fish completes commands, slots and paths, and what comes of it is one word",
          "[judge][completion]") {
  Shell shell = fish();
  check_common(shell);
  check_odd_names(shell);
}

TEST_CASE("a name that a shell does not quote is seen to do something", "[judge][completion]") {
  const TempDir dir;
  Terminal terminal({"bash", "--norc", "--noprofile", "-i"}, {"PATH=/usr/bin:/bin"}, dir.path());
  terminal.type("echo disk.img:/odd/c$(touch pwned)\r");
  CHECK(terminal.wait_for(dir / "pwned", kPatience));
  CHECK_FALSE(terminal.wait_for(dir / "nothing", std::chrono::seconds(0)));
}
