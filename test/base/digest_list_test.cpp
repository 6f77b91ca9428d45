// SPDX-License-Identifier: MIT
#include <rawimg/digest_list.h>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "base/digest.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const std::string kName = "stage3-amd64-openrc-20260811T083102Z.tar.xz";
const std::string kBlake(128, 'b'), kSha512(128, '5'), kSha256(64, '2'), kOther(128, 'e');

std::string line(const std::string& hex, const std::string& name) {
  return hex + "  " + name + "\n";
}

/// As catalyst writes it: for the tarball and for its list of content.
std::string gentoo(const std::string& blake_heading = "BLAKE2B",
                   const std::string& directory = "") {
  return "# " + blake_heading + " HASH\n" + line(kBlake, directory + kName) + "# SHA512 HASH\n" +
         line(kSha512, directory + kName) + "# " + blake_heading + " HASH\n" +
         line(kOther, directory + kName + ".CONTENTS.gz") + "# SHA512 HASH\n" +
         line(kOther, directory + kName + ".CONTENTS.gz");
}

std::string clearsigned(const std::string& text) {
  return "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + text +
         "-----BEGIN PGP SIGNATURE-----\n\niQ" + std::string(62, 'A') +
         "\n-----END PGP SIGNATURE-----\n";
}

std::string with_carriage_returns(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return result;
}

using Digests = std::vector<ExpectedDigest>;
const Digests kBoth{{DigestKind::Blake2b, kBlake}, {DigestKind::Sha512, kSha512}};

}  // namespace

TEST_CASE("the digests of a stage are found in lists of every age", "[base]") {
  struct Row {
    const char* name;
    std::string text;
    Digests digests;
  };
  const auto row = GENERATE(values<Row>({
      {"today", gentoo(), kBoth},
      {"signed", clearsigned(gentoo()), kBoth},
      {"signed, with the ends of lines of another system",
       with_carriage_returns(clearsigned(gentoo())), kBoth},
      {"2020, with the path of the machine that built it",
       gentoo("BLAKE2 (b2sum)", "/var/tmp/catalyst/builds/default/"), kBoth},
      {"the .sha256", "# SHA256 HASH\n" + line(kSha256, kName), {{DigestKind::Sha256, kSha256}}},
      {"the signed .sha256",
       clearsigned("# SHA256 HASH\n" + line(kSha256, kName)),
       {{DigestKind::Sha256, kSha256}}},
      {"2016, with kinds that nobody needs any more",
       "# MD5 HASH\n" + line(std::string(32, 'a'), kName) + "# SHA512 HASH\n" +
           line(kSha512, kName) + "# WHIRLPOOL HASH\n" + line(kOther, kName),
       {{DigestKind::Sha512, kSha512}}},
      {"as sha256sum writes it", line(kSha256, kName), {{DigestKind::Sha256, kSha256}}},
      {"as sha512sum -b writes it", kSha512 + " *" + kName, {{DigestKind::Sha512, kSha512}}},
      {"as sha256sum --tag, Fedora and FreeBSD write it",
       clearsigned("# " + kName + ": 5 bytes\nSHA256 (" + kName + ") = " + kSha256 + "\n"),
       {{DigestKind::Sha256, kSha256}}},
      {"all kinds with --tag",
       "SIZE (" + kName + ") = 5\nBLAKE2b (" + kName + ") = " + kBlake + "\nSHA512 (./" + kName +
           ") = " + kSha512 + "\n",
       kBoth},
      {"among others",
       line(std::string(64, '0'), "a" + kName) + line(kSha256, kName) +
           line(std::string(64, '1'), kName + "a"),
       {{DigestKind::Sha256, kSha256}}},
      {"upper case",
       "# SHA512 HASH\n" + line(std::string(128, 'A'), kName),
       {{DigestKind::Sha512, std::string(128, 'a')}}},
      {"said twice", gentoo() + gentoo(), kBoth},
      {"without an end of line",
       "# SHA256 HASH\n" + kSha256 + "  " + kName,
       {{DigestKind::Sha256, kSha256}}},
  }));
  CAPTURE(row.name);
  const Digests found = DigestList::parse(row.text).of(kName);
  REQUIRE(found.size() == row.digests.size());
  CHECK(found == row.digests);
}

TEST_CASE("a list that does not vouch for a file says why", "[base]") {
  struct Row {
    const char* name;
    std::string text, reason;
  };
  const auto row = GENERATE(values<Row>({
      {"empty", "", "no line of a digest and a name"},
      {"a web page", "<!DOCTYPE html>\n", "no line of a digest and a name"},
      {"of another file", line(kSha256, "other.tar"),
       "it has no line for '" + kName + "', only for 'other.tar'"},
      {"its content list only", "# SHA512 HASH\n" + line(kSha512, kName + ".CONTENTS.gz"),
       "no line for"},
      {"kinds that are not known",
       "# MD5 HASH\n" + line(std::string(32, 'a'), kName) + "# WHIRLPOOL HASH\n" +
           line(kOther, kName),
       "(MD5, WHIRLPOOL)"},
      {"a digit less", "# SHA512 HASH\n" + line(kSha512.substr(1), kName),
       "not 128 hexadecimal digits"},
      {"a digit more", "# SHA256 HASH\n" + line(kSha256 + "0", kName), "not 64 hexadecimal digits"},
      {"not a digit", "# BLAKE2B HASH\n" + line(kBlake.substr(1) + "g", kName),
       "not 128 hexadecimal digits"},
      {"two that differ", gentoo() + "# SHA512 HASH\n" + line(kOther, kName),
       "two different SHA-512"},
      {"outside of what is signed",
       "# SHA512 HASH\n" + line(kSha512, kName) + clearsigned("# SHA256 HASH\n") +
           "# SHA512 HASH\n" + line(kSha512, kName),
       "no line of a digest"},
      {"in the header of what is signed",
       "-----BEGIN PGP SIGNED MESSAGE-----\n" + line(kSha256, kName) +
           "\n-----BEGIN PGP SIGNATURE-----\n",
       "no line of a digest"},
      {"signed, and cut", clearsigned(gentoo()).substr(0, 400), "has no end"},
      {"binary",
       std::string("\x7F"
                   "ELF\0\0\0\1",
                   8),
       "NUL"},
  }));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(DigestList::parse(row.text).of(kName), Error,
                         IsError(Errc::BadInput, row.reason));
}

