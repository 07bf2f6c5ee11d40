#!/usr/bin/env bash
# Copies the project's images from the engine to the cluster's node, so that the node pulls from no registry.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/cluster/load-images.sh [--name NAME] [--istio]
                                      [--engines]

Copies the images that the manifests name from the engine to a cluster of kind.
For another cluster push them to a registry instead, and name the registry in
the kustomizations (`images`, `newName`).

  --name NAME  the cluster's name (canary-cluster)
  --istio      Istio's images, too: for a machine without a network
  --engines    those of Argo Rollouts and Flagger, too

Examples:
  scripts/cluster/load-images.sh
  scripts/cluster/load-images.sh --name second

Before: scripts/cluster/build-images.sh. Next: scripts/cluster/rolling.sh
END
}

name=$CLUSTER_NAME
istio=no
engines=no
options 'name: istio engines' '' "$@"

need_engine
need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
images=(micro-api:1.0-SNAPSHOT micro-api:1.1-SNAPSHOT micro-api:1.3-SNAPSHOT "$(scripts/cluster/loadtest-image.sh)")
if [ "$istio" = yes ]; then
  while read -r image; do
    images+=("$image")
  done < <(scripts/mesh/images.sh)
fi
if [ "$engines" = yes ]; then
  while read -r image; do
    images+=("$image")
  done < <(engine_images)
fi
for image in "${images[@]}"; do
  docker image inspect "$image" >/dev/null 2>&1 || die "the engine has no image $image of these files
  build it with scripts/cluster/build-images.sh (one of Istio or of an engine comes from a registry or a bundle)"
done
kind get clusters 2>/dev/null | grep -xF "$name" >/dev/null || die "kind has no cluster $name
  create it: scripts/cluster/up.sh${name:+ --name $name}"
run kind load docker-image --name "$name" "${images[@]}"
