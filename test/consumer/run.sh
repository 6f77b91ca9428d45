#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh WAY BUILD WORK: somebody else's project uses the library, makes an image and reads it back. BUILD is rawimg's build directory, WORK one to work in.
#   subdirectory           compiles the library, as a shared one, in WORK/subdirectory, and installs it for the two ways below
#   package-shared         find_package of that
#   pkg-config-shared      pkg-config of that
#   package-static         find_package of what BUILD installs
#   pkg-config-static      pkg-config of that
set -euo pipefail
way=$1 build=$(realpath "$2") source=$(realpath "$(dirname "$0")/../..")
mkdir -p "$3"
work=$(realpath "$3")
export CMAKE_GENERATOR=Ninja LC_ALL=C
launcher=$(sed -n 's/^CMAKE_CXX_COMPILER_LAUNCHER:[A-Z]*=//p' "$build/CMakeCache.txt")

run() { # COMMAND...: shows what it says only if it fails
  "$@" >"$work/$way.log" 2>&1 || { printf 'run.sh: failed: %s\n' "$*" && cat "$work/$way.log" && exit 1; }
}

use() { # CONSUMER
  rm -rf "$work/$way.in" "$work/$way.img"
  mkdir -p "$work/$way.in/etc"
  echo "read back by $way" >"$work/$way.in/etc/motd"
  local text
  text=$("$1" "$work/$way.in" "$work/$way.img") || { echo 'run.sh: the consumer fails'; exit 1; }
  [[ $text == "read back by $way" ]] || { echo "run.sh: the consumer read '$text'"; exit 1; }
  e2fsck -fn "$work/$way.img?offset=1048576" >/dev/null 2>&1 || { echo 'run.sh: e2fsck complains about its image'; exit 1; }
}

install_static() {
  rm -rf "$work/$way.prefix"
  run cmake --install "$build" --prefix "$work/$way.prefix" --component development
}

by_package() { # PREFIX
  rm -rf "$work/$way"
  run cmake -S "$source/test/consumer" -B "$work/$way" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Debug
  run cmake --build "$work/$way"
  use "$work/$way/consumer"
}

by_pkg_config() { # PREFIX [--static]
  local pc flags
  pc=$(dirname "$(find "$1" -name rawimg.pc)")
  mapfile -t flags < <(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs "${@:2}" rawimg | xargs -n 1)
  run c++ -std=c++20 "$source/test/consumer/consumer.cpp" -o "$work/$way.consumer" "${flags[@]}"
  LD_LIBRARY_PATH=$(dirname "$pc") use "$work/$way.consumer"
}

# A shared library exports what public headers declare, and nothing of ours beside it.
check_exports() {
  local exported
  exported=$(nm -DC --defined-only "$work/shared/lib/librawimg.so")
  grep -q ' T rawimg::build(' <<<"$exported" || { echo 'run.sh: rawimg::build is not exported'; exit 1; }
  if grep -E ' T rawimg::(escape|quote|make_gzip_decoder)\(' <<<"$exported"; then
    echo 'run.sh: these are not declared in a public header, but exported'
    exit 1
  fi
  readelf -d "$work/shared/lib/librawimg.so" | grep 'SONAME.*librawimg\.so\.[0-9]*\.[0-9]*\]' >/dev/null || { echo 'run.sh: no soname of two numbers'; exit 1; }
}

case $way in
  subdirectory)
    rm -rf "$work/shared"
    run cmake -S "$source/test/consumer" -B "$work/$way" -DRAWIMG_SOURCE="$source" -DRAWIMG_INSTALL=ON -DBUILD_SHARED_LIBS=ON -DCMAKE_CXX_FLAGS=-O0 -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
      -DCMAKE_INSTALL_LIBDIR=lib
    run cmake --build "$work/$way"
    use "$work/$way/consumer"
    run cmake --install "$work/$way" --prefix "$work/shared"
    check_exports
    ;;
  package-shared) by_package "$work/shared" ;;
  pkg-config-shared) by_pkg_config "$work/shared" ;;
  package-static) install_static && by_package "$work/$way.prefix" ;;
  pkg-config-static) install_static && by_pkg_config "$work/$way.prefix" --static ;;
  *) echo "run.sh: no way '$way'" >&2 && exit 2 ;;
esac
