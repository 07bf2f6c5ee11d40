#!/usr/bin/env bash
# Shows what an Envoy of the mesh has for the service, which may differ from what was applied.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/show-envoy.sh [--context NAME] [--namespace NAME]
                                  [--host HOST] [PROXY]

Asks a proxy for its routes, clusters and endpoints, and shows those of the
service: routes with their weights, the limits of each version, and its
endpoints with the number of requests that this proxy sent to each. What it
does not show of a route, it names. It does not ask for listeners, policies or
filters: `istioctl proxy-config all` has them.

  PROXY             NAME.NAMESPACE of a pod or a Deployment (default: the
                    ingress gateway)
  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  the service's namespace (canary-mesh)
  --host HOST       whose routes are shown (the Service micro-api of the
                    namespace)

Examples:
  scripts/mesh/show-envoy.sh
  scripts/mesh/show-envoy.sh deploy/micro-api-v1.canary-mesh
END
}

context=''
namespace=$MESH_NAMESPACE
host=''
options 'context: namespace: host:' '*' "$@"
proxy=${argument:-deploy/istio-ingressgateway.istio-system}

need istioctl https://istio.io/latest/docs/setup/getting-started/#download
need_python
use_context "$context" "$namespace"
need_istio
for kind in routes clusters endpoints; do
  show istioctl proxy-config "$kind" "$proxy" --output=json
  istioctl proxy-config "$kind" "$proxy" --output=json >"$WORK/$kind.json"
done
printf '\n'
# Its lines are Messages of the load test's package, whose place another Python than that of .venv does not know.
PYTHONPATH=loadtest${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -m scripts.mesh.envoy_view "${host:-micro-api.$namespace.svc.cluster.local}" "$WORK"/{routes,clusters,endpoints}.json
