#!/usr/bin/env bash
# Prints the images that scripts/mesh/install.sh needs, for a machine without a network: those that the variable
# ISTIO_IMAGES names, else those that istioctl names for the operator's file.
#
#   scripts/mesh/images.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -n "${ISTIO_IMAGES:-}" ]; then
  # shellcheck disable=SC2086  # a list of words
  printf '%s\n' $ISTIO_IMAGES
  exit
fi
command -v istioctl >/dev/null || { printf 'images.sh: istioctl is not on the PATH\n' >&2; exit 2; }
istioctl manifest generate --filename istio/install/operator.yaml |
  sed -nE 's/^ *image: "?([^" {]+\/(pilot|proxyv2|install-cni):[^" ]+)"?$/\1/p' | sort -u
