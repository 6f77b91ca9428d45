// SPDX-License-Identifier: MIT
#include "storage/sparse_copy.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

namespace rawimg {

bool share_blocks(const ImageFile& from, const ImageFile& to) {
  return ioctl(to.descriptor(), FICLONE, from.descriptor()) == 0;
}

}  // namespace rawimg
