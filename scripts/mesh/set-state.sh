#!/usr/bin/env bash
# Sets a traffic state of the mesh by its name, and measures how long it takes until it is served for good.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/mesh/set-state.sh [--context NAME] [--url URL] STATE

Applies a traffic state, and asks at the gateway until every answer comes by its routes (x-canary-route). The time is
printed. The state's twin of the other kind (virtual service, HTTP route) is removed: the virtual service would win,
and nothing would say so.

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's
  --url URL       where to ask (http://127.0.0.1:19080/test/test)

Examples:
  scripts/mesh/set-state.sh 70-30
  scripts/mesh/set-state.sh mirror
  scripts/mesh/set-state.sh gateway-api/70-30
  scripts/mesh/set-state.sh --context kind-second --url http://127.0.0.1:32768/test/test 0-100

Needs: scripts/mesh/flow.sh, and for gateway-api/ scripts/mesh/gateway-api.sh. The states:
END
  states | sed 's/^/  /'
}

states() {
  printf '%s\n' istio/virtual-service-*.yaml istio/mesh/virtual-service-*.yaml istio/gateway-api/http-route-*.yaml |
    sed -e 's|.*/virtual-service-||' -e 's|.*/http-route-|gateway-api/|' -e 's|\.yaml$||'
}

# file_of STATE: the manifest of a state.
file_of() {
  local file
  for file in "istio/virtual-service-$1.yaml" "istio/mesh/virtual-service-$1.yaml" \
    "istio/gateway-api/http-route-${1#gateway-api/}.yaml"; do
    # Only a name that says so is one of the Gateway API.
    case $file in istio/gateway-api/*) [ "$1" != "${1#gateway-api/}" ] || continue ;; esac
    [ ! -f "$file" ] || { printf '%s\n' "$file"; return; }
  done
  die "there is no state $1: it is one of $(states | paste -s -d ' ' -)"
}

# routes_of FILE: the names that its routes put on their answers.
routes_of() {
  awk '$1 == "x-canary-route:" { print $2 }
       named && $1 == "value:" { print $2 }
       { named = $0 ~ /name: x-canary-route$/ }' "$1" | tr -d '"'
}

# timed COMMAND...: run the command that makes the change, and wait until it is served.
timed() {
  local options=() route
  for route in $(routes_of "$file"); do options+=(--route "$route"); done
  show "$@"
  python3 -m scripts.mesh.route_stopwatch --host-header "micro-api.$NAMESPACE.svc.cluster.local" "${options[@]}" "$url" -- "$@"
}

# The new state before the old one goes, in both directions: a host that no route names is answered 404 meanwhile.
set_virtual_service() {
  timed kubectl apply --filename "$file"
  ! is_declared httproute || run kubectl delete httproute/micro-api-route
}

set_http_route() {
  [ -n "$(kubectl get crd httproutes.gateway.networking.k8s.io --ignore-not-found --output=name)" ] ||
    die "the cluster does not know the Gateway API: add it with scripts/mesh/gateway-api.sh"
  run kubectl apply --filename istio/gateway-api/gateway.yaml --filename istio/gateway-api/services.yaml
  if is_declared virtualservice; then
    run kubectl apply --filename "$file"
    run kubectl wait httproute/micro-api-route --timeout="${WAIT_SECONDS}s" \
      --for=jsonpath='{.status.parents[0].conditions[?(@.type=="Accepted")].status}'=True
    timed kubectl delete virtualservice/micro-api-route
  else
    timed kubectl apply --filename "$file"
  fi
}

context=''
url=http://127.0.0.1:19080/test/test
state=''
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --url) url=${2:?--url needs an address}; shift 2 ;;
    -h | --help) usage; exit ;;
    -*) usage >&2; die "$1 is no option of this script" ;;
    *) state=$1; shift ;;
  esac
done
[ -n "$state" ] || { usage >&2; die "no state is named"; }
file=$(file_of "$state")

need python3 https://www.python.org/downloads/
NAMESPACE=$MESH_NAMESPACE
use_context "$context"
case $file in
  istio/gateway-api/*) set_http_route ;;
  *) set_virtual_service ;;
esac
