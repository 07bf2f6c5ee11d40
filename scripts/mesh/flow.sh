#!/usr/bin/env bash
# The article's third flow: both versions side by side, and a virtual service that says how many requests each one gets.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/mesh/flow.sh [--context NAME] [--url URL] [deploy | canary]

Runs a step of the canary with Istio, each command shown as one would type it. Without a step: deploy.

  deploy  the namespace canary-mesh, both versions with their sidecars, mutual TLS only, nobody let in but the gateway,
          the load test and Prometheus; the gateway's door, and all requests to v1
  canary  the article's 70 to 30, and ten calls

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's
  --url URL       where the calls go (http://127.0.0.1:19080/test/test)

Examples:
  scripts/mesh/flow.sh
  scripts/mesh/flow.sh canary
  scripts/mesh/flow.sh --context kind-second --url http://127.0.0.1:32768/test/test deploy

Needs: scripts/cluster/load-images.sh, scripts/mesh/install.sh. Next: scripts/mesh/set-state.sh, scripts/mesh/measure.sh
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
  # Before the virtual service: a subset that nobody has defined is answered with 503.
  run kubectl apply --filename istio/destination-rule.yaml
  set_state 100-0
}

canary() {
  set_state 70-30
  ask "$url" "micro-api.$NAMESPACE.svc.cluster.local"
}

set_state() {
  show scripts/mesh/set-state.sh "$1"
  scripts/mesh/set-state.sh --context "$(kubectl config current-context)" --url "$url" "$1"
}

context=''
url=http://127.0.0.1:19080/test/test
step=deploy
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --url) url=${2:?--url needs an address}; shift 2 ;;
    deploy | canary) step=$1; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is neither a step nor an option of this script" ;;
  esac
done

need curl https://curl.se/download.html
need python3 https://www.python.org/downloads/
NAMESPACE=$MESH_NAMESPACE
use_context "$context"
kubectl get crd virtualservices.networking.istio.io >/dev/null 2>&1 ||
  die "the cluster has no Istio: install it with scripts/mesh/install.sh"
"$step"
