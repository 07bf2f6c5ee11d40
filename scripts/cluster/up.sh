#!/usr/bin/env bash
# Makes the lab's cluster with kind, and the lab's namespace in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/cluster/up.sh [--name NAME] [--config FILE]

Makes a cluster with kind and the lab's namespace in it, and makes it the current context. A cluster that is there
already is left as it is.

  --name NAME    the cluster's name (canary-cluster); its context is kind-NAME
  --config FILE  kind's configuration (scripts/cluster/kind.yaml: 127.0.0.1:19090 leads to the service, 19080 to Istio's gateway)

Examples:
  scripts/cluster/up.sh
  scripts/cluster/up.sh --name second --config my-kind.yaml

Next: scripts/cluster/load-images.sh
END
}

name=$CLUSTER_NAME
config=scripts/cluster/kind.yaml
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:?--name needs a name}; shift 2 ;;
    --config) config=${2:?--config needs a file}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

need docker https://docs.docker.com/engine/install/
need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
need kubectl https://kubernetes.io/docs/tasks/tools/
docker info >/dev/null 2>&1 || die "docker is there, but no engine answers it: start Docker (or Podman's socket), and see 'docker info'"

if kind get clusters 2>/dev/null | grep -qxF "$name"; then
  printf '# the cluster %s is there already\n' "$name"
  run kind export kubeconfig --name "$name"
else
  run kind create cluster --name "$name" --image "kindest/node:v$KUBERNETES_VERSION" --config "$config" --wait 120s
fi
run kubectl apply --filename k8s/namespace.yaml
run kubectl config set-context --current --namespace="$NAMESPACE"
