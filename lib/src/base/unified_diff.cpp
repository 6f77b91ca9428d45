// SPDX-License-Identifier: MIT
// Lines become numbers, equal for equal lines; Myers' algorithm in linear space (E. W. Myers, "An
// O(ND) Difference Algorithm and Its Variations", 1986, section 4b) marks those that only one side
// has; marks become changes, changes that are near each other become hunks.
#include "base/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace rawimg {
namespace {

constexpr std::size_t kContext = 3;
// An honest edit of a file in /etc takes thousands of steps. Two hostile texts of N lines would
// take N squared.
constexpr std::int64_t kFreeSteps = 1 << 22, kStepsPerLine = 32;

// their newlines included: a last line without one is another line
using Lines = std::vector<std::string_view>;

Lines split_lines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::size_t size = newline == std::string_view::npos ? text.size() : newline + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

/// Both texts as numbers. Sorted rather than hashed: no text can be made to collide.
struct Numbered {
  std::vector<std::size_t> old_side, new_side;
};

Numbered number_lines(const Lines& old_lines, const Lines& new_lines) {
  const auto line_at = [&](std::size_t i) {
    return i < old_lines.size() ? old_lines[i] : new_lines[i - old_lines.size()];
  };
  std::vector<std::size_t> order(old_lines.size() + new_lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return line_at(a) < line_at(b); });
  std::vector<std::size_t> numbers(order.size());
  for (std::size_t i = 1; i < order.size(); ++i)
    numbers[order[i]] =
        numbers[order[i - 1]] + (line_at(order[i]) == line_at(order[i - 1]) ? 0 : 1);
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(old_lines.size());
  return {{numbers.begin(), middle}, {middle, numbers.end()}};
}

/// A part of each side.
struct Box {
  std::size_t old_begin, old_end, new_begin, new_end;
};

/// How far paths of one length get on each diagonal: `at(k)` is the largest x on the line x - y ==
/// k, or kNone.
class Frontier {
 public:
  static constexpr std::int64_t kNone = INT64_MIN / 2;

  explicit Frontier(std::size_t lines) : x_(lines + 3) {}
  /// For a box of `width` old and `height` new lines; diagonals -height - 1 to width + 1.
  void reset(std::int64_t width, std::int64_t height) {
    width_ = width;
    height_ = height;
    std::fill_n(x_.begin(), width + height + 3, kNone);
  }
  std::int64_t& at(std::int64_t diagonal) {
    return x_[static_cast<std::size_t>(diagonal + height_ + 1)];
  }
  bool holds(std::int64_t diagonal) const { return diagonal >= -height_ && diagonal <= width_; }

  /// Where a path with one step more starts its run of equal lines on that diagonal.
  std::int64_t step(std::int64_t diagonal) {
    const std::int64_t right = at(diagonal - 1) + 1, down = at(diagonal + 1);
    const std::int64_t best =
        std::max(right <= width_ ? right : kNone, down - diagonal <= height_ ? down : kNone);
    return best < 0 ? kNone : best;
  }

 private:
  std::vector<std::int64_t> x_;
  std::int64_t width_ = 0, height_ = 0;
};

class Differ {
 public:
  explicit Differ(const Numbered& lines)
      : a_(lines.old_side),
        b_(lines.new_side),
        removed(a_.size()),
        added(b_.size()),
        forward_(a_.size() + b_.size()),
        backward_(a_.size() + b_.size()),
        steps_left_(kFreeSteps + kStepsPerLine * static_cast<std::int64_t>(a_.size() + b_.size())) {
    compare({0, a_.size(), 0, b_.size()});
  }

 private:
  struct Point {
    std::int64_t x, y;
  };

