// SPDX-License-Identifier: MIT
#include "archive/file_kind.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace rawimg {
namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view bytes;
  std::string_view name;
};

constexpr std::array kKinds{
    Kind{"PK\x03\x04"sv, "a zip archive"},
    Kind{"PK\x05\x06"sv, "an empty zip archive"},
    Kind{"070701"sv, "a cpio archive"},
    Kind{"070702"sv, "a cpio archive"},
    Kind{"070707"sv, "a cpio archive"},
    Kind{"\xC7\x71"sv, "a cpio archive"},
    Kind{"!<arch>\n"sv, "an ar archive or a Debian package"},
    Kind{"7z\xBC\xAF\x27\x1C"sv, "a 7-Zip archive"},
    Kind{"Rar!\x1A\x07"sv, "a RAR archive"},
    Kind{"\xED\xAB\xEE\xDB"sv, "an RPM package"},
    Kind{"hsqs"sv, "a squashfs image"},
    Kind{"QFI\xFB"sv, "a qcow2 image"},
    Kind{"KDMV"sv, "a VMDK image"},
    Kind{"\x7F"
         "ELF"sv,
         "a program"},
    Kind{"-----BEGIN PGP"sv, "a PGP signature or message"},
};

}  // namespace

std::string file_kind(std::span<const std::byte> first) {
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  const auto found =
      std::ranges::find_if(kKinds, [&](const Kind& kind) { return text.starts_with(kind.bytes); });
  if (found != kKinds.end()) return std::string(found->name);
  // A download page in place of the file is the commonest accident.
  const std::string_view page =
      text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  for (const std::string_view tag : {"<!DOCTYPE"sv, "<!doctype"sv, "<html"sv, "<HTML"sv, "<?xml"sv})
    if (page.starts_with(tag)) return "a web page";
  if (text.size() == 512 && text.substr(510) == "\x55\xAA"sv) return "a disk image";
  const bool printable = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= ' ' && c < 0x7F) || c == '\n' || c == '\r' || c == '\t';
  });
  return printable ? "text" : "";
}

}  // namespace rawimg
