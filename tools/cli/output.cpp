// SPDX-License-Identifier: MIT
#include "cli/output.h"

#include <cerrno>

#include <ostream>

#include <fmt/format.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "cli/exit_code.h"

namespace rawimg::cli {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace

std::string lossy_utf8(std::string_view bytes) {
  const std::string dumped =
      Json(std::string(bytes)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(dumped).get<std::string>();
}

void put_bytes(Json& object, const std::string& key, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[key] = std::string(bytes);
    return;
  }
  object[key] = lossy_utf8(bytes);
  object[key + "_base64"] = base64(bytes);
}

Json to_json(const Warning& warning) {
  Json json{{"code", warning.code}};
  if (!warning.path.empty()) put_bytes(json, "path", warning.path);
  json["message"] = lossy_utf8(warning.message);
  return json;
}

void print_result(Streams& io, std::string_view command, const Json& result,
                  const std::vector<Warning>& warnings) {
  print_result_text(io, command, result.dump(), warnings);
}

void print_result_text(Streams& io, std::string_view command, const std::string& result,
                       const std::vector<Warning>& warnings) {
  Json list = Json::array();
  for (const Warning& warning : warnings) list.push_back(to_json(warning));
  io.out << "{\"schema\":1,\"command\":" << Json(command).dump() << ",\"result\":" << result
         << ",\"warnings\":" << list.dump() << "}\n";
}

void print_warnings(Streams& io, std::string_view command, const std::vector<Warning>& warnings) {
  for (const Warning& warning : warnings)
    io.err << "rawimg " << command << ": warning: " << warning.message << '\n';
}

Json to_json(const Error& error, int exit_code) {
  Json json{
      {"code", name_of(error.code())}, {"exit", exit_code}, {"message", lossy_utf8(error.what())}};
  if (!error.path().empty()) put_bytes(json, "path", error.path());
  if (!error.hint().empty()) json["hint"] = lossy_utf8(error.hint());
  return json;
}

void print_error_json(Streams& io, std::string_view command, const Error& error, int exit_code) {
  Json envelope{{"schema", 1}};
  put_bytes(envelope, "command", command);
  envelope["error"] = to_json(error, exit_code);
  io.out << envelope.dump() << '\n';
}

Error output_error(int reason) {
  const Error error = errno_error(reason != 0 ? reason : EIO, "cannot write to standard output");
  return {Errc::Io, error.what(), error.cause()};  // NoSpace would be about the image
}

void require_told(Streams& io, const std::filesystem::path& changed_image) {
  require_told(io, changed_image, "was changed");
}

void require_told(Streams& io, const std::filesystem::path& file, std::string_view what) {
  if (io.out.good()) errno = 0;  // else it still is the reason
  io.out.flush();
  if (io.out.good()) return;
  const Error error = output_error(errno);
  throw Error(Errc::Io,
              fmt::format("{}; {} {} all the same", error.what(), quote(file.string()), what),
              error.cause());
}

std::string shown(std::string_view bytes, bool terminal) {
  return terminal ? escape(bytes) : std::string(bytes);
}

void require_no_stream(const std::string& image) {
  if (image == "-")
    throw Error(Errc::Usage, "an image cannot be standard output")
        .with_hint("a file of that name is ./-");
}

}  // namespace rawimg::cli
