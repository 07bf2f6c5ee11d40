#!/usr/bin/env bash
# Makes the virtual environment of the make targets, or prints what this machine lacks for it.
#
#   scripts/setup/make-venv.sh PYTHON FOLDER
set -euo pipefail

python=${1:?usage: make-venv.sh PYTHON FOLDER}
folder=${2:?usage: make-venv.sh PYTHON FOLDER}
needed="Python 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3.11"

# die PROBLEM REMEDY
die() {
  printf 'make: %s\n%s\n' "$1" "$2" >&2
  exit 1
}

command -v "$python" >/dev/null || die "$python: not found" "$needed"
# Python 2 runs this too. The shim of a version manager for a Python that is not installed is found, but does not run.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
  die "$python: does not run" "$needed"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$python: Python $version is too old" "$needed"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  die "$python: cannot make virtual environments" \
    "On Debian and Ubuntu: apt install python$version-venv"

rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT # make would take an incomplete one for complete
"$python" -m venv "$folder"
# Scripts and tests import canary_loadtest from its folder.
echo ../../../../loadtest >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/canary-loadtest.pth"
trap - EXIT
