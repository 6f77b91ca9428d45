// SPDX-License-Identifier: MIT
// Rows of ls, in columns.
#pragma once

#include <string>
#include <vector>

#include <rawimg/ext_fs.h>

#include "cli/streams.h"
#include "read/account_names.h"

namespace rawimg::cli {

struct ListRow {
  std::string name;
  InodeInfo inode;
};

enum class TimeField { Modify, Access, Change, Birth };

/// What is shown of a row, and how.
struct ListStyle {
  bool long_form = false, inode = false, blocks = false, human = false;
  bool numeric = false, owner = true, group = true, quoted = false;
  enum class Mark { None, Slash, All } mark = Mark::None;
  TimeField time = TimeField::Modify;
  std::string time_format = "%Y-%m-%d %H:%M";
};

Timestamp time_of(const InodeInfo& inode, TimeField field);

/// "total 12": the blocks of the rows.
std::string total_line(const std::vector<ListRow>& rows, const ListStyle& style);
void print_rows(const std::vector<ListRow>& rows, const ListStyle& style, AccountNames& names,
                Streams& io);

/// In double quotes, with C's escapes.
std::string c_quoted(std::string_view bytes);

}  // namespace rawimg::cli
