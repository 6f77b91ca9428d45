# What the library is made with. RAWIMG_MODULES is also what a user of the static library has to find (rawimgConfig.cmake, rawimg.pc).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB QUIET)  # for commands that are linked statically
set(RAWIMG_PKG_CONFIG_MODULES libarchive libb2 nettle ext2fs>=1.46 com_err liblzma libzstd libisal)
set(RAWIMG_MODULES "")
foreach(module IN LISTS RAWIMG_PKG_CONFIG_MODULES)
  string(REGEX REPLACE "[<>=].*" "" name ${module})
  pkg_check_modules(rawimg_${name} REQUIRED IMPORTED_TARGET ${module})
  list(APPEND RAWIMG_MODULES PkgConfig::rawimg_${name})
endforeach()
