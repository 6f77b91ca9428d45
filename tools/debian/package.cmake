# `cpack -G DEB` makes Debian packages of the components that the install rules name: rawimg is the command, librawimg-dev what programs are built with.
# They are for the system that they are built on: dependencies are what dpkg-shlibdeps finds. --preset package has the flags that Debian's own packages are hardened with.
set(release 1)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rawimg)
set(CPACK_PACKAGE_CONTACT "The rawimg authors <${RAWIMG_MAINTAINER}>")
configure_file(debian/changelog.in debian/changelog.Debian @ONLY)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL command development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
if(BUILD_SHARED_LIBS)
  list(APPEND CPACK_COMPONENTS_ALL library)
endif()
# What only Debian wants: finish.cmake.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/finish.cmake)
set(CPACK_RAWIMG_CHANGELOGS ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.Debian ${PROJECT_SOURCE_DIR}/CHANGELOG.md)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${release})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME rawimg)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION [[make and change raw disk images without root
A root filesystem tarball becomes a raw disk image with a partition table and
ext2, ext3 or ext4 in one pass; files in any such image are looked at and
changed as a transaction. Needs no root, no loop device, no mount and no
virtual machine, so it works in unprivileged containers and on clusters.]])
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME librawimg-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "comerr-dev, libarchive-dev, libb2-dev, libbz2-dev, libext2fs-dev, libfmt-dev, libisal-dev, liblz4-dev, liblzma-dev, libzstd-dev, nettle-dev, zlib1g-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION [[C++ library for raw disk images without root (development files)
Headers, library, CMake package and pkg-config file of the library that the
rawimg command is made of: images, partition tables, ext2, ext3 and ext4
filesystems, tarballs as sources, and changes as transactions.]])
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME librawimg${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
if(BUILD_SHARED_LIBS)
  string(PREPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME} (= ${PROJECT_VERSION}-${release}), ")
endif()
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION [[C++ library for raw disk images without root
What programs that are linked with the shared rawimg library need to run.]])
include(CPack)
