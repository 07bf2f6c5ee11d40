#!/usr/bin/env bash
# Creates the cluster with kind, and the namespace of the plain flows in it.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/cluster/up.sh [--name NAME] [--config FILE]

Creates a cluster with kind and the namespace canary-rollout in it, and makes it
the current context. An existing cluster is left as it is.

  --name NAME    the cluster's name (canary-cluster); its context is kind-NAME
  --config FILE  kind's configuration (scripts/cluster/kind.yaml:
                 127.0.0.1:19090 leads to the service, 127.0.0.1:19080 to
                 Istio's gateway)

Examples:
  scripts/cluster/up.sh
  scripts/cluster/up.sh --name second --config my-kind.yaml

Next: scripts/cluster/load-images.sh
END
}

name=$CLUSTER_NAME
config=scripts/cluster/kind.yaml
options 'name: config:' '' "$@"

need docker https://docs.docker.com/engine/install/
need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
need kubectl https://kubernetes.io/docs/tasks/tools/
docker info >/dev/null 2>&1 || die "docker is installed, but no engine answers
  start Docker (or Podman's socket), and check it with: docker info"

if kind get clusters 2>/dev/null | grep -qxF "$name"; then
  printf '# the cluster %s exists already\n' "$name"
  run kind export kubeconfig --name "$name"
else
  run kind create cluster --name "$name" --image "kindest/node:v$KUBERNETES_VERSION" --config "$config" --wait 120s
fi
run kubectl apply --filename k8s/namespace.yaml
run kubectl config set-context --current --namespace="$NAMESPACE"
