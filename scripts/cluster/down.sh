#!/usr/bin/env bash
# Removes the cluster, with everything in it.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/down.sh [--name NAME]

Removes a cluster of kind, with everything in it, and its context. A cluster
that does not exist is not an error.

  --name NAME  the cluster's name (canary-cluster)

Examples:
  scripts/cluster/down.sh
  scripts/cluster/down.sh --name second
END
}

name=$CLUSTER_NAME
options 'name:' '' "$@"

need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
run kind delete cluster --name "$name"