  /// Marks what differs in the box. The depth is the logarithm of the number of differences,
  /// because each half has half of them.
  void compare(Box box) {
    trim(box);
    const bool nothing_in_common = box.old_begin == box.old_end || box.new_begin == box.new_end;
    const auto middle = nothing_in_common ? std::nullopt : find_middle(box);
    if (!middle) {
      std::fill(removed.begin() + static_cast<std::ptrdiff_t>(box.old_begin),
                removed.begin() + static_cast<std::ptrdiff_t>(box.old_end), 1);
      std::fill(added.begin() + static_cast<std::ptrdiff_t>(box.new_begin),
                added.begin() + static_cast<std::ptrdiff_t>(box.new_end), 1);
      return;
    }
    const std::size_t x = box.old_begin + static_cast<std::size_t>(middle->x),
                      y = box.new_begin + static_cast<std::size_t>(middle->y);
    compare({box.old_begin, x, box.new_begin, y});
    compare({x, box.old_end, y, box.new_end});
  }

  void trim(Box& box) const {
    while (box.old_begin < box.old_end && box.new_begin < box.new_end &&
           a_[box.old_begin] == b_[box.new_begin])
      ++box.old_begin, ++box.new_begin;
    while (box.old_begin < box.old_end && box.new_begin < box.new_end &&
           a_[box.old_end - 1] == b_[box.new_end - 1])
      --box.old_end, --box.new_end;
  }

  /// A point on a shortest path through the box, about half of its steps from either end. Absent:
  /// no steps are left.
  std::optional<Point> find_middle(const Box& box) {
    const auto width = static_cast<std::int64_t>(box.old_end - box.old_begin),
               height = static_cast<std::int64_t>(box.new_end - box.new_begin);
    // of the last corner; the backward search counts diagonals from there
    const std::int64_t delta = width - height;
    const bool odd = delta % 2 != 0;
    forward_.reset(width, height);
    backward_.reset(width, height);
    for (std::int64_t d = 0;; ++d) {
      for (std::int64_t k = first_diagonal(d, height); k <= std::min(d, width); k += 2) {
        const std::int64_t x = advance(forward_, d, k, box, false);
        if (steps_left_ <= 0) return std::nullopt;
        const std::int64_t other = delta - k;
        if (odd && backward_.holds(other) && x + backward_.at(other) >= width)
          return Point{x, x - k};
      }
      for (std::int64_t k = first_diagonal(d, height); k <= std::min(d, width); k += 2) {
        const std::int64_t x = advance(backward_, d, k, box, true);
        if (steps_left_ <= 0) return std::nullopt;
        const std::int64_t other = delta - k;
        if (!odd && forward_.holds(other) && x + forward_.at(other) >= width)
          return Point{width - x, height - (x - k)};
      }
    }
  }

  /// The lowest diagonal of the box that d steps lead to.
  static std::int64_t first_diagonal(std::int64_t d, std::int64_t height) {
    return d <= height ? -d : -height + (d - height) % 2;
  }

  /// Takes the path to diagonal k one step and a run of equal lines further; from the box's first
  /// corner, or from its last one.
  std::int64_t advance(Frontier& frontier, std::int64_t d, std::int64_t k, const Box& box,
                       bool from_end) {
    const auto width = static_cast<std::int64_t>(box.old_end - box.old_begin),
               height = static_cast<std::int64_t>(box.new_end - box.new_begin);
    std::int64_t x = d == 0 ? 0 : frontier.step(k);
    const std::int64_t start = x;
    if (x != Frontier::kNone)
      while (x < width && x - k < height && equal_lines(box, x, x - k, from_end)) ++x;
    steps_left_ -= 1 + (x - start);
    frontier.at(k) = x;
    return x;
  }

  bool equal_lines(const Box& box, std::int64_t x, std::int64_t y, bool from_end) const {
    const auto i = static_cast<std::size_t>(x), j = static_cast<std::size_t>(y);
    return from_end ? a_[box.old_end - 1 - i] == b_[box.new_end - 1 - j]
                    : a_[box.old_begin + i] == b_[box.new_begin + j];
  }

  const std::vector<std::size_t>&a_, &b_;

 public:
  std::vector<char> removed, added;

