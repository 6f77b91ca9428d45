// SPDX-License-Identifier: MIT
// consumer DIRECTORY IMG: a program of somebody else, who has rawimg's public headers and library
// and nothing else. Makes an image of a directory, reads a file of it back, and has one failure.
#include <array>
#include <iostream>
#include <string>

#include <rawimg/build.h>
#include <rawimg/directory_source.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

namespace {

std::string read_back(const std::filesystem::path& path) {
  rawimg::ImageFile image = rawimg::ImageFile::open(path, rawimg::Access::ReadOnly);
  const rawimg::PartitionTable table = rawimg::PartitionTable::read(image);
  const rawimg::Window window(image, table.partitions().at(0).range());
  const rawimg::ExtFs fs = rawimg::ExtFs::open(window);
  std::string text;
  fs.read_file(fs.resolve("/etc/motd"), [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

// The exception's type and code arrive across the border of a shared library.
bool refuses_to_replace(const std::filesystem::path& path) {
  rawimg::Observer observer;
  try {
    rawimg::build(path, {.size = rawimg::ByteCount{8 << 20}}, {}, {}, observer);
  } catch (const rawimg::Error& error) {
    return error.code() == rawimg::Errc::Exists;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    rawimg::ImageSpec spec;
    spec.filesystem.type = rawimg::ExtType::Ext4;
    spec.filesystem.fit = rawimg::Spare{.bytes = 1 << 20};
    std::vector<rawimg::SourceSpec> sources(1);
    sources[0].source = rawimg::open_directory(argv[1]);
    rawimg::Observer observer;
    rawimg::build(argv[2], spec, std::move(sources), {.durability = rawimg::Durability::NoSync},
                  observer);
    std::cout << read_back(argv[2]);
    if (refuses_to_replace(argv[2])) return 0;
    std::cerr << "consumer: an image that is there is not refused as such\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "consumer: " << error.what() << '\n';
    return 1;
  }
}
