#!/usr/bin/env bash
# Adds the Gateway API's resource definitions to the cluster: neither Kubernetes nor Istio brings them.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/mesh/gateway-api.sh [--context NAME] [--crds FILE]

Adds the resource definitions of the Gateway API to the cluster, and waits until Istio serves them.

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's
  --crds FILE     a file with the definitions, for a machine without internet; by default the release's own

Examples:
  scripts/mesh/gateway-api.sh
  scripts/mesh/gateway-api.sh --crds tests/data/gateway-api/crds.yaml

Before: scripts/mesh/install.sh. Next: scripts/mesh/set-state.sh gateway-api/100-0
END
}

context=''
crds=https://github.com/kubernetes-sigs/gateway-api/releases/download/v$GATEWAY_API_VERSION/standard-install.yaml
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --crds) crds=${2:?--crds needs a file}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

case $crds in
  https://*) ;;
  *) [ -f "$crds" ] || die "there is no file $crds: name one with the definitions, such as tests/data/gateway-api/crds.yaml" ;;
esac
use_context "$context"
# On the server: the definitions are too long for the annotation that kubectl would keep of them.
run kubectl apply --server-side --filename "$crds"
run kubectl wait --for=create gatewayclass/istio --timeout="${WAIT_SECONDS}s"
run kubectl wait --for=condition=Accepted gatewayclass/istio --timeout="${WAIT_SECONDS}s"
