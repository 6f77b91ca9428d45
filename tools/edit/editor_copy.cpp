// SPDX-License-Identifier: MIT
#include "edit/editor_copy.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <span>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "edit/file_content.h"
#include "storage/host_file.h"

namespace rawimg::cli {
namespace {

/// While an editor has the terminal, ^C and ^\ are for it, as they are for system(3) and its child.
class TerminalIsTheChilds {
 public:
  TerminalIsTheChilds() {
    sigemptyset(&defaults_);
    for (const int ours : {SIGPIPE, SIGXFSZ}) sigaddset(&defaults_, ours);  // ignored by us alone
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigemptyset(&ignore.sa_mask);
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
      sigaction(kKeys[i], &ignore, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) sigaddset(&defaults_, kKeys[i]);
    }
  }
  ~TerminalIsTheChilds() {
    for (std::size_t i = 0; i < kKeys.size(); ++i) sigaction(kKeys[i], &before_[i], nullptr);
  }
  TerminalIsTheChilds(const TerminalIsTheChilds&) = delete;
  TerminalIsTheChilds& operator=(const TerminalIsTheChilds&) = delete;

  const sigset_t& defaults() const { return defaults_; }  ///< in the child

 private:
  static constexpr std::array kKeys{SIGINT, SIGQUIT};
  sigset_t defaults_;
  std::array<struct sigaction, kKeys.size()> before_{};
};

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::error_code error;
  const std::filesystem::path all = std::filesystem::temp_directory_path(error);
  if (error)
    throw errno_error(error.value(), "cannot find a directory for temporary files ($TMPDIR)");
  std::string pattern = (all / "rawimg-edit-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw host_error(errno, "make a directory in", all.string());
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

EditorCopy::EditorCopy(const std::string& name, const std::string& content)
    : file_(directory_.path() / (name.empty() || name == "." || name == ".." ? "file" : name)) {
  const Descriptor file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) throw host_error(errno, "create", file_.string());
  write_all(file.get(), std::as_bytes(std::span(content)), file_.string());
}

void EditorCopy::run(const std::string& editor) const {
  const std::string command = editor + " \"$1\"", name = file_.string();
  const char* argv[] = {"sh", "-c", command.c_str(), "sh", name.c_str(), nullptr};
  pid_t child = 0;
  int status = 0;
  const TerminalIsTheChilds quiet;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &quiet.defaults());
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error =
      posix_spawnp(&child, "sh", nullptr, &attributes, const_cast<char**>(argv), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    throw errno_error(error, fmt::format("cannot start the editor {}", quote(editor)));
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(Errc::Io, fmt::format("the editor {} failed; nothing was changed", quote(editor)));
}

std::string EditorCopy::read() const {
  const Descriptor file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw host_error(errno, "read", file_.string());
  return read_descriptor(file.get(), "what the editor left", {});
}

const std::filesystem::path& EditorCopy::keep() {
  directory_.keep();
  return file_;
}

}  // namespace rawimg::cli
