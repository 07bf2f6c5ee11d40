#!/usr/bin/env bash
# Takes the project to a machine without a network: packs what it would download, and installs that there.
set -euo pipefail
started_in=$PWD
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"
# shellcheck source=versions.env
. versions.env

LOCK=tests/requirements.txt # includes what the lab needs

usage() {
  cat <<'END'
usage: scripts/setup/bundle.sh pack [--no-images | --engines] FILE.tar
       scripts/setup/bundle.sh install FILE.tar

Takes the project to a machine without a network.

pack, with a network: builds or pulls the images, downloads the wheels, and
writes them to one file with tools.txt: the other programs that are needed,
their versions and their download pages. It needs .venv.

install, without one: makes .venv and loads the images, in a clone of the same
revision, and prints the commands that work from then on: `make lab`, and with
the programs of tools.txt also Compose, `make cluster-up` and the flow with
Istio. tools.txt says what the bundle lacks.

The wheels fit the system, the processor and the Python version that packed
them: pack once for each. Commit before you pack: `make cluster-up` builds the
images again for other files, and that needs a package index. gunicorn's C
parser for `make bench` is not included, because it is built from source.

  --no-images  wheels only: enough for make lab and make test, without Docker
  --engines    Argo Rollouts and Flagger, too: images and manifests; install
               writes the manifests to the folder .bundle

Variables:
  ARGO_ROLLOUTS_MANIFEST, FLAGGER_MANIFEST
                manifests of the engines (those of their releases)
  ISTIO_IMAGES  Istio's images (those that istioctl names)
  NODE_IMAGE    the image of kind's node (the one of versions.env)
  PYTHON        the Python that install makes .venv with (one that is new
                enough)

Examples:
  make bundle FILE=/media/stick/lab.tar
  scripts/setup/bundle.sh pack --engines /media/stick/lab.tar
  scripts/setup/bundle.sh pack --no-images ../wheels.tar
  scripts/setup/bundle.sh install /media/stick/lab.tar
END
}

# identity PYTHON: print which wheels a Python can install.
identity() {
  "$1" -c 'import platform, sys; print("Python %d.%d," % sys.version_info[:2], platform.system(), platform.machine())'
}

# By its tag: a digest does not survive `docker save`.
node_image=kindest/node:v$KUBERNETES_VERSION

images() {
  docker compose --profile '*' config --images && printf '%s\n' micro-api:1.0-SNAPSHOT && istio_images || return
  [ "$with_engines" = no ] || engine_images
}

# save_manifest ENGINE FILE: write what its project ships, or the file of one's own.
save_manifest() {
  local from=()
  [ -z "$2" ] || from=(--manifest "$2")
  scripts/mesh/engine.sh --engine "$1" "${from[@]}" manifest >"$WORK/.bundle/$1.yaml" ||
    die "the manifest of $1 was not read (above)"
}

save_manifests() {
  mkdir "$WORK/.bundle"
  save_manifest argo-rollouts "${ARGO_ROLLOUTS_MANIFEST:-}"
  save_manifest flagger "${FLAGGER_MANIFEST:-}"
}

# istio_images: print those of Istio; without istioctl their names are unknown, and tools.txt says so.
istio_images() {
  if [ -n "${ISTIO_IMAGES:-}" ] || command -v istioctl >/dev/null; then
    scripts/mesh/images.sh
  fi
}

# tools PYTHON-VERSION
tools() {
  printf '%s\n' 'Other programs that are needed without a network, and where to download them.' ''
  printf '%-24s %-16s %s\n' \
    'make lab, make test' "Python $1" https://www.python.org/downloads/ \
    '' "make >= $LEAST_MAKE_VERSION" https://www.gnu.org/software/make/ \
    'Compose' "Docker >= $LEAST_DOCKER_VERSION" https://docs.docker.com/engine/install/binaries/ \
    '' "compose >= $LEAST_COMPOSE_VERSION" https://github.com/docker/compose/releases \
    '' "buildx >= $LEAST_BUILDX_VERSION" https://github.com/docker/buildx/releases \
    'the flows on Kubernetes' "kind >= $LEAST_KIND_VERSION" https://github.com/kubernetes-sigs/kind/releases \
    '' "kubectl $KUBERNETES_VERSION" https://kubernetes.io/releases/download/ \
    'the flow with Istio' "istioctl $ISTIO_VERSION" https://github.com/istio/istio/releases
  printf '\n%s\n' 'Python wheels and images in this file:' "  for $(identity .venv/bin/python) only: pack on each other system"
  [ "$with_images" = yes ] || printf '  no images: Compose and the flows on Kubernetes are not possible with it\n'
  [ "$with_images" = no ] || [ -n "$(istio_images)" ] ||
    printf '  not the images of Istio, since istioctl was not on the PATH: the flow with Istio is not possible with it\n'
  [ "$with_engines" = yes ] || printf '  not Argo Rollouts and Flagger: pack with --engines\n'
}

