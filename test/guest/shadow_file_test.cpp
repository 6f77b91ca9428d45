// SPDX-License-Identifier: MIT
#include <rawimg/account_files.h>
#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "guest/stage3_files.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const PasswdFile kPasswd = PasswdFile::parse(
    "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:100::/home/bob:/bin/sh\nnew:x:1001:100::/home/"
    "new:/bin/sh\nopen::1002:100::/:/bin/sh\nold:$1$abc:1003:100::/:/bin/sh\n");
const std::string kHash =
    "$6$salt$0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ./";

std::string shadow_with(const std::string& root_hash) {
  return "# nobody reads this\nroot:" + root_hash +
         ":10770:0:::::\n\nhalt:*:9797:0:::::\nbroken:x\nbob:$y$j9T$x:19000:0:99999:7:::\n";
}

}  // namespace

TEST_CASE("lock puts one mark in front, unlock takes one off", "[guest]") {
  struct Row {
    const char* name;
    std::string hash, locked, unlocked;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"a hash", kHash, "!" + kHash, kHash},
      {"a locked hash", "!" + kHash, "!" + kHash, kHash},
      {"a stage3's root", "*", "!*", "*"},
      {"locked twice, as Red Hat writes it", "!!", "!!", "!"},
      {"a mark behind", "x!", "!x!", "x!"},
      {"no password", "", "!", ""},
  }));
  CAPTURE(row.name);
  const std::string text = shadow_with(row.hash);
  ShadowFile shadow = ShadowFile::parse(text);
  CHECK(shadow.lock(kPasswd, "root") == (row.locked != row.hash));
  CHECK(shadow.to_text() == shadow_with(row.locked));
  CHECK_FALSE(shadow.lock(kPasswd, "root"));
  CHECK(shadow.find("root")->locked);

  shadow = ShadowFile::parse(text);
  CHECK(shadow.unlock(kPasswd, "root") == (row.unlocked != row.hash));
  CHECK(shadow.to_text() == shadow_with(row.unlocked));
}

TEST_CASE("unlock refuses to leave an empty password", "[guest]") {
  ShadowFile shadow = ShadowFile::parse(shadow_with("!"));
  REQUIRE_THROWS_MATCHES(
      shadow.unlock(kPasswd, "root"), Error,
      IsError(Errc::Unsupported,
              "user 'root' is locked and has no password: unlocked, anyone could log in"));
  CHECK(shadow.to_text() == shadow_with("!"));
}

TEST_CASE("set_hash changes the hash, and the day only if one is given", "[guest]") {
  const std::string text = shadow_with("*");
  ShadowFile shadow = ShadowFile::parse(text);
  CHECK(shadow.set_hash(kPasswd, "root", kHash));
  CHECK(shadow.to_text() == shadow_with(kHash));
  CHECK_FALSE(shadow.set_hash(kPasswd, "root", kHash));
  CHECK(shadow.set_hash(kPasswd, "root", kHash, 20000));
  CHECK(shadow.to_text() == replaced(shadow_with(kHash), "10770", "20000"));
  CHECK_FALSE(shadow.set_hash(kPasswd, "root", kHash, 20000));
  CHECK(shadow.set_hash(kPasswd, "root", "*", 0));
  CHECK(shadow.find("root")->last_change_day == 0u);
}

TEST_CASE("set_hash gives a user of passwd who has no line a line", "[guest]") {
  ShadowFile shadow = ShadowFile::parse(shadow_with("*"));
  CHECK(shadow.set_hash(kPasswd, "new", kHash, 19000));
  CHECK(shadow.to_text() == shadow_with("*") + "new:" + kHash + ":19000:0:99999:7:::\n");
  CHECK_FALSE(shadow.set_hash(kPasswd, "new", kHash, 19000));

  ShadowFile cut = ShadowFile::parse("root:*:1:::::::\r\nbob:*:1::::::");
  CHECK(cut.set_hash(kPasswd, "new", "x"));
  CHECK(cut.to_text() == "root:*:1:::::::\r\nbob:*:1::::::\r\nnew:x::0:99999:7:::\r\n");
}

TEST_CASE("lines keep their ends and their other fields", "[guest]") {
  ShadowFile shadow = ShadowFile::parse("root:*:1:2:3:4:5:6:7\r\nbob:a::::::: \n");
  shadow.lock(kPasswd, "root");
  shadow.lock(kPasswd, "bob");
  CHECK(shadow.to_text() == "root:!*:1:2:3:4:5:6:7\r\nbob:!a::::::: \n");
  ShadowFile cut = ShadowFile::parse("root:*:1::::::");
  cut.lock(kPasswd, "root");
  CHECK(cut.to_text() == "root:!*:1::::::");
}

