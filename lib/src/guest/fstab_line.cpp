// SPDX-License-Identifier: MIT
#include "guest/fstab_line.h"

#include <algorithm>
#include <utility>

#include "guest/text_lines.h"

namespace rawimg {
namespace {

constexpr std::size_t kTab = 8;
// Padding beyond this is no alignment but the trace of one long field, or an attack: a field of 1
// MB would cost every line after it as much.
constexpr std::size_t kMaxPadding = 64;

const FstabFields kDefaults{"", "", "", "defaults", "0", "0"};

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// Fields from `text` on; `text` is a part of line.body.
void split_fields(std::string_view text, FstabLine& line) {
  for (text = skip_blanks(text); !text.empty() && line.count < kFstabFields;
       text = skip_blanks(text)) {
    // no options start so: a comment behind the entry
    if (line.count >= 3 && text.front() == '#') return;
    const std::size_t size = std::min(text.find_first_of(" \t"), text.size());
    line.fields[line.count++] = text.substr(0, size);
    text.remove_prefix(size);
  }
}

/// Whether the fields of a comment are words of a sentence: "see /proc/mounts too".
bool is_prose(const FstabLine& line) {
  const std::string_view device = line.fields[0];
  return !is_mount_point(decode_field(line.fields[1])) ||
         (line.count == 3 && device.front() != '/' && device.find('=') == std::string_view::npos);
}

/// The column that follows `text`, when `text` starts at `column`. Bytes are counted, as tabs are
/// in the C locale.
std::size_t column_after(std::string_view text, std::size_t column) {
  for (const char c : text) column = c == '\t' ? (column / kTab + 1) * kTab : column + 1;
  return column;
}

/// What to put between a field that ends at `column` and one that is to start at `wanted`: tabs, if
/// tabs are how the file does it.
std::string padding(std::size_t column, std::size_t wanted, char blank) {
  std::string out;
  if (wanted <= column || wanted - column > kMaxPadding) return std::string(1, blank);
  if (blank == '\t')
    for (; (column / kTab + 1) * kTab <= wanted; column = (column / kTab + 1) * kTab) out += '\t';
  return out.append(wanted - column, ' ');
}

/// The fields that have to be written when `present` of them are there already.
std::size_t needed_count(const FstabFields& values, std::size_t present) {
  std::size_t count = kFstabFields;
  while (count > present && values[count - 1] == kDefaults[count - 1]) --count;
  return count;
}

/// Writes fields one by one, each where `pattern` has it.
class Layout {
 public:
  Layout(std::optional<FstabLine> pattern, std::string_view indent)
      : pattern_(std::move(pattern)), out_(indent), column_(column_after(indent, 0)) {
    if (!pattern_) return;
    const std::string_view before = pattern_->body.substr(0, pattern_->begin_of(0));
    pattern_column_ = column_after(before, 0);
  }

  void add(std::string_view field) {
    if (at_ > 0) separate();
    put(field);
    if (pattern_ && at_ < pattern_->count)
      pattern_column_ = column_after(pattern_->fields[at_], pattern_column_);
    ++at_;
  }

  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text) {
    out_ += text;
    column_ = column_after(text, column_);
  }

  void separate() {
    if (!pattern_ || at_ >= pattern_->count) {
      put(at_ + 1 == kFstabFields ? " " : std::string_view(&blank_, 1));
      return;
    }
    const std::string_view between = pattern_->body.substr(
        pattern_->end_of(at_ - 1), pattern_->begin_of(at_) - pattern_->end_of(at_ - 1));
    const std::size_t wanted = column_after(between, pattern_column_);
    blank_ = between.find('\t') == std::string_view::npos ? ' ' : '\t';
    put(column_ == pattern_column_ ? std::string(between) : padding(column_, wanted, blank_));
    pattern_column_ = wanted;
  }

  const std::optional<FstabLine> pattern_;
  std::string out_;
  std::size_t at_ = 0;  ///< the next field
  std::size_t column_ = 0, pattern_column_ = 0;
  char blank_ = '\t';
};

}  // namespace

std::optional<FstabLine> parse_fstab_line(std::string_view body) {
  // readers in C end the line there
  if (body.find('\0') != std::string_view::npos) return std::nullopt;
  const auto commented = comment_text(body);
  FstabLine line;
  line.body = body;
  line.active = !commented;
  split_fields(commented.value_or(body), line);
  if (line.count < 3) return std::nullopt;
  // "/dev/sda1 /my disk ext4 defaults 0 1": a blank that was not escaped moves words into the
  // columns of numbers, and libmount ignores the line.
  for (std::size_t i = 4; i < line.count; ++i)
    if (!parse_decimal(line.fields[i])) return std::nullopt;
  if (commented && is_prose(line)) return std::nullopt;
  return line;
}

FstabEntry decode_entry(const FstabLine& line) {
  FstabEntry entry;
  entry.active = line.active;
  entry.device = decode_field(line.fields[0]);
  entry.mount_point = decode_field(line.fields[1]);
  entry.type = decode_field(line.fields[2]);
  if (line.count > 3) entry.options = decode_field(line.fields[3]);
  if (line.count > 4) entry.dump = parse_decimal(line.fields[4]).value_or(0);
  if (line.count > 5) entry.pass = parse_decimal(line.fields[5]).value_or(0);
  return entry;
}

FstabFields fields_of(const FstabEntry& entry) {
  return {entry.device,  entry.mount_point,          entry.type,
          entry.options, std::to_string(entry.dump), std::to_string(entry.pass)};
}

bool is_mount_point(std::string_view text) {
  return text == "none" || text == "swap" || (!text.empty() && text.front() == '/');
}

std::string normal_mount_point(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string decode_field(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && text.size() - i > 3 && is_octal(text[i + 1]) &&
                        is_octal(text[i + 2]) && is_octal(text[i + 3]);
    const int value =
        escape ? (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0') : 0;
    if (value == 0 || value > 255) {  // no escape, or of what is no byte of a name
      out += text[i];
      continue;
    }
    out += static_cast<char>(value);
    i += 3;
  }
  return out;
}

std::string encode_field(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != 0x7F && c != '\\' && !(c == '#' && out.empty())) {
      out += c;
      continue;
    }
    out += '\\';
    for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
  }
  return out;
}

std::string replace_fields(const FstabLine& line, const FstabFields& values) {
  Layout layout(line, line.body.substr(0, line.begin_of(0)));
  const std::size_t count = needed_count(values, line.count);
  const FstabFields old = fields_of(decode_entry(line));
  for (std::size_t i = 0; i < count; ++i)
    layout.add(i < line.count && values[i] == old[i] ? std::string(line.fields[i])
                                                     : encode_field(values[i]));
  return layout.take().append(line.body.substr(line.end_of(line.count - 1)));
}

std::string lay_out_fields(const std::optional<FstabLine>& pattern, const FstabFields& values) {
  Layout layout(pattern, "");
  for (const std::string& value : values) layout.add(encode_field(value));
  return layout.take();
}

}  // namespace rawimg