save_images() {
  local image list
  local names=()
  need docker https://docs.docker.com/engine/install/
  docker info >/dev/null 2>&1 || die "no container engine answers: start it, or pack with --no-images"
  run scripts/cluster/build-images.sh --quiet
  if ! docker image inspect "$node_image" >/dev/null 2>&1; then
    run docker pull --quiet "${NODE_IMAGE:-$node_image@$NODE_IMAGE_DIGEST}"
    run docker tag "${NODE_IMAGE:-$node_image@$NODE_IMAGE_DIGEST}" "$node_image"
  fi
  names+=("$node_image")
  list=$(images) || die "docker compose cannot list the images"
  for image in $(printf '%s' "$list" | sort -u); do
    docker image inspect "$image" >/dev/null 2>&1 || run docker pull --quiet "$image"
    names+=("$image")
  done
  printf '%s\n' "${names[@]}" >"$WORK/images.txt"
  run docker save --output "$WORK/images.tar" "${names[@]}"
}

pack() {
  local python=.venv/bin/python
  [ -x "$python" ] || die "there is no .venv, and the bundle is for its Python: run make install"
  [ -d "$(dirname "$file")" ] || die "cannot write $file: there is no folder $(dirname "$file")"
  # In the same folder: /tmp may be too small for the images, and the last step is a rename.
  WORK=$(mktemp -d "$(dirname "$file")/.bundle.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
  identity "$python" >"$WORK/python.txt"
  tools "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" >"$WORK/tools.txt"
  cp "$LOCK" "$WORK/requirements.txt"
  run "$python" -m pip download --quiet --require-hashes --only-binary :all: --dest "$WORK/wheels" --requirement "$LOCK"
  local parts=(python.txt tools.txt requirements.txt wheels)
  if [ "$with_images" = yes ]; then
    save_images
    parts+=(images.txt images.tar)
  fi
  if [ "$with_engines" = yes ]; then
    save_manifests
    parts+=(.bundle)
  fi
  tar -cf "$WORK/bundle.tar" -C "$WORK" "${parts[@]}"
  mv "$WORK/bundle.tar" "$file"
  printf '\nPacked %s (%s)\n' "$file" "$(du -h "$file" | cut -f 1)"
}

check_bundle() {
  local own
  tar -xf "$file" -C "$WORK" python.txt requirements.txt 2>/dev/null ||
    die "$file is not a bundle: make one with scripts/setup/bundle.sh pack FILE.tar"
  cmp -s "$LOCK" "$WORK/requirements.txt" ||
    die "$file was packed from another revision, with another $LOCK: use the same one"
  PYTHON=$(scripts/setup/python.sh) || exit 2
  own=$(identity "$PYTHON")
  [ "$own" = "$(cat "$WORK/python.txt")" ] ||
    die "$file is for $(cat "$WORK/python.txt"), but $PYTHON is $own
name another Python with PYTHON=/path/to/python, or pack for this one"
}

install() {
  [ -r "$file" ] || die "$file cannot be read"
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  check_bundle
  tar -xf "$file" -C "$WORK" wheels
  # By variables: the requirements files do not name an index.
  PIP_NO_INDEX=1 PIP_FIND_LINKS=$WORK/wheels run make "PYTHON=$PYTHON" install .venv/.test
  load_images
}

# load_images: into the engine, where the bundle has them; then print what works now, to be typed in this order.
load_images() {
  local names next=('make lab')
  names=$(tar -xOf "$file" images.txt 2>/dev/null) || names=''
  if [ -n "$names" ] && ! docker info >/dev/null 2>&1; then
    printf '\nNo container engine answers: start one and run install again for the images\n'
  elif [ -n "$names" ]; then
    # shellcheck disable=SC2016  # to be read, not expanded
    printf '\n$ tar -xOf %s images.tar | docker load\n' "$file"
    tar -xOf "$file" images.tar | docker load
    next+=('docker compose up --wait' "NODE_IMAGE=$node_image make cluster-up")
    case $names in
      */argo-rollouts:*/pilot:* | */pilot:*/argo-rollouts:*)
        tar -xf "$file" .bundle
        next+=('scripts/cluster/load-images.sh --istio --engines' scripts/mesh/install.sh scripts/mesh/flow.sh
          'scripts/mesh/engine.sh --engine argo-rollouts --manifest .bundle/argo-rollouts.yaml'
          'scripts/mesh/engine.sh --engine flagger --manifest .bundle/flagger.yaml') ;;
      */pilot:*) next+=('scripts/cluster/load-images.sh --istio' scripts/mesh/install.sh scripts/mesh/flow.sh) ;;
    esac
  fi
  printf '\nNext, without a network:\n'
  printf '  %s\n' "${next[@]}"
}

command=${1:-}
case $command in
  -h | --help) usage; exit ;;
  pack | install) shift ;;
  *) usage >&2; die "the command is pack or install" ;;
esac
with_images=yes
with_engines=no
case "$command ${1:-}" in
  'pack --no-images') with_images=no; shift ;;
  'pack --engines') with_engines=yes; shift ;;
esac
[ $# -eq 1 ] && [ -n "$1" ] || { usage >&2; die "$command needs one file, as in: make bundle FILE=lab.tar"; }
case $1 in
  /*) file=$1 ;;
  *) file=$started_in/$1 ;;
esac
"$command"
