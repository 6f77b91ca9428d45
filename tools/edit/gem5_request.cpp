// SPDX-License-Identifier: MIT
#include "edit/gem5_request.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "cli/output.h"
#include "edit/file_content.h"

namespace rawimg::cli {
namespace {

/// What m5 and scripts are kept to.
std::string read_modest(int descriptor, const std::string& name, const Streams& io) {
  return about(name,
               [&] { return read_descriptor(descriptor, "it", io.stop, kMaxGuestFileBytes); });
}

std::string read_host_file(const std::string& name, const Streams& io) {
  if (name == "-") return read_modest(io.in, "standard input", io);
  const Descriptor descriptor(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0)
    throw errno_error(errno, fmt::format("cannot open {}", quote(name))).with_path(name);
  return read_modest(descriptor.get(), name, io);
}

/// What init could not start.
void require_script(const std::string& script, const std::string& name) {
  if (script.empty() || script.find('\0') != std::string::npos)
    throw Error(Errc::Usage, fmt::format("--script {}: {}", quote(name),
                                         script.empty() ? "it is empty" : "it is no text"))
        .with_path(name);
}

}  // namespace

Gem5Request read_gem5_request(const Args& args, const Streams& io) {
  Gem5Request request;
  if (const auto word = args.value("arch")) {
    request.architecture = parse_architecture(*word);
    constexpr std::array<std::string_view, 3> kNames{"x86", "arm", "riscv"};
    const auto guess = nearest(*word, kNames);
    if (!request.architecture)
      throw Error(Errc::Usage,
                  fmt::format("--arch {}: x86, arm or riscv is wanted{}", quote(*word),
                              guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
  }
  const auto m5 = args.value("m5"), script = args.value("script");
  if (m5 == "-" && script == "-")
    throw Error(Errc::Usage, "--m5 and --script cannot both be standard input");
  if (m5) {
    request.m5 = read_host_file(*m5, io);
    request.m5_name = *m5 == "-" ? "standard input" : *m5;
  }
  if (script) {
    request.script = read_host_file(*script, io);
    require_script(*request.script, *script);
  }
  request.tty = args.value("tty").value_or("");
  request.root_device = args.value("root-device").value_or("");
  for (const char* name : {"tty", "root-device"})
    if (args.value(name) == "") throw Error(Errc::Usage, fmt::format("--{} is empty", name));
  request.force = args.has("force");
  return request;
}

void require_gem5_switch(const Args& args) {
  if (args.has("gem5")) return;
  for (const OptionSpec& option : kGem5Options)
    if (args.has(option.name))
      throw Error(Errc::Usage, fmt::format("--{} is of --gem5, which is missing", option.name));
}

Json to_json(const Gem5Plan& plan) {
  return {{"architecture", to_text(plan.architecture)},
          {"init", to_text(plan.init)},
          {"tty", plan.tty},
          {"m5", plan.has_m5}};
}

}  // namespace rawimg::cli