TEST_CASE("find tells the state of a user", "[guest]") {
  const ShadowFile shadow =
      ShadowFile::parse("root:!*:10770::::::\na:*:::::::\nb:::::::: \nc:x\na:x:1::::::\n");
  CHECK(shadow.find("root")->locked);
  CHECK(shadow.find("root")->hash == "!*");
  CHECK(shadow.find("root")->last_change_day == 10770u);
  CHECK(shadow.find("a")->line == 2);
  CHECK_FALSE(shadow.find("a")->locked);
  CHECK_FALSE(shadow.find("a")->last_change_day);
  CHECK_FALSE(shadow.find("b")->locked);
  CHECK_FALSE(shadow.find("c"));
  CHECK_FALSE(shadow.find("d"));
}

TEST_CASE("every edit of shadow says why it cannot be, and leaves the text alone", "[guest]") {
  struct Row {
    const char* name;
    std::string text;
    const char* user;
    Errc code;
    const char* reason;
  };
  const std::string good = shadow_with("*");
  const auto row = GENERATE_COPY(values<Row>({
      {"no such user", good, "eve", Errc::NotFound, "there is no user 'eve' in the passwd file"},
      {"a user of shadow alone", good, "halt", Errc::NotFound,
       "there is no user 'halt' in the passwd file"},
      {"no password at all", good, "open", Errc::Unsupported,
       "the password of user 'open' is in line 4 of the passwd file, where 'x' would point to the "
       "shadow file"},
      {"the hash in passwd", good, "old", Errc::Unsupported,
       "the password of user 'old' is in line 5 of the passwd file"},
      {"two lines", good + "root:*:1::::::\n", "root", Errc::Corrupt,
       "lines 2 and 7 of the shadow file are both of user 'root'"},
      {"two fields", "root:*\n", "root", Errc::Corrupt,
       "line 1 of the shadow file, of user 'root', has 2 fields instead of 9"},
      {"ten fields", "\nroot:*::::::::\n", "root", Errc::Corrupt,
       "line 2 of the shadow file, of user 'root', has 10 fields instead of 9"},
      {"one field", "root\n", "root", Errc::Corrupt, "has 1 fields instead of 9"},
      {"a zero byte", std::string("root:*\0:::::::\n", 15), "root", Errc::Corrupt, "a zero byte"},
  }));
  CAPTURE(row.name);
  ShadowFile shadow = ShadowFile::parse(row.text);
  CHECK_THROWS_MATCHES(shadow.lock(kPasswd, row.user), Error, IsError(row.code, row.reason));
  CHECK_THROWS_MATCHES(shadow.unlock(kPasswd, row.user), Error, IsError(row.code, row.reason));
  CHECK_THROWS_MATCHES(shadow.set_hash(kPasswd, row.user, "x"), Error,
                       IsError(row.code, row.reason));
  CHECK(shadow.to_text() == row.text);
}

TEST_CASE("a user without a line has nothing to lock", "[guest]") {
  ShadowFile shadow = ShadowFile::parse(shadow_with("*"));
  CHECK_THROWS_MATCHES(shadow.lock(kPasswd, "new"), Error,
                       IsError(Errc::NotFound, "user 'new' has no line in the shadow file"));
  CHECK_THROWS_MATCHES(shadow.unlock(kPasswd, "new"), Error,
                       IsError(Errc::NotFound, "user 'new' has no line in the shadow file"));
  CHECK(shadow.to_text() == shadow_with("*"));
}

TEST_CASE("what is no hash is refused, and the message does not show the rest of it", "[guest]") {
  struct Row {
    std::string hash;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"", "the hash of a password is empty: anyone could log in"},
      {"secret:x",
       "byte 6 of the hash of a password is ':'; a hash is printable ASCII without blanks and "
       "colons"},
      {"secret\n", "byte 6 of the hash of a password is '\\n'"},
      {"a b", "byte 1 of the hash of a password is ' '"},
      {"\x7F", "byte 0 of the hash of a password is '\\x7f'"},
      {"a\x80", "byte 1 of the hash of a password is '\\x80'"},
      {std::string("a\0", 2), "byte 1 of the hash of a password is '\\x00'"},
  }));
  ShadowFile shadow = ShadowFile::parse(shadow_with("*"));
  CAPTURE(row.hash);
  REQUIRE_THROWS_MATCHES(shadow.set_hash(kPasswd, "root", row.hash), Error,
                         IsError(Errc::Usage, row.reason));
  CHECK(shadow.to_text() == shadow_with("*"));
  try {
    shadow.set_hash(kPasswd, "root", row.hash);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("secret") == std::string::npos);
  }
  CHECK_NOTHROW(shadow.set_hash(kPasswd, "root", "!~"));
}

TEST_CASE("a huge shadow file takes a moment", "[guest]") {
  std::string million;
  for (int i = 0; i < 1'000'000; ++i) million += i % 2 == 0 ? "a:*:1::::::\n" : "::\n";
  million += std::string(1'000'000, ':') + "\n";
  ShadowFile shadow = ShadowFile::parse(million + "root:*:1::::::");
  CHECK(shadow.lock(kPasswd, "root"));
  CHECK(shadow.to_text() == million + "root:!*:1::::::");
}
