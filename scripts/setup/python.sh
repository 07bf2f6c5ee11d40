#!/usr/bin/env bash
# Finds a Python that really runs and is new enough: macOS's own python3 is too old, and the shim of a version manager is
# on the PATH even where it leads to nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/setup/python.sh [--outside | VERSION]

Prints the Python that the scripts use: the one that the variable PYTHON names,
else .venv's, else python3, else the newest python3.X of the PATH and of pyenv's
folder. It has to run and to be new enough; exit code 2 where none is.

  --outside  not .venv's: the one that .venv is made with
  VERSION    exactly this version, such as 3.12

Examples:
  scripts/setup/python.sh
  scripts/setup/python.sh --outside
  scripts/setup/python.sh 3.12
END
}

least=${LEAST_PYTHON_VERSION:?}
newest=14 # the last 3.X that is looked for by its name

# fits PYTHON: whether it runs and is new enough, or of exactly the version that is wanted.
fits() {
  local comparison=">= (${least/./, })"
  [ -z "$wanted" ] || comparison="== (${wanted/./, })"
  "$1" -c "import sys; sys.exit(not sys.version_info[:2] $comparison)" >/dev/null 2>&1
}

candidates() {
  local minor
  [ -n "$wanted$outside" ] || printf '%s\n' .venv/bin/python
  [ -n "$wanted" ] || printf '%s\n' python3
  for ((minor = newest; minor >= ${least#*.}; minor--)); do
    [ -z "$wanted" ] || [ "$wanted" = "3.$minor" ] || continue
    printf '%s\n' "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python3
  done
}

# none WHAT: end with how to name a Python.
none() {
  printf '%s\nPython %s is needed. Name one: PYTHON=/path/to/python%s\n' "$1" "${wanted:-$least or newer}" "${wanted:-$least}" >&2
  exit 2
}

wanted=''
outside=''
case ${1:-} in
  -h | --help) usage; exit ;;
  --outside) outside=yes ;;
  '' | 3.[0-9]*) wanted=${1:-} ;;
  *) usage >&2; printf 'python.sh: unknown argument: %s\n' "$1" >&2; exit 2 ;;
esac

if [ -n "${PYTHON:-}" ] && [ -z "$wanted" ]; then
  command -v "$PYTHON" >/dev/null || none "$PYTHON: not found"
  version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || none "$PYTHON: does not run"
  fits "$PYTHON" || none "$PYTHON: Python $version is too old"
  printf '%s\n' "$PYTHON"
  exit
fi
while read -r candidate; do
  if fits "$candidate"; then
    printf '%s\n' "$candidate"
    exit
  fi
done < <(candidates)
none "no Python ${wanted:-$least or newer} runs here"
