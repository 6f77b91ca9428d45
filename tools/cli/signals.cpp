// SPDX-License-Identifier: MIT
#include "cli/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace rawimg::cli {
namespace {

// A handler can reach nothing but globals, and may call little more than write, unlink and _exit.
std::array<int, 2> g_pipe{-1, -1};
std::atomic<int> g_signal = 0;
std::array<char, PATH_MAX> g_part{};
std::atomic<bool> g_has_part = false, g_has_job = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
constexpr int kSignalExit = 128;  // as shells count

extern "C" void on_signal(int number) {
  const int before = errno;
  int none = 0;
  if (!g_has_job || !g_signal.compare_exchange_strong(none, number)) {
    if (g_has_part) unlink(g_part.data());
    _exit(kSignalExit + number);
  }
  const char byte = 's';
  (void)!write(g_pipe[1], &byte, 1);  // a full pipe has woken the reader already
  errno = before;
}

void set_action(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = handler == SIG_DFL ? 0 : SA_RESTART;
  sigaction(number, &action, nullptr);
}

}  // namespace

SignalStop::SignalStop() {
  if (pipe2(g_pipe.data(), O_CLOEXEC) != 0) return;  // then signals keep their default action
  thread_ = std::thread([this] {
    char byte = 0;
    while (read(g_pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    if (byte == 's') source_.request_stop();
  });
  for (const int number : kSignals) {
    struct sigaction old {};
    sigaction(number, nullptr, &old);
    if (old.sa_handler != SIG_IGN) set_action(number, on_signal);  // nohup stays nohup
  }
}

SignalStop::~SignalStop() {
  if (!thread_.joinable()) return;
  for (const int number : kSignals) set_action(number, SIG_DFL);
  const char byte = 'q';
  (void)!write(g_pipe[1], &byte, 1);
  thread_.join();
  close(g_pipe[0]);
  close(g_pipe[1]);
}

int SignalStop::received() { return g_signal; }

StoppableJob::StoppableJob(const std::filesystem::path& unfinished) {
  const std::string name = unfinished.string();
  if (!name.empty() && name.size() < g_part.size()) {
    std::memcpy(g_part.data(), name.c_str(), name.size() + 1);
    g_has_part = true;
  }
  g_has_job = true;
}

StoppableJob::~StoppableJob() { g_has_job = g_has_part = false; }

}  // namespace rawimg::cli
