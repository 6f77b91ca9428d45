// SPDX-License-Identifier: MIT
// Extended attributes, capabilities, SELinux labels and ACLs.
#include <catch2/catch.hpp>

#include "archive/acl_text.h"
#include "archive/read_tar.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;

Entry with_records(const std::vector<PaxRecordSpec>& records, int mode = 0644) {
  return read_one(TarWriter().pax(records).entry({.name = "a", .mode = mode}).finish()).entry;
}

/// An ACL entry in the xattr's form.
std::string acl_entry(int tag, int permissions, std::uint32_t id = UINT32_MAX) {
  std::string bytes;
  for (const std::uint32_t value : {static_cast<std::uint32_t>(tag | permissions << 16), id})
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}
const std::string kVersion2 = "\2\0\0\0"s;

TEST_CASE("a file capability comes through byte by byte", "[archive][A23]") {
  const std::string capability = "\1\0\0\2\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0"s;
  const auto entry = with_records({{"SCHILY.xattr.security.capability", capability}});
  REQUIRE(entry.xattrs.size() == 1);
  CHECK(entry.xattrs[0] == Xattr{"security.capability", capability});
}

TEST_CASE("attributes are sorted by name, each name once, the last of a name wins",
          "[archive][A25]") {
  const auto entry = with_records({{"SCHILY.xattr.user.b", "1"},
                                   {"SCHILY.xattr.user.a", ""},
                                   {"SCHILY.xattr.user.b", "2"},
                                   {"SCHILY.xattr.trusted.c", "\n=\0x"s}});
  const std::vector<Xattr> expected{{"trusted.c", "\n=\0x"s}, {"user.a", ""}, {"user.b", "2"}};
  CHECK(entry.xattrs == expected);
}

TEST_CASE("names with '=' and '%' come through as GNU tar and as bsdtar write them",
          "[archive][A25]") {
  CHECK(with_records({{"SCHILY.xattr.user.a%3Db%25c%41", "v"}}).xattrs ==
        std::vector<Xattr>{{"user.a=b%c%41", "v"}});
  // bsdtar: both spellings of the same attribute; the first splits at the wrong '='
  CHECK(with_records({{"SCHILY.xattr.user.a", "b=v"}, {"LIBARCHIVE.xattr.user.a%3Db", "dg"}})
            .xattrs == std::vector<Xattr>{{"user.a=b", "v"}});
  CHECK(with_records({{"SCHILY.xattr.user.x%3Dy", "v"}, {"LIBARCHIVE.xattr.user.x%253Dy", "dg"}})
            .xattrs == std::vector<Xattr>{{"user.x%3Dy", "v"}});
}

TEST_CASE("bsdtar's base64 is decoded exactly or refused", "[archive][A25]") {
  struct Row {
    const char *text, *value;
  };
  const auto row = GENERATE(values<Row>({{"", ""},
                                         {"YQ", "a"},
                                         {"YQ==", "a"},
                                         {"YWI", "ab"},
                                         {"YWI=", "ab"},
                                         {"YWJj", "abc"},
                                         {"+/+/", "\xFB\xFF\xBF"}}));
  CAPTURE(row.text);
  CHECK(with_records({{"LIBARCHIVE.xattr.user.x", row.text}}).xattrs ==
        std::vector<Xattr>{{"user.x", row.value}});
  REQUIRE_THROWS_MATCHES(
      with_records({{"LIBARCHIVE.xattr.user.x", "YW*j"}}), Error,
      IsError(Errc::BadInput, "'LIBARCHIVE.xattr.user.x' has a value in broken base64"));
  REQUIRE_THROWS_MATCHES(with_records({{"LIBARCHIVE.xattr.user.x", "YWJjY"}}), Error,
                         IsError(Errc::BadInput, "broken base64"));
  REQUIRE_THROWS_MATCHES(with_records({{"LIBARCHIVE.xattr.user.%4", "YQ"}}), Error,
                         IsError(Errc::BadInput, "broken URL encoding"));
  REQUIRE_THROWS_MATCHES(with_records({{"LIBARCHIVE.xattr.user.%00", "YQ"}}), Error,
                         IsError(Errc::BadInput, "names no attribute"));
  REQUIRE_THROWS_MATCHES(with_records({{"SCHILY.xattr.", "YQ"}}), Error,
                         IsError(Errc::BadInput, "names no attribute"));
}

TEST_CASE("an SELinux label gets the NUL with which the kernel keeps it", "[archive][A25]") {
  CHECK(xattr_of(with_records({{"RHT.security.selinux", "u:r:t:s0"}}), "security.selinux") ==
        "u:r:t:s0\0"s);
  CHECK(xattr_of(with_records({{"RHT.security.selinux", "u:r:t:s0\0"s}}), "security.selinux") ==
        "u:r:t:s0\0"s);
  CHECK(xattr_of(
            with_records({{"RHT.security.selinux", "x"}, {"SCHILY.xattr.security.selinux", "raw"}}),
            "security.selinux") == "raw");
}

