#!/usr/bin/env bash
# Shows what an Envoy of the mesh really has for the service, whatever was applied.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/mesh/show-envoy.sh [--context NAME] [PROXY]

Asks a proxy for its routes, clusters and endpoints, and shows those of the service: routes with their weights, the
limits of each version, and its endpoints with the requests that this proxy sent to each.

  PROXY           the proxy, NAME.NAMESPACE of a pod or a Deployment; by default the ingress gateway
  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's

Examples:
  scripts/mesh/show-envoy.sh
  scripts/mesh/show-envoy.sh deploy/micro-api-v1.canary-mesh
END
}

context=''
proxy=deploy/istio-ingressgateway.istio-system
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    -h | --help) usage; exit ;;
    -*) usage >&2; die "$1 is no option of this script" ;;
    *) proxy=$1; shift ;;
  esac
done

need istioctl https://istio.io/latest/docs/setup/getting-started/#download
need python3 https://www.python.org/downloads/
NAMESPACE=$MESH_NAMESPACE
use_context "$context"
for kind in routes clusters endpoints; do
  show istioctl proxy-config "$kind" "$proxy" --output=json
  istioctl proxy-config "$kind" "$proxy" --output=json >"$WORK/$kind.json"
done
printf '\n'
python3 -m scripts.mesh.envoy_view "micro-api.$NAMESPACE.svc.cluster.local" "$WORK"/{routes,clusters,endpoints}.json
