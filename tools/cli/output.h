// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/observer.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/streams.h"

namespace rawimg::cli {

using Json = nlohmann::ordered_json;

/// Bytes as JSON text; what is not UTF-8 as U+FFFD.
std::string lossy_utf8(std::string_view bytes);
/// Sets `key` to the bytes, and `key`_base64 too when they are not UTF-8.
void put_bytes(Json& object, const std::string& key, std::string_view bytes);
Json to_json(const Warning& warning);

/// {"schema":1,"command":...,"result":...,"warnings":[...]} and a newline.
void print_result(Streams& io, std::string_view command, const Json& result,
                  const std::vector<Warning>& warnings = {});
/// The same for a result that is JSON text already.
void print_result_text(Streams& io, std::string_view command, const std::string& result,
                       const std::vector<Warning>& warnings = {});
/// For people, on standard error.
void print_warnings(Streams& io, std::string_view command, const std::vector<Warning>& warnings);
Json to_json(const Error& error, int exit_code);
/// {"schema":1,"command":...,"error":{...}} and a newline.
void print_error_json(Streams& io, std::string_view command, const Error& error, int exit_code);

/// What could not be written, and why. An errno of 0 is unknown.
Error output_error(int reason);
/// Throws: Usage where the name of an image that is to be made is "-".
void require_no_stream(const std::string& image);
/// Who reads standard output has to know that what it should have told is done. Throws: Io.
void require_told(Streams& io, const std::filesystem::path& changed_image);
/// The same of a file that `what` is said of: "was made".
void require_told(Streams& io, const std::filesystem::path& file, std::string_view what);

/// Runs `action`; an Error that leaves it names this file, unless it names one already.
template <class Action>
auto about(const std::string& path, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (const Error& error) {
    const std::string name = quote(path);
    if (!error.path().empty() || std::string_view(error.what()).starts_with(name)) throw;
    throw error.in(name).with_path(path);
  }
}

/// A name for people: escaped on a terminal, as it is elsewhere.
std::string shown(std::string_view bytes, bool terminal);

}  // namespace rawimg::cli
