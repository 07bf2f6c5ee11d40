#!/usr/bin/env bash
# Runs the load test inside the mesh, and ends with its verdict on the weights that are declared.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

usage() {
  cat <<'END'
usage: scripts/load-in-mesh.sh [--context NAME] [--expect-v3 PERCENT]

Takes the share to expect from the weights that the cluster declares, runs the load test inside the mesh, a master and
two workers with sidecars, and ends with the exit code of the master: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE; any
other code means that there is no verdict.

  --context NAME       the kubeconfig context to work on; by default the current one, if it is the lab's
  --expect-v3 PERCENT  claim another share than the declared one

The environment variable LOCUST_ALPHA (0.01) is the most that each error of the verdict may happen.

Examples:
  scripts/load-in-mesh.sh
  scripts/load-in-mesh.sh --expect-v3 50

Needs: scripts/flow-istio.sh
END
}

# declared KIND JSONPATH: print the canary's weight in the last route, which is the one for all who bring nothing special.
declared() {
  if is_declared "$1"; then
    show kubectl get "$1/micro-api-route" --output=jsonpath="$2"
    expect_v3=$(kubectl get "$1/micro-api-route" --output=jsonpath="$2")
    expect_v3=${expect_v3:-0}  # no such destination
    printf '%s\n' "$expect_v3"
  fi
}

context=''
expect_v3=''
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --expect-v3) expect_v3=${2:?--expect-v3 needs a percentage}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

LAB_NAMESPACE=$LAB_MESH_NAMESPACE
use_context "$context"
# The virtual service first: where both are there, it wins.
[ -n "$expect_v3" ] ||
  declared virtualservice '{.spec.http[-1:].route[?(@.destination.subset=="v2")].weight}'
[ -n "$expect_v3" ] ||
  declared httproute '{.spec.rules[-1:].backendRefs[?(@.name=="micro-api-v2")].weight}'
[ -n "$expect_v3" ] || die "no weights are declared: set a state with scripts/set-state.sh"
judged_load_test istio/load "$expect_v3"
