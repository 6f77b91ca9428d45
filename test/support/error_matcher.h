// SPDX-License-Identifier: MIT
// REQUIRE_THROWS_MATCHES(call, rawimg::Error, IsError(Errc::Corrupt, "partition 1 ends at byte")):
// code and reason, so that a failure for another cause does not pass.
#pragma once

#include <ostream>
#include <string>

#include <catch2/catch.hpp>

#include "rawimg/error.h"

namespace rawimg::test {

class ErrorMatcher : public Catch::MatcherBase<Error> {
 public:
  ErrorMatcher(Errc code, std::string text) : code_(code), text_(std::move(text)) {}
  bool match(const Error& error) const override {
    return error.code() == code_ && std::string(error.what()).find(text_) != std::string::npos;
  }
  std::string describe() const override;

 private:
  Errc code_;
  std::string text_;
};

/// Matches an Error of this code whose message contains `text`.
inline ErrorMatcher IsError(Errc code, std::string text) { return {code, std::move(text)}; }

const char* to_text(Errc code);

}  // namespace rawimg::test

namespace Catch {
template <>
struct StringMaker<rawimg::Error> {
  static std::string convert(const rawimg::Error& error) {
    return std::string(rawimg::test::to_text(error.code())) + " \"" + error.what() + '"';
  }
};
template <>
struct StringMaker<rawimg::Errc> {
  static std::string convert(rawimg::Errc code) { return rawimg::test::to_text(code); }
};
}  // namespace Catch