TEST_CASE("an ACL becomes what getxattr gives, in the kernel's order, and sets the mode's bits",
          "[archive][A24]") {
  const std::string expected = kVersion2 + acl_entry(1, 7) + acl_entry(2, 5, 502) +
                               acl_entry(2, 4, 1000) + acl_entry(4, 1) + acl_entry(8, 6, 100) +
                               acl_entry(16, 5) + acl_entry(32, 0);
  // star, bsdtar
  const char* text = GENERATE(
      "user::rwx,group::--x,other::---,user:zoe:r--:1000,user:lisa:r-x:502,group:staff:rw-:100,"
      "mask::r-x",
      "user::rwx\nuser:502:r-x\t#effective:r-x\nuser:1000:r--\ngroup::--x\ngroup:100:rw-\nmask::r-"
      "x\nother::---\n",  // GNU tar
      "u::rwx,u:1000:r,u:502:rx,g::x,g:100:rw,m::rx,o::-",
      "user::rwx, user:502:r-x , user:1000:r--,group::--x,group:100:rw-,mask:r-x,other:---");
  CAPTURE(text);
  const auto entry = with_records({{"SCHILY.acl.access", text}}, 04644);
  CHECK(xattr_of(entry, "system.posix_acl_access") == expected);
  CHECK(entry.permissions == 04750);
  const auto directory = read_one(TarWriter()
                                      .pax({{"SCHILY.acl.default", text}})
                                      .header({.name = "d/", .type = '5', .mode = 0755})
                                      .finish())
                             .entry;
  CHECK(xattr_of(directory, "system.posix_acl_default") == expected);
  CHECK(directory.permissions == 0755);
  CHECK(directory.xattrs.size() == 1);
}

TEST_CASE("an access ACL that says no more than a mode becomes the mode; a default one stays",
          "[archive][A24]") {
  const auto entry = with_records({{"SCHILY.acl.access", "user::rw-,group::r--,other::---"}}, 0777);
  CHECK(entry.xattrs.empty());
  CHECK(entry.permissions == 0640);
  CHECK(with_records({{"SCHILY.acl.access", "user::rw-,group::r--,mask::r--,other::---"}})
            .xattrs.size() == 1);
  CHECK(with_records({{"SCHILY.acl.default", "default:user::rwx,default:group::r-x,d:other::r-x"}})
            .xattrs.size() == 1);
  CHECK(with_records({{"SCHILY.acl.access", ""}, {"SCHILY.acl.default", "\n"}}, 0640).permissions ==
        0640);
}

TEST_CASE("an ACL beside its raw form: the raw form counts", "[archive][A24]") {
  const std::string raw = kVersion2 + acl_entry(1, 6) + acl_entry(2, 7, 1) + acl_entry(4, 4) +
                          acl_entry(16, 7) + acl_entry(32, 4);
  CHECK(xattr_of(with_records({{"SCHILY.xattr.system.posix_acl_access", raw},
                               {"SCHILY.acl.access",
                                "user::rw-,user:2:rwx,group::r--,mask::rwx,other::r--"}}),
                 "system.posix_acl_access") == raw);
}

TEST_CASE("ACLs that cannot be stored are Unsupported with the entry's name", "[archive][A24]") {
  REQUIRE_THROWS_MATCHES(
      with_records(
          {{"SCHILY.acl.access", "user::rw-,user:lisa:rwx,group::r--,mask::rwx,other::r--"}}),
      Error, IsError(Errc::Unsupported, "'a': its ACL names user 'lisa' without a numeric id"));
  REQUIRE_THROWS_MATCHES(
      with_records(
          {{"SCHILY.acl.default", "user::rw-,group:staff:rwx:,group::r--,mask::rwx,other::r--"}}),
      Error, IsError(Errc::Unsupported, "names group 'staff' without a numeric id"));
  REQUIRE_THROWS_MATCHES(with_records({{"SCHILY.acl.ace", "owner@:rwxp--aARWcCos:-------:allow"}}),
                         Error, IsError(Errc::Unsupported, "'a': it has an NFSv4"));
}

TEST_CASE("malformed ACLs are refused, none is dropped", "[archive][A24]") {
  struct Row {
    const char *text, *reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"user::rw-,group::r--", "0 entries 'other::'"},
       {"user::rw-,user::r--,group::r--,other::r--", "2 entries 'user::'"},
       {"user::rw-,user:5:r--,group::r--,other::r--", "0 entries 'mask::'"},
       {"user::rw-,user:5:r--,user:5:r--,group::r--,mask::r--,other::r--", "names user 5 twice"},
       {"user::rwz,group::r--,other::r--", "has permissions 'rwz'"},
       {"user::,group::r--,other::r--", "has no permissions"},
       {"owner::rwx", "not of a kind that Linux knows"},
       {"rwx", "is not of the form"},
       {"user:5:rwx:5:5", "is not of the form"},
       {"mask:5:rwx", "names someone where nobody can be named"},
       {"user:4294967295:rwx", "does not fit 32 bits"},
       {"user:99999999999:rwx", "does not fit 32 bits"},
       {"d", "is not of the form"}}));
  CAPTURE(row.text);
  REQUIRE_THROWS_MATCHES(with_records({{"SCHILY.acl.access", row.text}}), Error,
                         IsError(Errc::BadInput, row.reason));
}

TEST_CASE("hard links carry no metadata of their own", "[archive][A06]") {
  const auto entry =
      read_one(TarWriter()
                   .pax({{"SCHILY.xattr.user.a", "1"}, {"uid", "9999999999"}, {"linkpath", "b"}})
                   .header({.name = "a", .type = '1', .mode = 07777, .uid = 5, .link = "x"})
                   .finish())
          .entry;
  CHECK(entry.is_hard_link);
  CHECK(entry.link_target == "b");
  CHECK(entry.xattrs.empty());
}

}  // namespace
}  // namespace rawimg::test
