# shellcheck shell=bash
# How the scripts of this folder speak. Sourced, never run.

bold='' plain=''
if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  warn "$@"
  exit 1
}
