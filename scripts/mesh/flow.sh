#!/usr/bin/env bash
# The article's third flow: both versions side by side, and a virtual service that declares each one's share of requests.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/flow.sh [--context NAME] [--url URL] [deploy | canary]

Runs a step of the canary with Istio, and shows each command as one would type
it. Without a step: deploy.

  deploy  the namespace canary-mesh, both versions with their sidecars, mutual
          TLS only, access for the gateway, the load test and Prometheus only;
          the gateway's listener, and all requests to v1
  canary  the article's 70 to 30, and ten calls

  --context NAME  kubeconfig context (default: the current one, which must be
                  kind-canary-cluster)
  --url URL       where the calls go (http://127.0.0.1:19080/test/test)

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
  run kubectl apply --filename istio/workloads/namespace.yaml
  run kubectl apply --kustomize istio/workloads
  rolled_out micro-api-v1
  rolled_out micro-api-v2
  run kubectl get pods --label-columns=version
  run kubectl apply --filename istio/mesh/peer-authentication-strict.yaml --filename istio/mesh/authorization-policy.yaml
  run kubectl apply --filename istio/gateway.yaml
  # Before the virtual service: a subset without a definition is answered with 503.
  run kubectl apply --filename istio/destination-rule.yaml
  set_state 100-0
}

canary() {
  set_state 70-30
  ask "$url" "$MESH_HOST"
}

# set_state STATE: as scripts/mesh/set-state.sh does, within this script's context.
set_state() {
  show scripts/mesh/set-state.sh "$1"
  "$PYTHON" -m scripts.mesh.set_state apply "$1" "$url" "$MESH_HOST"
}

context=''
url=http://127.0.0.1:19080/test/test
options 'context: url:' 'deploy canary' "$@"

need curl https://curl.se/download.html
need_python
use_context "$context" "$MESH_NAMESPACE"
kubectl get crd virtualservices.networking.istio.io >/dev/null 2>&1 || die "the cluster has no Istio
  install it with scripts/mesh/install.sh"
"${argument:-deploy}"