TEST_CASE("128 digits without a heading are of the kind that the caller says", "[base]") {
  const std::string text = line(kBlake, kName) + "SHA512 (" + kName + ") = " + kSha512 + "\n";
  CHECK(DigestList::parse(text, DigestKind::Blake2b).of(kName) == kBoth);
  CHECK(DigestList::parse(line(kSha256, kName), DigestKind::Blake2b).of(kName) ==
        Digests{{DigestKind::Sha256, kSha256}});
  CHECK(DigestList::parse(gentoo(), DigestKind::Blake2b).of(kName) == kBoth);
}

TEST_CASE("a digest alone is that of the file that it lies beside", "[base]") {
  const Digests sha256{{DigestKind::Sha256, kSha256}};
  for (const std::string& text : {kSha256, kSha256 + "\n", "\n  " + kSha256 + " \r\n\n"}) {
    CHECK(DigestList::parse(text).of(kName) == sha256);
    CHECK(DigestList::parse(text).of(DigestList::parse(text).only_tarball()) == sha256);
  }
  CHECK(DigestList::parse(kBlake, DigestKind::Blake2b).of(kName) ==
        Digests{{DigestKind::Blake2b, kBlake}});
  CHECK(DigestList::parse(kSha512).of(kName) == Digests{{DigestKind::Sha512, kSha512}});
  for (const std::string& text :
       {kSha256 + "\n" + kSha256, kSha256.substr(1), kSha256 + "0", kSha512 + kSha512,
        "x\n" + kSha256, "<html>\n" + kSha256 + "\n</html>\n"})
    REQUIRE_THROWS_MATCHES(DigestList::parse(text).of(kName), Error,
                           IsError(Errc::BadInput, "no line of a digest"));
  CHECK(DigestList::parse(kSha256 + "\n" + line(kSha512, kName)).of(kName) ==
        Digests{{DigestKind::Sha512, kSha512}});
}

TEST_CASE("names with parentheses are found in lines with a tag", "[base]") {
  const std::string name = "a (copy) = b) = .tar";
  CHECK(DigestList::parse("SHA256 (" + name + ") = " + kSha256).of(name) ==
        Digests{{DigestKind::Sha256, kSha256}});
  REQUIRE_THROWS_MATCHES(DigestList::parse("see (this) = that").of("this"), Error,
                         IsError(Errc::BadInput, "it has only digests that rawimg does not know"));
  REQUIRE_THROWS_MATCHES(DigestList::parse("SHA256 () = " + kSha256).of("x"), Error,
                         IsError(Errc::BadInput, "no line of a digest"));
}

TEST_CASE("a list of thousands of files is read in a moment, and not recited", "[base]") {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += line(kSha256, "file" + std::to_string(i));
  const DigestList list = DigestList::parse(text);
  CHECK(list.of("file9999").size() == 1);
  REQUIRE_THROWS_MATCHES(list.of("file"), Error,
                         IsError(Errc::BadInput, "'file0', 'file1', 'file2', 'file3', ..."));
}

TEST_CASE("the only tarball of a list is found, and two are not confused", "[base]") {
  CHECK(DigestList::parse(gentoo()).only_tarball() == kName);
  CHECK(DigestList::parse(gentoo("BLAKE2B", "/var/tmp/")).only_tarball() == kName);
  REQUIRE_THROWS_MATCHES(DigestList::parse(gentoo() + line(kSha256, "b.tar")).only_tarball(), Error,
                         IsError(Errc::BadInput, "several files"));
  REQUIRE_THROWS_MATCHES(DigestList::parse(line(kSha256, "a.CONTENTS")).only_tarball(), Error,
                         IsError(Errc::BadInput, "no line for a tarball"));
}

TEST_CASE("digests of the standards' example, in one piece and in two", "[base]") {
  struct Row {
    DigestKind kind;
    std::string hex;
  };
  const auto row = GENERATE(values<Row>(
      {{DigestKind::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
       {DigestKind::Sha512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
       {DigestKind::Blake2b,  // RFC 7693
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"}}));
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  RunningDigest whole(row.kind), parts(row.kind);
  whole.add(bytes("abc"));
  parts.add(bytes("a"));
  parts.add(bytes("bc"));
  CHECK(whole.finish_hex() == row.hex);
  CHECK(parts.finish_hex() == row.hex);
}
