#!/usr/bin/env bash
# Removes the lab's cluster, with everything in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/cluster/down.sh [--name NAME]

Removes a cluster of kind, with everything in it, and its context. One that is not there is no error.

  --name NAME  the cluster's name (canary-cluster)

Examples:
  scripts/cluster/down.sh
  scripts/cluster/down.sh --name second
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

need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
run kind delete cluster --name "$name"
