// SPDX-License-Identifier: MIT
// What ls does.
#pragma once

#include <vector>

#include "read/listing.h"
#include "read/reading.h"

namespace rawimg::cli {

/// What is listed, and how.
struct ListRequest {
  enum class Order { Name, Time, Size, None };

  ListStyle style;
  Order order = Order::Name;
  bool hidden = false, dots = false, recursive = false, itself = false, reverse = false,
       directories_first = false, dereference = false;
};

/// Files first, then directories, as ls(1) has them. Throws: NotFound, Corrupt, Io.
void list_files(const ListRequest& request, const std::vector<ReadFile>& files, Reading& reading);

}  // namespace rawimg::cli
