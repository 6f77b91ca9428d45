// SPDX-License-Identifier: MIT
#include "judge/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "support/process.h"

namespace rawimg::test {
namespace {

constexpr int kTick = 10;  // milliseconds

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& argv,
                   const std::vector<std::string>& environment,
                   const std::filesystem::path& directory) {
  const std::string program = find_program(argv[0]).string();
  const std::vector<char*> words = pointers(argv), variables = pointers(environment);
  winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = forkpty(&master_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
  if (pid_ == 0) {
    if (chdir(directory.c_str()) == 0) execve(program.c_str(), words.data(), variables.data());
    _exit(127);
  }
  fcntl(master_, F_SETFD, FD_CLOEXEC);
  fcntl(master_, F_SETFL, O_NONBLOCK);
}

Terminal::~Terminal() {
  kill(-pid_, SIGHUP);
  close(master_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Terminal::read_screen() {
  char buffer[4096];
  for (ssize_t n = 0; (n = read(master_, buffer, sizeof buffer)) > 0;)
    screen_.append(buffer, static_cast<std::size_t>(n));
}

void Terminal::type(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t n = write(master_, keys.data(), keys.size());
    if (n > 0) keys.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "write");
    read_screen();  // a program whose output nobody takes reads nothing
  }
}

bool Terminal::wait_for(const std::filesystem::path& file, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    read_screen();
    if (std::filesystem::exists(file)) return true;
    siginfo_t ended{};
    waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid != 0) return false;
    pollfd wait{.fd = master_, .events = POLLIN, .revents = 0};
    poll(&wait, 1, kTick);
  }
  return false;
}

}  // namespace rawimg::test
