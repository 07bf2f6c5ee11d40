#!/usr/bin/env bash
# Prints the name of the load test's image: its version, and letters that follow what is in it. With another source it
# is another name, so that no cluster runs an image that was built before a change.
#
#   scripts/cluster/loadtest-image.sh      canary-loadtest:1.0-fhtbjqdkcm
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=versions.env
. versions.env

# What the Dockerfile copies (loadtest/.dockerignore), and the Dockerfile. `sha256sum` is Linux's, `shasum` macOS's.
contents() {
  find loadtest/Dockerfile loadtest/requirements.txt loadtest/canary_loadtest -type f ! -path '*/__pycache__/*' |
    LC_ALL=C sort | while read -r file; do
      printf '%s\n' "$file"
      cat "$file"
    done
}
digest=$(contents | { sha256sum 2>/dev/null || shasum -a 256; })
# Ten of the letters that Kubernetes has in its own names.
printf 'canary-loadtest:%s-%s\n' "${LOADTEST_VERSION:?}" "$(printf %.10s "$digest" | tr 0-9a-f bcdfghjklmnpqrst)"
