# rawimg_archives: what the library is made with, from archives, for commands that bring it along. Without one of them there is no such target. They start in half the time: libarchive.so alone has XML and ICU behind it.
# libarchive.a wants what the filters that are enabled by name are made of, and nothing else of its list.
add_library(rawimg_archives INTERFACE)
set(rawimg_archives_missing "")
foreach(name archive b2 bz2 lz4 z lzma zstd nettle ext2fs com_err)
  find_library(RAWIMG_ARCHIVE_${name} NAMES lib${name}.a)
  mark_as_advanced(RAWIMG_ARCHIVE_${name})
  if(RAWIMG_ARCHIVE_${name})
    target_link_libraries(rawimg_archives INTERFACE ${RAWIMG_ARCHIVE_${name}})
  else()
    list(APPEND rawimg_archives_missing lib${name}.a)
  endif()
endforeach()
set(rawimg_archives_missing "${rawimg_archives_missing}" PARENT_SCOPE)

find_library(RAWIMG_ARCHIVE_isal NAMES libisal.a)
find_library(RAWIMG_ARCHIVE_fmt NAMES libfmt.a)
mark_as_advanced(RAWIMG_ARCHIVE_isal RAWIMG_ARCHIVE_fmt)
if(RAWIMG_ARCHIVE_fmt)
  target_link_libraries(rawimg_archives INTERFACE ${RAWIMG_ARCHIVE_fmt})
else()
  # Debian has {fmt} as a shared library and as headers: what format() calls, compiled from these. Not inlined, or it would not be there by name.
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/fmt.cpp @ONLY CONTENT [[
#include <fmt/format.h>
#include <string>
extern std::string (*const rawimg_fmt)(fmt::string_view, fmt::format_args);
std::string (*const rawimg_fmt)(fmt::string_view, fmt::format_args) = fmt::vformat;
]])
  add_library(rawimg_fmt STATIC EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/fmt.cpp)
  target_link_libraries(rawimg_fmt PRIVATE fmt::fmt-header-only)
  target_compile_options(rawimg_fmt PRIVATE -fno-inline)
  target_link_libraries(rawimg_archives INTERFACE rawimg_fmt)
endif()

# rawimg_bring_libraries(TARGET LIBRARIES|ALL): links the library's rooms and what they are made with into a program.
function(rawimg_bring_libraries target how)
  if(how STREQUAL ALL AND NOT RAWIMG_ARCHIVE_isal AND NOT TARGET rawimg_gzip_zlib)
    list(APPEND rawimg_archives_missing "libisal.a or zlib's headers")
  endif()
  if(rawimg_archives_missing)
    message(FATAL_ERROR "RAWIMG_STATIC=${how}: not found: ${rawimg_archives_missing}")
  endif()
  if(RAWIMG_ARCHIVE_isal)
    set(isal ${RAWIMG_ARCHIVE_isal})
  elseif(how STREQUAL ALL)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:rawimg_gzip_zlib>)  # its make_gzip_decoder comes before that of rawimg_rooms
  else()
    set(isal PkgConfig::rawimg_libisal)
  endif()
  # Objects and archives by name, not as targets: these would bring the shared libraries.
  add_dependencies(${target} rawimg_rooms)
  target_link_libraries(${target} PRIVATE $<TARGET_FILE:rawimg_rooms> rawimg_archives ${isal} Threads::Threads)
  if(how STREQUAL ALL)
    target_link_options(${target} PRIVATE -static $<$<CONFIG:Release>:-s>)
  else()
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)  # what is loaded at the start is most of a short command's time
  endif()
endfunction()
