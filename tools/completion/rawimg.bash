# bash completion for rawimg                               -*- shell-script -*-
# SPDX-License-Identifier: MIT
# rawimg itself knows what fits. It reads the line as it is typed, so it does not matter which characters part words
# in bash (COMP_WORDBREAKS has the colon of IMG:/path among them).

_rawimg() {
  local program=$1 reply=()
  case $program in
    '~/'*) program=$HOME/${program#'~/'} ;;
  esac
  case ${program##*/} in
    gem5img | gem5img.py) program=${program%gem5img*}rawimg ;;
  esac
  mapfile -d '' -t reply < <("$program" complete --shell bash --breaks "$COMP_WORDBREAKS" --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
  COMPREPLY=("${reply[@]:1}")
  case ${reply[0]-} in
    files) compopt -o default ;;  # a file of the host: readline's own
    many) compopt -o filenames ;; # readline quotes, and shows what is behind the last slash
    open) compopt -o nospace ;;
  esac
}

complete -F _rawimg rawimg gem5img gem5img.py
