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
// openssl passwd -6 -salt saltsalt secret
const std::string kHash =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq."
    "H91p5hVO1";

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
  CHECK(cut.set_hash(kPasswd, "new", "*"));
  CHECK(cut.to_text() == "root:*:1:::::::\r\nbob:*:1::::::\r\nnew:*::0:99999:7:::\r\n");
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
  CHECK_THROWS_MATCHES(shadow.set_hash(kPasswd, row.user, kHash), Error,
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
}

TEST_CASE("set_hash takes what crypt(3) makes, and nothing that could be a password", "[guest]") {
  // of "secret", by crypt(3) of libxcrypt 4.4 and by openssl
  const std::vector<std::string> hashes{
      kHash,
      "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
      "$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
      "$y$j9T$saltsaltsalt$AnbE4uovRUrp5W/7h65lVXbBxJijULPRqRjd39xI5w9",
      "$gy$j9T$saltsaltsalt$Wgwp6LRNOmeOrvri/pIlQeAg35m8ps9A/PGj8CAWTw9",
      "$7$CU..../....saltsalt$NUwJnl2EzU4ACwYC9BDHKGDt.PCVFKyF6Hlr/CUA09D",
      "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
      "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
      "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
      "$sha1$1000$saltsalt$Afd9xS7u8w4h.ywETK2u0ha2i2TG",
      "$md5,rounds=1000$saltsalt$$RyArBbzo5hNt3lP2QzjeP0",
      "$md5$saltsalt$$htFYkfcXgVn6XJq7JYvMH/",
      "$5$rounds=1000$salt$CCvcOM6b7TEJDPb37Aec/9UpOg4QhPNAxPpL9ZzjTB7",
      "$6$rounds=1000$salt$HNxBeBnDfSfUrTj6KiLnmd7tGCvHEmcExh8kl/"
      "S0cZ5WrCciNZgfhbpkeFQ4JfkHX.8vPq45lY0iINnCx1Lkm.",
      "_J9..saltLXKE4peqNCg",
      "abNANd1rDfiNc"};
  for (const std::string& hash : hashes) {
    CAPTURE(hash);
    CHECK(ShadowFile::parse(shadow_with("*")).set_hash(kPasswd, "root", hash));
    for (const std::string& wrong : {hash.substr(0, hash.size() - 1), hash + "x", "!" + hash,
                                     hash.substr(1), hash.substr(0, hash.size() - 1) + "-"}) {
      CAPTURE(wrong);
      ShadowFile shadow = ShadowFile::parse(shadow_with("*"));
      CHECK_THROWS_MATCHES(shadow.set_hash(kPasswd, "root", wrong), Error,
                           IsError(Errc::Usage, "what was given is not the hash of a password"));
      CHECK(shadow.to_text() == shadow_with("*"));
    }
  }
  for (const char* mark : {"*", "!"})
    CHECK(ShadowFile::parse(shadow_with("x")).set_hash(kPasswd, "root", mark));
  for (const char* wrong : {"x", "secret", "!!", "!*", "**", "$6$", "$6$secret", "$", "$$", "$1$$",
                            "_secret", "$9$saltsalt$9xy1btjgzLYfb7hivXtC//", "correct-horse",
                            "correct-horse-battery", "$2b$secret", "$md5secret"}) {
    CAPTURE(wrong);
    ShadowFile shadow = ShadowFile::parse(shadow_with("*"));
    try {
      shadow.set_hash(kPasswd, "root", wrong);
      FAIL_CHECK("taken");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::Usage);
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
      CHECK(error.hint().find("openssl passwd -6") != std::string::npos);
    }
  }
}

TEST_CASE("hidden_text shows no hash, and which one is new", "[guest]") {
  const std::string text = "root:" + kHash + ":1::::::\n# no entry\nbob:!" + kHash +
                           ":1::::::\nhalt:*:1::::::\nfree::1::::::\ngames:!!:1::::::\n" + kHash +
                           "\n#old:" + kHash + "\nbroken:" + kHash + "\r\nnew2:!*:1::::::";
  const ShadowFile before = ShadowFile::parse(text);
  const std::string hidden =
      "root:<hidden>:1::::::\n# no entry\nbob:!<hidden>:1::::::\nhalt:*:1::::::\nfree::1::::::\n"
      "games:!!:1::::::\n<hidden>\n#old:<hidden>\nbroken:<hidden>\r\nnew2:!*:1::::::";
  CHECK(before.hidden_text(before) == hidden);

  ShadowFile after = before;
  after.lock(kPasswd, "root");
  after.unlock(kPasswd, "bob");
  CHECK(after.hidden_text(before) ==
        replaced(replaced(hidden, "root:", "root:!"), "bob:!", "bob:"));
  after.set_hash(kPasswd, "root", "abNANd1rDfiNc");
  after.set_hash(kPasswd, "new", kHash);
  CHECK(after.hidden_text(before) ==
        replaced(replaced(hidden, "root:<hidden>", "root:<new hash>"), "bob:!", "bob:") +
            "\nnew:<new hash>::0:99999:7:::\n");
}

TEST_CASE("a huge shadow file takes a moment", "[guest]") {
  std::string million;
  for (int i = 0; i < 1'000'000; ++i) million += i % 2 == 0 ? "a:*:1::::::\n" : "::\n";
  million += std::string(1'000'000, ':') + "\n";
  ShadowFile shadow = ShadowFile::parse(million + "root:*:1::::::");
  CHECK(shadow.lock(kPasswd, "root"));
  CHECK(shadow.to_text() == million + "root:!*:1::::::");
}
