#!/usr/bin/env bash
# The article's third flow: both versions side by side, and a virtual service that declares each one's share of requests.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/flow.sh [--context NAME] [--namespace NAME] [--url URL]
                            [deploy | canary]

Runs a step of the canary with Istio, and shows each command as one would type
it. Without a step: deploy.

  deploy  the namespace canary-mesh, both versions with their sidecars, mutual
          TLS only, access for the gateway, the load test and Prometheus only;
          the gateway's listener, and all requests to v1
  canary  the article's 70 to 30, and ten calls

  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  where it runs (canary-mesh)
  --url URL         where the calls go (default: the port of 127.0.0.1 that
                    leads to this cluster, if it is one of kind)

Examples:
  scripts/mesh/flow.sh
  scripts/mesh/flow.sh canary
  scripts/mesh/flow.sh --context kind-second \
    --url http://127.0.0.1:32768/test/test deploy

Needs: scripts/cluster/load-images.sh, scripts/mesh/install.sh.
Next: scripts/mesh/set-state.sh, scripts/mesh/measure.sh
END
}

deploy() {
  run_renamed istio/workloads/namespace.yaml "$MESH_NAMESPACE" "$namespace"
  run kubectl apply --kustomize istio/workloads
  rolled_out micro-api-v1
  rolled_out micro-api-v2
  # Pods that were made while the namespace had no injection have no proxy, and neither mutual TLS nor the policy.
  if [ -n "$(without_sidecar)" ]; then
    run kubectl rollout restart deployment/micro-api-v1 deployment/micro-api-v2
    rolled_out micro-api-v1
    rolled_out micro-api-v2
  fi
  run kubectl get pods --label-columns=version
  run kubectl apply --filename istio/mesh/peer-authentication-strict.yaml --filename istio/mesh/authorization-policy.yaml
  run kubectl apply --filename istio/gateway.yaml
  # Before the virtual service: a subset without a definition is answered with 503.
  run kubectl apply --filename istio/destination-rule.yaml
  set_state 100-0
}

canary() {
  need_service scripts/mesh/flow.sh
  set_state 70-30
  ask "$url" "$host"
}

# set_state STATE: as scripts/mesh/set-state.sh does, within this script's context.
set_state() {
  show scripts/mesh/set-state.sh "$1"
  "$PYTHON" -m scripts.mesh.set_state apply "$1" "$url" "$host" "$(typed kubectl)"
}

context=''
namespace=$MESH_NAMESPACE
url=''
options 'context: namespace: url:' 'deploy canary' "$@"

need curl https://curl.se/download.html
need_python
use_context "$context" "$namespace"
host=micro-api.$namespace.svc.cluster.local
need_istio
need_address "$GATEWAY_NODE_PORT"
"${argument:-deploy}"