 private:
  Frontier forward_, backward_;
  std::int64_t steps_left_;
};

/// Lines of the old side in whose place lines of the new side stand.
struct Change {
  std::size_t old_at, old_count, new_at, new_count;
};

std::vector<Change> find_changes(const Differ& marks) {
  std::vector<Change> changes;
  const std::size_t old_size = marks.removed.size(), new_size = marks.added.size();
  for (std::size_t i = 0, j = 0; i < old_size || j < new_size; ++i, ++j) {
    Change change{i, 0, j, 0};
    for (; i < old_size && marks.removed[i] != 0; ++i) ++change.old_count;
    for (; j < new_size && marks.added[j] != 0; ++j) ++change.new_count;
    if (change.old_count + change.new_count > 0) changes.push_back(change);
  }
  return changes;
}

void put_name(std::string& out, std::string_view mark, std::string_view name) {
  const bool quoted = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7F || c == '"' || c == '\\';
  });
  out += mark;
  if (quoted) {
    out += '"';
    for (const char c : name) {
      if (c == '"' || c == '\\')
        (out += '\\') += c;
      else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F)
        out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
      else
        out += c;
    }
    out += '"';
  } else {
    out += name;
    if (name.find(' ') != std::string_view::npos) out += '\t';
  }
  out += '\n';
}

void put_line(std::string& out, char mark, std::string_view line) {
  (out += mark) += line;
  if (line.back() != '\n') out += "\n\\ No newline at end of file\n";
}

/// "12,3": first line and how many; no lines are placed behind the one before, one line has no
/// number.
std::string range_text(std::size_t begin, std::size_t end) {
  if (end - begin == 1) return std::to_string(end);
  return fmt::format("{},{}", end == begin ? begin : begin + 1, end - begin);
}

/// The changes from `first` up to `last`, with context around and between them.
void put_hunk(std::string& out, const std::vector<Change>& changes, std::size_t first,
              std::size_t last, const Lines& old_lines, const Lines& new_lines) {
  const Change &head = changes[first], &tail = changes[last - 1];
  const std::size_t before = std::min(kContext, head.old_at);
  const std::size_t tail_end = tail.old_at + tail.old_count,
                    after = std::min(kContext, old_lines.size() - tail_end);
  std::size_t at = head.old_at - before;
  out += fmt::format("@@ -{} +{} @@\n", range_text(at, tail_end + after),
                     range_text(head.new_at - before, tail.new_at + tail.new_count + after));
  for (std::size_t i = first; i < last; ++i) {
    const Change& change = changes[i];
    for (; at < change.old_at; ++at) put_line(out, ' ', old_lines[at]);
    for (; at < change.old_at + change.old_count; ++at) put_line(out, '-', old_lines[at]);
    for (std::size_t j = change.new_at; j < change.new_at + change.new_count; ++j)
      put_line(out, '+', new_lines[j]);
  }
  for (; at < tail_end + after; ++at) put_line(out, ' ', old_lines[at]);
}

}  // namespace

std::string unified_diff(std::string_view old_name, std::string_view new_name,
                         std::string_view old_text, std::string_view new_text) {
  if (old_text == new_text) return "";
  const Lines old_lines = split_lines(old_text), new_lines = split_lines(new_text);
  const Numbered numbered = number_lines(old_lines, new_lines);
  const std::vector<Change> changes = find_changes(Differ(numbered));

  std::string out;
  put_name(out, "--- ", old_name);
  put_name(out, "+++ ", new_name);
  for (std::size_t first = 0, last = 1; first < changes.size(); first = last++) {
    // Two changes share a hunk when no line between them would be left out.
    while (last < changes.size() &&
           changes[last].old_at - (changes[last - 1].old_at + changes[last - 1].old_count) <=
               2 * kContext)
      ++last;
    put_hunk(out, changes, first, last, old_lines, new_lines);
  }
  return out;
}

}  // namespace rawimg
