// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <string>

#include <rawimg/partition_table.h>

namespace rawimg {
namespace {

struct Name {
  std::string_view guid, name;
};

// As sfdisk names them. Sources of the numbers: FORMATS.md.
constexpr std::array kNames{
    Name{"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI System"},
    Name{"024dee41-33e7-11d3-9d69-0008c781f39f", "MBR partition scheme"},
    Name{"21686148-6449-6e6f-744e-656564454649", "BIOS boot"},
    Name{"9e1a2d38-c612-4316-aa26-8b49521e5a8b", "PowerPC PReP boot"},
    Name{"e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"},
    Name{"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft basic data"},
    Name{"de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery environment"},
    Name{"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"},
    Name{"0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux filesystem"},
    Name{"3b8f8425-20e0-4f3b-907f-1a25a76f98e8", "Linux server data"},
    Name{"44479540-f297-41b2-9af7-d131d5f0458a", "Linux root (x86)"},
    Name{"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"},
    Name{"6523f8ae-3eb1-4e2a-a05a-18b695ae656f", "Linux root (Alpha)"},
    Name{"d27f46ed-2919-4cb8-bd25-9531f3c16534", "Linux root (ARC)"},
    Name{"69dad710-2ce4-4e3c-b16c-21a1d49abed3", "Linux root (ARM)"},
    Name{"b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM-64)"},
    Name{"993d8d3d-f80e-4225-855a-9daf8ed7ea97", "Linux root (IA-64)"},
    Name{"77055800-792c-4f94-b39a-98c91b762bb6", "Linux root (LoongArch-64)"},
    Name{"37c58c8a-d913-4156-a25f-48b1b64e07f0", "Linux root (MIPS-32 LE)"},
    Name{"700bda43-7a34-4507-b179-eeb93d7a7ca3", "Linux root (MIPS-64 LE)"},
    Name{"1de3f1ef-fa98-47b5-8dcd-4a860a654d78", "Linux root (PPC)"},
    Name{"912ade1d-a839-4913-8964-a10eee08fbd2", "Linux root (PPC64)"},
    Name{"c31c45e6-3f39-412e-80fb-4809c4980599", "Linux root (PPC64LE)"},
    Name{"60d5a7fe-8e7d-435c-b714-3dd8162144e1", "Linux root (RISC-V-32)"},
    Name{"72ec70a6-cf74-40e6-bd49-4bda08e8f224", "Linux root (RISC-V-64)"},
    Name{"08a7acea-624c-4a20-91e8-6e0fa67d23f9", "Linux root (S390)"},
    Name{"5eead9a9-fe09-4a1e-a1d7-520d00531306", "Linux root (S390X)"},
    Name{"c50cdd70-3862-4cc3-90e1-809a8c93ee2c", "Linux root (TILE-Gx)"},
    Name{"8da63339-0007-60c0-c436-083ac8230908", "Linux reserved"},
    Name{"933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home"},
    Name{"a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"},
    Name{"e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"},
    Name{"4d21b016-b534-45c2-a9fb-5c16e091fd2d", "Linux variable data"},
    Name{"7ec6f557-3bc5-4aca-b293-16ef5df639d1", "Linux temporary data"},
    Name{"75250d76-8cc6-458e-bd66-bd47cc81a812", "Linux /usr (x86)"},
    Name{"8484680c-9521-48c6-9c11-b0720656f69e", "Linux /usr (x86-64)"},
    Name{"7d0359a3-02b3-4f0a-865c-654403e70625", "Linux /usr (ARM)"},
    Name{"b0e01050-ee5f-4390-949a-9101b17104e9", "Linux /usr (ARM-64)"},
    Name{"e611c702-575c-4cbe-9a46-434fa0bf7e3f", "Linux /usr (LoongArch-64)"},
    Name{"beaec34b-8442-439b-a40b-984381ed097d", "Linux /usr (RISC-V-64)"},
    Name{"bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux extended boot"},
    Name{"773f91ef-66d4-49b5-bd83-d683bf40ad16", "Linux user's home"},
    Name{"516e7cb4-6ecf-11d6-8ff8-00022d09712b", "FreeBSD data"},
    Name{"83bd6b9d-7f41-11dc-be0b-001560b84f0f", "FreeBSD boot"},
    Name{"516e7cb5-6ecf-11d6-8ff8-00022d09712b", "FreeBSD swap"},
    Name{"516e7cb6-6ecf-11d6-8ff8-00022d09712b", "FreeBSD UFS"},
    Name{"516e7cba-6ecf-11d6-8ff8-00022d09712b", "FreeBSD ZFS"},
    Name{"48465300-0000-11aa-aa11-00306543ecac", "Apple HFS/HFS+"},
    Name{"7c3457ef-0000-11aa-aa11-00306543ecac", "Apple APFS"},
    Name{"49f48d32-b10e-11dc-b99b-0019d1879648", "NetBSD swap"},
    Name{"49f48d5a-b10e-11dc-b99b-0019d1879648", "NetBSD FFS"},
    Name{"fe3a2a5d-4f32-41a7-b725-accc3285a309", "ChromeOS kernel"},
    Name{"3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec", "ChromeOS root fs"},
    Name{"2e0a753d-9e48-43b0-8337-b15192cb1b5e", "ChromeOS reserved"},
    Name{"824cc7a0-36a8-11e3-890a-952519ad3f61", "OpenBSD data"},
};

}  // namespace

std::string_view partition_type_name(const Uuid& type) {
  const std::string guid = to_text(type);
  const auto known = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Name& name) { return name.guid == guid; });
  return known == kNames.end() ? std::string_view() : known->name;
}

}  // namespace rawimg
