#!/usr/bin/env bash
# Makes the virtual environment of the make targets, or prints what this machine lacks for it.
#
#   scripts/setup/make-venv.sh FOLDER [PYTHON]
set -euo pipefail

folder=${1:?usage: make-venv.sh FOLDER [PYTHON]}

# An exported one that was chosen for something else does not count.
python=$(PYTHON=${2:-} "$(dirname "$0")/python.sh" --outside) || exit 1
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  printf 'make: %s: cannot make virtual environments\nOn Debian and Ubuntu: apt install python%s-venv\n' "$python" "$version" >&2
  exit 1
fi

printf 'Making %s with %s, Python %s; for another: make PYTHON=/path/to/python\n' "$folder" "$python" "$version"
rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT # make would take an incomplete one for complete
"$python" -m venv "$folder"
# Scripts and tests import canary_loadtest from its folder.
echo ../../../../loadtest >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/canary-loadtest.pth"
trap - EXIT
