// SPDX-License-Identifier: MIT
#include "archive/stored_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"

namespace rawimg {

StoredInput::StoredInput(int descriptor, std::string name, std::span<const DigestKind> digests)
    : descriptor_(descriptor), name_(std::move(name)) {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0)
    throw errno_error(errno, fmt::format("cannot read {}", quote(name_))).with_path(name_);
  if (S_ISDIR(status.st_mode))
    throw Error(Errc::Io, fmt::format("{} is a directory, not a tar archive", quote(name_)),
                std::make_error_code(std::errc::is_a_directory))
        .with_path(name_);
  if (S_ISREG(status.st_mode)) {
    // of a descriptor that someone else has begun to read
    const off_t begin = lseek(descriptor_, 0, SEEK_CUR);
    total_ =
        static_cast<std::uint64_t>(std::max<off_t>(status.st_size - std::max<off_t>(begin, 0), 0));
    posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);  // advice: its failure changes nothing
  }
  for (const DigestKind kind : digests) hashes_.push_back(std::make_unique<HashingThread>(kind));
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) throw errno_error(errno, "cannot make an event descriptor");
}

StoredInput::~StoredInput() { ::close(wake_); }

void StoredInput::stop() {
  stopped_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);  // its only failure is a full counter: awake already
}

std::span<const std::byte> StoredInput::peek(std::size_t size) {
  while (peeked_.size() < size) {
    const std::size_t have = peeked_.size();
    peeked_.resize(size);
    const std::size_t n = read_some(std::span(peeked_).subspan(have));
    peeked_.resize(have + n);
    if (n == 0) break;
  }
  return peeked_;
}

std::vector<std::string> StoredInput::digests_hex() {
  std::vector<std::string> digests;
  for (const auto& hash : hashes_) digests.push_back(hash->finish_hex());
  return digests;
}

std::size_t StoredInput::read(std::span<std::byte> out) {
  if (peeked_used_ == peeked_.size()) return read_some(out);
  const std::size_t n = std::min(out.size(), peeked_.size() - peeked_used_);
  std::memcpy(out.data(), peeked_.data() + peeked_used_, n);
  peeked_used_ += n;
  return n;
}

void StoredInput::wait_readable() {
  std::array<pollfd, 2> waits{pollfd{descriptor_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
  while (poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR)
      throw errno_error(errno, fmt::format("cannot wait for {}", quote(name_))).with_path(name_);
  }
}

std::size_t StoredInput::read_some(std::span<std::byte> out) {
  for (;;) {
    // a pipe, a socket, a terminal: wait where stop() can wake us
    if (!total_ && !stopped_) wait_readable();
    if (stopped_) throw Error(Errc::Interrupted, "interrupted");
    const ssize_t n = ::read(descriptor_, out.data(), out.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0)
      throw errno_error(errno, fmt::format("cannot read {}", quote(name_))).with_path(name_);
    position_ += static_cast<std::uint64_t>(n);
    for (const auto& hash : hashes_) hash->add(out.first(static_cast<std::size_t>(n)));
    return static_cast<std::size_t>(n);
  }
}

}  // namespace rawimg
