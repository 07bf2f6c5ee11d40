#!/usr/bin/env bash
# Applies a named traffic state of the mesh, and times how long the gateway takes to serve it.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

# states: the name of each, as scripts/mesh/set_state.py has them; no Python is needed to read the help.
states() {
  printf '%s\n' istio/virtual-service-*.yaml istio/mesh/virtual-service-*.yaml istio/gateway-api/http-route-*.yaml |
    sed -e 's/\.yaml$//' -e 's|^istio/gateway-api/http-route-|gateway-api/|' -e 's|^.*/virtual-service-||'
}

usage() {
  cat <<'END'
usage: scripts/mesh/set-state.sh [--context NAME] [--namespace NAME] [--url URL]
                                 [--any-status] STATE

Applies a traffic state, sends requests to the gateway until every answer comes
by the state's routes (header x-canary-route) with status 200, and prints how
long that took.
The state's twin of the other kind (virtual service or HTTP route) is removed: a
virtual service that is left would win silently.

  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  where it runs (canary-mesh)
  --url URL         where the requests go (default: the port of 127.0.0.1 that
                    leads to this cluster, if it is one of kind)
  --any-status      take answers of any status that name the route: for a
                    version that fails

Examples:
  scripts/mesh/set-state.sh 70-30
  scripts/mesh/set-state.sh mirror
  scripts/mesh/set-state.sh gateway-api/70-30
  scripts/mesh/set-state.sh --context kind-second \
    --url http://127.0.0.1:32768/test/test 0-100

Needs: scripts/mesh/flow.sh, and for gateway-api/ scripts/mesh/gateway-api.sh.
The states:
END
  states | sed 's/^/  /'
}

context=''
namespace=$MESH_NAMESPACE
url=''
any_status=''
options 'context: namespace: url: any-status' '*' "$@"
[ -n "$argument" ] || misused "no state is named"
need_python

"$PYTHON" -m scripts.mesh.set_state check "$argument"
use_context "$context" "$namespace"
need_istio
need_service scripts/mesh/flow.sh
need_address "$GATEWAY_NODE_PORT"
"$PYTHON" -m scripts.mesh.set_state apply "$argument" "$url" "micro-api.$namespace.svc.cluster.local" "$(typed kubectl)" \
  ${any_status:+--any-status}
