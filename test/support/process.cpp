// SPDX-License-Identifier: MIT
#include "support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "support/not_run.h"

namespace rawimg::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Both ends close at exec, so that no child holds another child's pipe open.
std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe", errno);
  return ends;
}

int open_or_fail(const std::filesystem::path& file, int flags) {
  const int fd = ::open(file.c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0) fail("cannot open '" + file.string() + "'", errno);
  return fd;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// Everything between fork and exec: system calls only, as the parent may have had threads. Never
// returns.
[[noreturn]] void become(const Command& command, const char* program, char* const* argv,
                         char* const* environment, const std::array<int, 3>& standard,
                         int error_report) {
  const auto give_up = [&] {
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(error_report, &error, sizeof error);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(standard[static_cast<std::size_t>(fd)], fd) < 0) give_up();
  }
  if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) give_up();
  for (const auto& [resource, value] : command.limits) {
    const rlimit limit{value, value};
    if (::setrlimit(resource, &limit) != 0) give_up();
  }
  if (command.user) {
    if (::setgroups(0, nullptr) != 0 ||
        ::setresgid(*command.user, *command.user, *command.user) != 0 ||
        ::setresuid(*command.user, *command.user, *command.user) != 0) {
      give_up();
    }
  }
  ::execve(program, argv, environment);
  give_up();
  ::_exit(127);
}

}  // namespace

std::string Outcome::text() const {
  std::ostringstream all;
  if (timed_out) all << "timed out, ";
  all << (signal != 0 ? "signal " : "exit code ") << (signal != 0 ? signal : exit_code);
  all << "\n-- stdout\n" << out << "\n-- stderr\n" << err;
  return all.str();
}

std::filesystem::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream directories(std::string(path != nullptr ? path : "") +
                                 ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    const auto candidate = std::filesystem::path(directory) / name;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw NotRun("the program '" + name + "' is missing; third_party/install-deps.sh installs it");
}

Process::Process(Command command)
    : command_(std::move(command)), deadline_(Clock::now() + command_.timeout) {
  // A program that stops reading its stdin must show up as EPIPE, not end the test.
  ::signal(SIGPIPE, SIG_IGN);
  const std::string program = find_program(command_.argv.at(0)).string();
  auto report = make_pipe();
  start(program, report[1]);
  ::close(report[1]);
  int error = 0;
  const auto got = ::read(report[0], &error, sizeof error);
  ::close(report[0]);
  if (got > 0) {
    reap();
    fail("cannot start '" + program + "'", error);
  }
}

void Process::start(const std::string& program, int error_report) {
  std::array<int, 2> in = command_.input_file.empty()
                              ? make_pipe()
                              : std::array<int, 2>{open_or_fail(command_.input_file, O_RDONLY), -1};
  std::array<int, 2> out = command_.output_file.empty()
                               ? make_pipe()
                               : std::array<int, 2>{-1, open_or_fail(command_.output_file,
                                                                     O_WRONLY | O_CREAT | O_TRUNC)};
  std::array<int, 2> err = make_pipe();
  auto argv = pointers(command_.argv);
  std::vector<char*> chosen;
  if (command_.environment) chosen = pointers(*command_.environment);

  pid_ = ::fork();
  if (pid_ < 0) fail("fork", errno);
  if (pid_ == 0)
    become(command_, program.c_str(), argv.data(), command_.environment ? chosen.data() : environ,
           {in[0], out[1], err[1]}, error_report);
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
  exit_event_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (exit_event_ < 0) fail("pidfd_open", errno);
  for (const int fd : {in_, out_, err_}) {
    if (fd >= 0) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
}

Process::~Process() {
  if (!ended_ && pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    reap();
  }
  for (int* fd : {&in_, &out_, &err_, &exit_event_}) close_fd(*fd);
}

void Process::reap() {
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  ended_ = true;
  outcome_.peak_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
  if (WIFEXITED(status)) outcome_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
}

void Process::send_signal(int number) {
  if (!ended_) ::kill(pid_, number);
}

bool Process::running() {
  if (ended_) return false;
  pollfd event{exit_event_, POLLIN, 0};
  return ::poll(&event, 1, 0) == 0;
}

void Process::read_from(int& fd, std::string& into) {
  std::array<char, 65536> buffer;
  const auto got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0)
    into.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got == 0 || (errno != EAGAIN && errno != EINTR))
    close_fd(fd);
}

void Process::write_input() {
  const auto put = ::write(in_, command_.input.data() + sent_, command_.input.size() - sent_);
  if (put > 0)
    sent_ += static_cast<std::size_t>(put);
  else if (put < 0 && errno != EAGAIN && errno != EINTR)
    close_fd(in_);
}

// One round of moving bytes either way; at most 50 ms long.
void Process::pump(bool with_input) {
  pollfd events[] = {{out_, POLLIN, 0},
                     {err_, POLLIN, 0},
                     {with_input ? in_ : -1, POLLOUT, 0},
                     {ended_ ? -1 : exit_event_, POLLIN, 0}};
  if (::poll(events, 4, 50) < 0) return;
  if (events[0].revents != 0) read_from(out_, outcome_.out);
  if (events[1].revents != 0) read_from(err_, outcome_.err);
  if (events[2].revents != 0) write_input();
  if (!ended_ && Clock::now() > deadline_) {
    ::kill(-pid_, SIGKILL);
    outcome_.timed_out = true;
  }
  if (events[3].revents != 0 || outcome_.timed_out) {
    if (!ended_) reap();
  }
}

bool Process::feed(std::string_view bytes) {
  command_.input.assign(bytes);
  sent_ = 0;
  while (sent_ < command_.input.size() && in_ >= 0 && !ended_) pump(true);
  const bool all = sent_ == command_.input.size();
  command_.input.clear();
  sent_ = 0;
  return all;
}

Outcome Process::wait() {
  // A grandchild may hold the pipes open after the program itself has gone: half a second for its
  // last words.
  auto linger = Clock::time_point::max();
  while (!ended_ || out_ >= 0 || err_ >= 0) {
    if (in_ >= 0 && sent_ == command_.input.size()) close_fd(in_);
    pump(true);
    if (ended_ && linger == Clock::time_point::max())
      linger = Clock::now() + std::chrono::milliseconds(500);
    if (Clock::now() > linger) break;
  }
  return std::exchange(outcome_, {});
}

Outcome run(Command command) { return Process(std::move(command)).wait(); }

Outcome run(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return run(std::move(command));
}

}  // namespace rawimg::test
