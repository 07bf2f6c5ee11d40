#!/usr/bin/env bash
# Copies the project's images from the engine into the cluster's node, which pulls from no registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/cluster/load-images.sh [--name NAME]

Copies the images that the manifests name from the engine into a cluster of kind. On another cluster push them to a
registry instead, and name it in the kustomizations (`images`, `newName`).

  --name NAME  the cluster's name (canary-cluster)

Examples:
  scripts/cluster/load-images.sh
  scripts/cluster/load-images.sh --name second

Before: scripts/cluster/build-images.sh. Next: scripts/cluster/rolling.sh
END
}

name=$CLUSTER_NAME
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:?--name needs a name}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

need docker https://docs.docker.com/engine/install/
need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
load_test=$(awk '$1 == "image:" { print $2 }' k8s/load/master.yaml)
images=(micro-api:1.0-SNAPSHOT micro-api:1.1-SNAPSHOT micro-api:1.3-SNAPSHOT "$load_test")
for image in "${images[@]}"; do
  docker image inspect "$image" >/dev/null 2>&1 || die "the engine has no image $image: build it with scripts/cluster/build-images.sh"
done
run kind load docker-image --name "$name" "${images[@]}"
