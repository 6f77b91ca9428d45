// SPDX-License-Identifier: MIT
// compare [OPTIONS] JOB LIMIT-COMMAND COMMAND: runs both in turns, as bash would, and prints a row
// of a Markdown table: medians of the seconds, the median of the pairs' ratios with its quartiles,
// processor seconds and peak memory. A command that fails ends it with 1.
//   --pairs N       so many pairs (5)
//   --before CMD    before every run, not measured
//   --scale X       the ratio is multiplied by it: 0.1 where COMMAND does ten times as much
//   --target R      the ratio that is wanted, for the table
//   --heading       prints the table's heading and nothing else
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

struct Cost {
  double seconds, processor;
  long peak_kib;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

Cost run(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const std::string quiet = "{ " + command + "\n} >/dev/null";
    execlp("bash", "bash", "-c", quiet.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) < 0)
    throw std::runtime_error("cannot run bash");
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("failed: " + command);
  return {wall.count(), seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss};
}

/// Of what is not empty: 0 the least, 0.5 the median, 1 the most.
double quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(at * static_cast<double>(values.size() - 1) + 0.5)];
}

struct Request {
  int pairs = 5;
  std::string before, target;
  double scale = 1;
  std::vector<std::string> words;
};

Request read_request(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] {
      if (i + 1 == argc) throw std::runtime_error(word + " needs a value");
      return std::string(argv[++i]);
    };
    if (word == "--pairs")
      request.pairs = std::max(1, std::atoi(value().c_str()));
    else if (word == "--before")
      request.before = value();
    else if (word == "--scale")
      request.scale = std::strtod(value().c_str(), nullptr);
    else if (word == "--target")
      request.target = value();
    else
      request.words.push_back(word);
  }
  if (request.words.size() != 3)
    throw std::runtime_error("JOB, LIMIT-COMMAND and COMMAND are needed");
  return request;
}

void compare(const Request& request) {
  std::vector<double> limit, ours, ratio, limit_processor, processor;
  long peak = 0;
  const auto measure = [&](const std::string& command) {
    if (!request.before.empty()) (void)run(request.before);
    return run(command);
  };
  for (int i = 0; i < request.pairs; ++i) {
    const Cost a = measure(request.words[1]), b = measure(request.words[2]);
    limit.push_back(a.seconds);
    ours.push_back(b.seconds);
    ratio.push_back(b.seconds / a.seconds * request.scale);
    limit_processor.push_back(a.processor);
    processor.push_back(b.processor);
    peak = std::max(peak, b.peak_kib);
  }
  fmt::print(
      "| {} | {:.3f} s | {:.3f} s | **{:.2f}** ({:.2f} to {:.2f}) | {} | {:.2f} s | {:.2f} s | "
      "{} MiB |\n",
      request.words[0], quantile(limit, 0.5), quantile(ours, 0.5), quantile(ratio, 0.5),
      quantile(ratio, 0.25), quantile(ratio, 0.75), request.target, quantile(limit_processor, 0.5),
      quantile(processor, 0.5), peak / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string(argv[1]) == "--heading") {
      fmt::print(
          "| job / what it is measured against | that | this | ratio (quartiles) | wanted | "
          "processor, that | this | peak memory |\n| --- | --- | --- | --- | --- | --- | --- "
          "| --- |\n");
      return 0;
    }
    compare(read_request(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "compare: " << error.what() << '\n';
    return 1;
  }
}
