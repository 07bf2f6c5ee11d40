#!/usr/bin/env bash
# Carries the project into a room without a network: one command packs what it would download, another installs it.
set -euo pipefail
started_in=$PWD
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh
# shellcheck source=versions.env
. versions.env

PYTHON=${PYTHON:-python3}
LOCK=tests/requirements.txt # what the lab needs is a part of it

usage() {
  cat <<'END'
usage: scripts/setup/bundle.sh pack [--no-images] FILE.tar
       scripts/setup/bundle.sh install FILE.tar

pack, with a network: builds or pulls the images and downloads the wheels, and puts both into one file, with tools.txt:
the programs that a room needs besides, their versions and where their projects publish them. It needs .venv.
install, without one: makes .venv and loads the images, in a clone of the same revision. `make lab` and `make test` then
work, and with the programs of tools.txt so do Compose and `make cluster-up`.

The wheels fit the system, the processor and the Python (3.11, say) that packed them: pack once for each. Pack what is
committed: images of anything else, `make cluster-up` builds anew, for which it would need an index. gunicorn's C parser,
beside which `make bench` measures, is built from source and stays outside.

  --no-images  wheels only: all that make lab and make test need, without Docker

Variables:
  PYTHON  what install makes .venv with (python3)

Examples:
  make bundle FILE=/media/stick/lab.tar
  scripts/setup/bundle.sh pack --no-images ../wheels.tar
  scripts/setup/bundle.sh install /media/stick/lab.tar
END
}

# identity PYTHON: whose wheels a Python can install.
identity() {
  "$1" -c 'import platform, sys; print("Python %d.%d," % sys.version_info[:2], platform.system(), platform.machine())'
}

images() {
  docker compose --profile '*' config --images &&
    printf '%s\n' micro-api:1.0-SNAPSHOT "kindest/node:v$KUBERNETES_VERSION"
}

# tools PYTHON-VERSION
tools() {
  printf '%s\n' 'What a room without a network needs besides this bundle, and where its projects publish it.' ''
  printf '%-24s %-16s %s\n' \
    'make lab, make test' "Python $1" https://www.python.org/downloads/ \
    '' "make >= $LEAST_MAKE_VERSION" https://www.gnu.org/software/make/ \
    'Compose' "Docker >= $LEAST_DOCKER_VERSION" https://docs.docker.com/engine/install/binaries/ \
    '' "compose >= $LEAST_COMPOSE_VERSION" https://github.com/docker/compose/releases \
    '' "buildx >= $LEAST_BUILDX_VERSION" https://github.com/docker/buildx/releases \
    'the flows on Kubernetes' "kind >= $LEAST_KIND_VERSION" https://github.com/kubernetes-sigs/kind/releases \
    '' "kubectl $KUBERNETES_VERSION" https://kubernetes.io/releases/download/ \
    'the flow with Istio' "istioctl $ISTIO_VERSION" https://github.com/istio/istio/releases
}

save_images() {
  local image list
  local names=()
  need docker https://docs.docker.com/engine/install/
  docker info >/dev/null 2>&1 || die "no engine answers docker: start it, or pack with --no-images"
  run scripts/cluster/build-images.sh --quiet
  list=$(images) || die "docker compose cannot say which images there are"
  for image in $(printf '%s' "$list" | sort -u); do
    docker image inspect "$image" >/dev/null 2>&1 || run docker pull --quiet "$image"
    names+=("$image")
  done
  run docker save --output "$WORK/images.tar" "${names[@]}"
}

pack() {
  local python=.venv/bin/python
  [ -x "$python" ] || die "there is no .venv, whose Python the bundle is for: make install"
  [ -d "$(dirname "$file")" ] || die "there is no folder $(dirname "$file") to write $file to"
  # Beside the file: the images can be more than /tmp has room for, and the last step is a rename.
  WORK=$(mktemp -d "$(dirname "$file")/.bundle.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
  identity "$python" >"$WORK/python.txt"
  tools "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" >"$WORK/tools.txt"
  cp "$LOCK" "$WORK/requirements.txt"
  run "$python" -m pip download --quiet --require-hashes --only-binary :all: --dest "$WORK/wheels" --requirement "$LOCK"
  local parts=(python.txt tools.txt requirements.txt wheels)
  if [ "$with_images" = yes ]; then
    save_images
    parts+=(images.tar)
  fi
  tar -cf "$WORK/bundle.tar" -C "$WORK" "${parts[@]}"
  mv "$WORK/bundle.tar" "$file"
  printf '\nPacked %s (%s)\n' "$file" "$(du -h "$file" | cut -f 1)"
}

check_bundle() {
  local own
  tar -xf "$file" -C "$WORK" python.txt requirements.txt 2>/dev/null ||
    die "$file is no bundle: make one with scripts/setup/bundle.sh pack FILE.tar"
  cmp -s "$LOCK" "$WORK/requirements.txt" ||
    die "$file was packed from another revision, with other packages in $LOCK: take the same on both sides"
  [ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
  own=$(identity "$PYTHON") || die "$PYTHON does not run: name another with PYTHON=/path/to/python"
  [ "$own" = "$(cat "$WORK/python.txt")" ] ||
    die "$file is for $(cat "$WORK/python.txt"), and $PYTHON is $own: name another with PYTHON=/path/to/python, or pack for this one"
}

install() {
  [ -r "$file" ] || die "$file cannot be read"
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  check_bundle
  tar -xf "$file" -C "$WORK" wheels
  # By the environment, since the requirements files are hashed and say nothing of where packages come from.
  PIP_NO_INDEX=1 PIP_FIND_LINKS=$WORK/wheels run make "PYTHON=$PYTHON" install .venv/.test
  tar -tf "$file" images.tar >/dev/null 2>&1 || return 0
  if docker info >/dev/null 2>&1; then
    # shellcheck disable=SC2016  # to be read, not expanded
    printf '\n$ tar -xOf %s images.tar | docker load\n' "$file"
    tar -xOf "$file" images.tar | docker load
    printf '\nNext: docker compose up --wait, or make cluster-up\n'
  else
    printf '\nNo engine answers docker: the images stay in the bundle; install it again when one does\n'
  fi
}

command=${1:-}
case $command in
  -h | --help) usage; exit ;;
  pack | install) shift ;;
  *) usage >&2; die "say pack or install" ;;
esac
with_images=yes
if [ "$command" = pack ] && [ "${1:-}" = --no-images ]; then
  with_images=no
  shift
fi
[ $# -eq 1 ] && [ -n "$1" ] || { usage >&2; die "$command takes one file, as in: make bundle FILE=lab.tar"; }
case $1 in
  /*) file=$1 ;;
  *) file=$started_in/$1 ;;
esac
"$command"
