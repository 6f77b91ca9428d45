// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "cli/command.h"

namespace rawimg::cli {
namespace {

struct Topic {
  std::string_view name, text;
};

constexpr Topic kTopics[] = {
    {"addresses",
     R"(IMG[:[N][/path]] names an image, a slot in it, and a path inside its filesystem.

  disk.img              the image; where a filesystem is needed, the only ext filesystem in it
  disk.img:1            partition 1 (an MBR has 1 to 4, a GPT 1 to 128)
  disk.img:0            the whole file as one filesystem
  disk.img:1/etc/fstab  a file in it
  disk.img:/etc/fstab   the same, where there is only one filesystem
  disk.img?offset=32256 the filesystem at that byte (as e2fsprogs writes it); disk.img@@32256 as mtools does

In place of a tarball, - is standard input. An image is never standard input or output.

The word is split at the first colon whose right side looks like that and whose left side exists. A file name
with a colon: --image FILE takes it literally, and paths are then [N]/path; for cp, which knows the host's, too, :[N]/path.

Verbs that change an image take many paths. Names with * ? [ match inside the image, where no file has just that name;
no match is exit 4. For cp, mv, ln, mkdir and mknod, \ in front of one makes a name that has it. A slash behind a name asks
for a directory.
)"},
    {"exit-codes", R"(0    done
1    failed: the host's file system, a missing host file, a bad archive, or what is there is in the way or of another kind
2    wrong command line
3    not an image, or a feature that rawimg refuses
4    not found in the image
5    no space, in the image or on the host (the message says what would fit)
6    damaged or dirty
7    a digest or comparison did not match
8    in use: try again, or --wait
130  interrupted (143: terminated; 129: hung up)
)"},
    {"sizes",
     R"(K, M, G and T are powers of 1024, and so are KiB, MiB, GiB and TiB; s is sectors of 512 bytes; no unit is bytes (in
the lines of partition, which are sfdisk's: sectors).
KB and MB are refused, because they mean different things to different people.

  4G = 4GiB = 4294967296      63s = 32256      1M = 2048s
)"},
    {"json", R"(--json prints one object on standard output:

  {"schema":1,"command":"info","result":{...},"warnings":[...]}
  {"schema":1,"command":"info","error":{"code":"not-found","exit":4,"message":"...","path":"...","hint":"..."}}

"cat" has the content as "content", and as "content_base64" when it is not UTF-8.
Sizes are bytes. A name that is not UTF-8 is there twice: "name" with replacement characters, and "name_base64"; and so are paths.
--progress json prints objects, one a line, on standard error while a job runs: {"progress":...}, {"warning":...}, and
{"finished":RESULT} at its end.
)"},
};

std::string option_lines(std::span<const OptionSpec> options) {
  std::size_t width = 0;
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const OptionSpec& spec : options) {
    std::string left = !spec.is_long()    ? fmt::format("-{}", spec.name)
                       : spec.letter != 0 ? fmt::format("-{}, --{}", spec.letter, spec.name)
                                          : fmt::format("    --{}", spec.name);
    if (spec.value_may_be_missing())
      left += fmt::format("[={}", spec.value.substr(1));
    else if (!spec.is_switch())
      left += fmt::format(" {}", spec.value);
    width = std::max(width, left.size());
    rows.emplace_back(std::move(left), spec.help);
  }
  std::string text;
  for (const auto& [left, right] : rows) text += fmt::format("  {:<{}}  {}\n", left, width, right);
  return text;
}

}  // namespace

std::vector<OptionSpec> all_options(const Command& command) {
  std::vector<OptionSpec> options;
  for (const auto table : command.options)
    options.insert(options.end(), table.begin(), table.end());
  return options;
}

std::string help_text(const Command& command) {
  std::string text =
      fmt::format("rawimg {} - {}\n\nExamples:\n{}\nUsage: rawimg {} {}\n\nOptions:\n{}",
                  command.name, command.summary, command.examples, command.name, command.synopsis,
                  option_lines(all_options(command)));
  if (!command.details.empty()) text += fmt::format("\n{}", command.details);
  return text;
}

std::string overview_text() {
  std::string text = R"(rawimg makes and changes raw disk images: no root, no loop device, no mount.

Examples:
  rawimg build gentoo.img --from stage3.tar.xz --size 4G    a tarball becomes a disk with one partition
  rawimg init disk.img --size 1G -t ext4                    an empty disk
  rawimg info disk.img                                      what is in it, and its root= names
  rawimg ls -l disk.img:/etc                                look inside
  rawimg cat disk.img:1/etc/fstab
  rawimg cp ./m5 disk.img:/sbin/m5                          change it: cp mv rm mkdir ln chmod edit ...
  rawimg batch disk.img -e 'rm :/etc/motd' -e 'touch :/x'   many changes as one, all or none

Usage: rawimg COMMAND [OPTIONS] IMG[:N][/path] ...

Commands:
)";
  for (const Command* command : commands())
    text += fmt::format("  {:<10} {}\n", command->name, command->summary);
  text += "\nMore: rawimg COMMAND --help; rawimg help TOPIC, with TOPIC one of";
  for (const std::string_view topic : topic_names()) text += fmt::format(" {}", topic);
  return text + "\n";
}

std::vector<std::string_view> topic_names() {
  std::vector<std::string_view> names;
  for (const Topic& topic : kTopics) names.push_back(topic.name);
  return names;
}

std::string topic_text(std::string_view topic) {
  for (const Topic& known : kTopics)
    if (known.name == topic) return std::string(known.text);
  return "";
}

}  // namespace rawimg::cli
