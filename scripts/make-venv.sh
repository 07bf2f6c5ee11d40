#!/usr/bin/env bash
# Makes the virtual environment that every make target runs in, or says what this machine lacks for it.
#
#   scripts/make-venv.sh PYTHON FOLDER
set -euo pipefail

python=${1:?usage: make-venv.sh PYTHON FOLDER}
folder=${2:?usage: make-venv.sh PYTHON FOLDER}

die() { printf '%s\n' "$@" >&2; exit 1; }

command -v "$python" >/dev/null ||
  die "make: $python: not found. Python 3.11 or newer is needed; name yours with: make PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "make: $("$python" --version) is too old: Python 3.11 or newer is needed." \
    "Name another with: make PYTHON=python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  die "make: $python cannot make virtual environments (Debian and Ubuntu keep that part in a package of its own)." \
    "Install it with: apt install python3-venv"

rm -rf "$folder"
"$python" -m venv "$folder"
