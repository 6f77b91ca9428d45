// SPDX-License-Identifier: MIT
//
// Open file description locks, as QEMU takes them (block/file-posix.c): QEMU holds read locks on
// byte 100 + n for each permission n that it uses and on byte 200 + n for each that it does not
// share; permission 1 is writing. Our writer's lock covers the whole file, so it collides with all
// of them and keeps QEMU out. Our reader's lock is on one byte far behind them, so that QEMU and
// readers go together and only our writers are kept out.
#include "storage/lock.h"

#include <fcntl.h>

#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"

namespace rawimg {
namespace {

constexpr off_t kReaderByte = off_t{1} << 62;
constexpr off_t kQemuFirst = 100, kQemuCount = 201;
constexpr off_t kQemuWritePermission = 101;
constexpr std::chrono::milliseconds kRetry{50};

struct flock lock_request(short type, off_t start, off_t length) {
  struct flock request {};
  request.l_type = type;
  request.l_whence = SEEK_SET;
  request.l_start = start;
  request.l_len = length;  // 0: to the end, wherever that is
  return request;
}

/// Whether another open file description holds a lock that a write lock on this range would collide
/// with.
bool is_locked(int descriptor, off_t start, off_t length) {
  struct flock probe = lock_request(F_WRLCK, start, length);
  return fcntl(descriptor, F_OFD_GETLK, &probe) == 0 && probe.l_type != F_UNLCK;
}

std::string holder(int descriptor, Access access) {
  if (access == Access::ReadOnly) return "another rawimg is changing it";
  // A writer of ours covers the reader's byte, too, so QEMU is the holder only where that byte is
  // free.
  if (!is_locked(descriptor, kReaderByte, 1) && is_locked(descriptor, kQemuFirst, kQemuCount))
    return "it is open in a VM";
  return "another program has it open";
}

/// errno, or 0 when the lock was taken.
int try_lock(int descriptor, Access access) {
  struct flock request = access == Access::ReadWrite ? lock_request(F_WRLCK, 0, 0)
                                                     : lock_request(F_RDLCK, kReaderByte, 1);
  return fcntl(descriptor, F_OFD_SETLK, &request) == 0 ? 0 : errno;
}

}  // namespace

void lock_file(int descriptor, const std::string& name, Access access, const LockPolicy& policy) {
  // The wait is counted in naps, because the library asks no clock.
  auto left = policy.wait.value_or(std::chrono::milliseconds{0});
  for (;; left -= kRetry) {
    const int error = try_lock(descriptor, access);
    const bool written_by_vm =
        error == 0 && access == Access::ReadOnly && is_locked(descriptor, kQemuWritePermission, 1);
    if (error == 0 && !written_by_vm) return;
    const bool held = error == 0 || error == EAGAIN || error == EACCES;
    // Without locks here, the user knows; and who only reads may look at what is being changed.
    if (!policy.required && (!held || access == Access::ReadOnly)) return;
    if (!held)
      throw errno_error(error, fmt::format("cannot lock {}", quote(name)))
          .with_path(name)
          .with_hint(
              "where the file system has no locks: --no-lock, when nothing else uses the image");
    if (left <= std::chrono::milliseconds{0})
      throw Error(Errc::Busy, fmt::format("{} is in use: {}", quote(name),
                                          written_by_vm ? "it is open in a VM that writes to it"
                                                        : holder(descriptor, access)))
          .with_path(name)
          .with_hint("try again when it is closed, or wait for it with --wait");
    std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace rawimg
