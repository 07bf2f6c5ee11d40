#!/usr/bin/env bash
# Builds the images that the Kubernetes flows and docker-compose.yml use, and shows each command before it runs it.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'TEXT'
usage: scripts/cluster/build-images.sh [--missing] [OPTION OF DOCKER BUILD ...]

Builds micro-api:1.0-SNAPSHOT and micro-api:1.1-SNAPSHOT (v1),
micro-api:1.3-SNAPSHOT (v2), canary-loadtest and canary-render. All other
options are passed to every docker build. The load test's image gets a second
name that follows what is in it, for the cluster.

  --missing  keep an image that the engine has of the present commit, for
             example from a bundle

Variables, for use behind a mirror:
  PIP_INDEX_URL   package index; it is not stored in the images
  BASE_IMAGE      base image, such as mirror.example/python:3.13-slim

Examples:
  scripts/cluster/build-images.sh
  scripts/cluster/build-images.sh --platform linux/arm64
  PIP_INDEX_URL=https://mirror.example/simple \
    scripts/cluster/build-images.sh --pull
TEXT
}

missing_only=no
case ${1:-} in
  -h | --help) usage; exit ;;
  --missing) missing_only=yes; shift ;;
esac

need_engine

# 40 digits, and -dirty where the files differ from the commit.
revision=$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

shared=(--build-arg "REVISION=$revision")
for name in PIP_INDEX_URL BASE_IMAGE; do
  # By name alone docker takes the value from the environment: a password in it is not printed.
  [[ -z ${!name:-} ]] || shared+=(--build-arg "$name")
done

# is_built IMAGE: whether it was built from the files that are here, which only a clean commit can prove.
is_built() {
  [[ $revision =~ ^[0-9a-f]{40}$ ]] &&
    [[ $(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$1" 2>/dev/null) == "$revision" ]]
}

# build IMAGE FOLDER OPTION...
build() {
  if [[ $missing_only == yes ]] && is_built "$1"; then
    printf '# %s of this commit exists already\n' "$1"
  else
    run docker build --tag "$1" "${@:3}" "${shared[@]}" "$2"
  fi
}

service() {
  build "micro-api:$1" services/micro_api --build-arg "SERVICE_RELEASE=$1" --build-arg "SERVICE_VERSION=$2" "${@:3}"
}

service 1.0-SNAPSHOT v1 "$@"
service 1.1-SNAPSHOT v1 "$@"
service 1.3-SNAPSHOT v2 "$@"
build "canary-loadtest:${LOADTEST_VERSION:?}" loadtest --build-arg "VERSION=$LOADTEST_VERSION" "$@"
run docker tag "canary-loadtest:$LOADTEST_VERSION" "$(scripts/cluster/loadtest-image.sh)"
build "canary-render:$LOADTEST_VERSION" scripts/lab --build-arg "VERSION=$LOADTEST_VERSION" "$@"
