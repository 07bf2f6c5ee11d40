#!/usr/bin/env bash
# Installs the load tools whose recipes `make e2e LOAD_TOOLS=yes` runs (loadtest/recipes.md), and names what is missing.
set -euo pipefail

HEY_VERSION=0.1.5
VEGETA_VERSION=12.13.0
# The last one without a scripting language, whose module not every proxy for Go modules serves.
FORTIO_VERSION=1.66.5

usage() {
  cat <<'END'
usage: scripts/setup/load-tools.sh FOLDER

Builds hey, vegeta and fortio in FOLDER/bin, a minute once, and checks that wrk
and Node.js are there.

  FOLDER  such as .venv/load-tools

Example:
  scripts/setup/load-tools.sh .venv/load-tools

Needs: go, node, wrk.
END
}

case ${1:-} in
  -h | --help) usage; exit ;;
  '' | -*) usage >&2; exit 2 ;;
esac

missing=()
for needed in 'go https://go.dev/doc/install' 'node https://nodejs.org' 'wrk apt-get install wrk'; do
  command -v "${needed%% *}" >/dev/null || missing+=("$needed")
done
if [ ${#missing[@]} -ne 0 ]; then
  {
    echo "scripts/setup/load-tools.sh: the recipes' tests need what is missing here:"
    printf '  %s\n' "${missing[@]}"
  } >&2
  exit 1
fi

mkdir -p "$1/bin"
folder=$(cd "$1" && pwd)

# have PROGRAM VERSION: whether this version of it is installed.
have() {
  [ -x "$folder/bin/$1" ] && [ "$(cat "$folder/$1.version" 2>/dev/null)" = "$2" ]
}

# from_go PROGRAM VERSION MODULE
from_go() {
  have "$1" "$2" && return
  echo "Building $1 $2"
  GOBIN=$folder/bin go install "$3@v$2"
  echo "$2" >"$folder/$1.version"
}

from_go hey "$HEY_VERSION" github.com/rakyll/hey
from_go vegeta "$VEGETA_VERSION" github.com/tsenart/vegeta/v12
from_go fortio "$FORTIO_VERSION" fortio.org/fortio
