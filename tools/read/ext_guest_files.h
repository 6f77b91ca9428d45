// SPDX-License-Identifier: MIT
// An ext filesystem, as it lies there or as a transaction leaves it, as GuestFiles.
#pragma once

#include <rawimg/ext_fs.h>
#include <rawimg/guest_files.h>

namespace rawimg::cli {

class ExtGuestFiles : public GuestFiles {
 public:
  explicit ExtGuestFiles(const ExtReader& fs) : fs_(fs) {}

  std::optional<GuestFile> find(std::string_view path, Follow follow) const override;
  std::string head(const GuestFile& file, std::size_t count) const override;
  std::optional<std::string> read(const GuestFile& file) const override;

 private:
  const ExtReader& fs_;
};

}  // namespace rawimg::cli
