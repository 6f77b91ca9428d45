// SPDX-License-Identifier: MIT
#include <rawimg/serial.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/guest_changes.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"
#include "read/ext_guest_files.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"remove", "", "take back what this command did for the terminal"}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption,    kEditOptions,
                                                   kLockOptions, kGuestImageOption, kCommonOptions};
constexpr std::array kSpeeds{300U,    600U,     1200U,    2400U,    4800U,    9600U,    19200U,
                             38400U,  57600U,   115200U,  230400U,  460800U,  500000U,  576000U,
                             921600U, 1000000U, 1152000U, 1500000U, 2000000U, 3000000U, 4000000U};

struct Request {
  SerialRequest line;
  enum class Action { Login, Remove, Off } action = Action::Login;
};

Request read_request(const Args& args) {
  const std::vector<std::string>& words = args.operands();
  if (words.empty())
    throw Error(Errc::Usage, "a terminal is missing").with_hint("for example ttyS0,115200");
  Request request;
  const std::size_t comma = words[0].find(',');
  request.line.tty = words[0].substr(0, comma);
  if (comma != std::string::npos)
    request.line.baud = static_cast<unsigned>(
        parse_number(words[0].substr(comma + 1), "speed", kSpeeds.front(), kSpeeds.back()));
  if (std::find(kSpeeds.begin(), kSpeeds.end(), request.line.baud) == kSpeeds.end())
    throw Error(Errc::Usage, fmt::format("no serial line has a speed of {}", request.line.baud))
        .with_hint("usual are 115200, 38400 and 9600");
  const bool is_off = words.size() == 2 && words[1] == "off";
  args.require_at_most(is_off ? 2 : 1);
  if (is_off && args.has("remove"))
    throw Error(Errc::Usage, "'off' and --remove: one of them is wanted");
  if (args.has("remove")) request.action = Request::Action::Remove;
  if (is_off) request.action = Request::Action::Off;
  return request;
}

void carry_out(Edit& edit, const Request& request) {
  const ExtGuestFiles files(edit.fs());
  const SerialPlan plan =
      request.action == Request::Action::Login ? plan_serial(files, request.line)
      : request.action == Request::Action::Off ? plan_no_serial(files, request.line.tty)
                                               : plan_serial_removal(files, request.line.tty);
  edit.warnings.insert(edit.warnings.end(), plan.warnings.begin(), plan.warnings.end());
  apply_changes(edit, plan.changes);
  if (edit.wants_json()) edit.result["init"] = to_text(plan.init);
}

ExitCode run(const Args& args, Streams& io) {
  std::vector<std::string> words = args.operands();
  const Address address = take_image(args, words, 0);
  const Request request = read_request(with_operands(args, words));
  return run_edit_on(kSerial, address, args, io, Verbs::One,
                     [&](Edit& edit) { carry_out(edit, request); });
}

}  // namespace

const Command kSerial{
    .name = "serial",
    .synopsis = "IMG[:N] TTY[,SPEED] [off | --remove]",
    .summary = "give the guest a login on a serial line",
    .examples =
        "  rawimg serial disk.img ttyS0\n  rawimg serial disk.img ttyAMA0,38400\n"
        "  rawimg serial disk.img ttyS0 off\n  rawimg serial disk.img ttyS0 --remove\n",
    .details =
        "With sysvinit or busybox a getty in /etc/inittab, with systemd its serial-getty; where "
        "/etc/securetty is, root may log in\nthere. The speed is 115200 unless it is said; a login "
        "with another one is replaced. off turns off any login on the line;\n--remove brings back "
        "what was there before. The same again changes nothing. In a batch the line is: serial "
        "ttyS0.\n",
    .options = kTables,
    .run = run,
    .apply = [](Edit& edit, const Args& args) { carry_out(edit, read_request(args)); },
};

}  // namespace rawimg::cli
