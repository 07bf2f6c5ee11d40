#!/usr/bin/env bash
# Runs the load test inside the mesh, and ends with its verdict on the weights that are declared.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/mesh/measure.sh [--context NAME] [--expect-canary PERCENT]

Takes the share to expect from the weights that the cluster declares, runs the load test inside the mesh, a master and
two workers with sidecars, and ends with the exit code of the master: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE; any
other code means that there is no verdict.

  --context NAME       the kubeconfig context to work on; by default the current one, if it is the lab's
  --expect-canary PERCENT  claim another share than the declared one

The environment variable LOCUST_ALPHA (0.01) is the most that each error of the verdict may happen.

Examples:
  scripts/mesh/measure.sh
  scripts/mesh/measure.sh --expect-canary 50

Needs: scripts/mesh/flow.sh
END
}

# declared KIND JSONPATH: print the canary's weight in the last route, which is the one for all who bring nothing special.
declared() {
  if is_declared "$1"; then
    show kubectl get "$1/micro-api-route" --output=jsonpath="$2"
    expect_canary=$(kubectl get "$1/micro-api-route" --output=jsonpath="$2")
    expect_canary=${expect_canary:-0}  # no such destination
    printf '%s\n' "$expect_canary"
  fi
}

context=''
expect_canary=''
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --expect-canary) expect_canary=${2:?--expect-canary needs a percentage}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

NAMESPACE=$MESH_NAMESPACE
use_context "$context"
# The virtual service first: where both are there, it wins.
[ -n "$expect_canary" ] ||
  declared virtualservice '{.spec.http[-1:].route[?(@.destination.subset=="v2")].weight}'
[ -n "$expect_canary" ] ||
  declared httproute '{.spec.rules[-1:].backendRefs[?(@.name=="micro-api-v2")].weight}'
[ -n "$expect_canary" ] || die "no weights are declared: set a state with scripts/mesh/set-state.sh"
judged_load_test istio/load "$expect_canary"
