#!/usr/bin/env bash
# Installs the project with each supported Python, runs the lab with it, and judges with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/setup/pythons.sh [VERSION ...]

For each supported Python, from the oldest to the latest: make install into
.venv-VERSION, make lab (the lab and its load test), and the judge. Fails where
one of them is not on this machine, on the PATH or in pyenv's folder.

  VERSION  only these

Examples:
  scripts/setup/pythons.sh
  scripts/setup/pythons.sh 3.12
END
}

[ "${1:-}" != -h ] && [ "${1:-}" != --help ] || { usage; exit; }

if [ $# -eq 0 ]; then
  for ((minor = ${LEAST_PYTHON_VERSION#*.}; minor <= ${LATEST_PYTHON_VERSION#*.}; minor++)); do
    set -- "$@" "3.$minor"
  done
fi

unset PYTHON MAKEFLAGS MAKELEVEL # of a make that may run this
for version in "$@"; do
  python=$(scripts/setup/python.sh "$version")
  venv=.venv-$version
  printf '\n# Python %s: %s\n' "$version" "$python"
  make --no-print-directory "VENV=$venv" "PYTHON=$python" install
  make --no-print-directory "VENV=$venv" lab
  printf '\n$ %s/bin/python loadtest judge --expect-canary 30 --canary 600 --stable 1400 --other 0\n' "$venv"
  "$venv/bin/python" loadtest judge --expect-canary 30 --canary 600 --stable 1400 --other 0
done
printf '\n# ran on: %s\n' "$*"
