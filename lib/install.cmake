# What `cmake --install` does for those who link the library: headers, library, CMake package, pkg-config file. Component "development", but for what a program needs when it runs.
include(CMakePackageConfigHelpers)

install(TARGETS rawimg EXPORT rawimg
  LIBRARY COMPONENT library NAMELINK_COMPONENT development
  ARCHIVE COMPONENT development
  FILE_SET HEADERS COMPONENT development)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rawimg)
install(EXPORT rawimg NAMESPACE rawimg:: FILE rawimgTargets.cmake DESTINATION ${package} COMPONENT development)
configure_package_config_file(rawimgConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/rawimgConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/rawimgConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rawimgConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/rawimgConfigVersion.cmake
  DESTINATION ${package} COMPONENT development)

# Who links librawimg.a asks with --static for what it is made of. libarchive is not required as a module: its own list has what only other filters and formats want, and Debian does not install that with it.
set(modules fmt ${RAWIMG_PKG_CONFIG_MODULES})
list(REMOVE_ITEM modules libarchive)
list(TRANSFORM modules REPLACE ">=" " >= ")
list(JOIN modules ", " pc_requires_private)
set(pc_libdir "\${prefix}")
set(pc_includedir "\${prefix}")
cmake_path(APPEND pc_libdir "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(rawimg.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rawimg.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rawimg.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
