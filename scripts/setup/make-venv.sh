#!/usr/bin/env bash
# Makes the virtual environment that every make target runs in, or says what this machine lacks for it.
#
#   scripts/setup/make-venv.sh PYTHON FOLDER
set -euo pipefail

python=${1:?usage: make-venv.sh PYTHON FOLDER}
folder=${2:?usage: make-venv.sh PYTHON FOLDER}
needed="Python 3.11 or newer is needed; name yours with: make PYTHON=/path/to/python3.11"

die() { printf 'make: %s\n' "$1" >&2; exit 1; }

command -v "$python" >/dev/null || die "$python: not found. $needed"
# Of Python 2, too. A version manager's stand-in for a Python that is not installed is found, but does not run.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || die "$python: does not run. $needed"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$python: Python $version is too old. $needed"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  die "$python: cannot make virtual environments. On Debian and Ubuntu: apt install python$version-venv"

rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT # half an environment would pass for a whole one
"$python" -m venv "$folder"
# Scripts and tests find the load test where it lies.
echo ../../../../loadtest >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/canary-loadtest.pth"
trap - EXIT
