#!/usr/bin/env bash
# Builds the images that the Kubernetes flows and docker-compose.yml use, and prints each command before it runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
# shellcheck source=/dev/null
. versions.env

usage() {
  cat <<'TEXT'
usage: scripts/build-images.sh [OPTION OF DOCKER BUILD ...]

Builds micro-api:1.0-SNAPSHOT and micro-api:1.1-SNAPSHOT (v1), micro-api:1.3-SNAPSHOT (v2) and canary-loadtest.
Options are handed to every docker build.

Variables, for those behind a mirror:
  PIP_INDEX_URL   package index; it does not get into the images
  BASE_IMAGE      what to build on, such as mirror.example/python:3.13-slim

examples:
  scripts/build-images.sh
  scripts/build-images.sh --platform linux/arm64
  PIP_INDEX_URL=https://mirror.example/simple scripts/build-images.sh --pull
TEXT
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi

need docker https://docs.docker.com/engine/install/

# 40 digits, and -dirty where the files differ from the commit.
revision=$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

shared=(--build-arg "REVISION=$revision")
for name in PIP_INDEX_URL BASE_IMAGE; do
  # By name alone docker takes the value from the environment: a password in it is not printed.
  [[ -z ${!name:-} ]] || shared+=(--build-arg "$name")
done

service() {
  run docker build --tag "micro-api:$1" --build-arg "SERVICE_RELEASE=$1" --build-arg "SERVICE_VERSION=$2" \
    "${shared[@]}" "${@:3}" services/micro_api
}

service 1.0-SNAPSHOT v1 "$@"
service 1.1-SNAPSHOT v1 "$@"
service 1.3-SNAPSHOT v2 "$@"
run docker build --tag "canary-loadtest:${LOADTEST_VERSION:?}" --build-arg "VERSION=$LOADTEST_VERSION" "${shared[@]}" "$@" loadtest
