#!/usr/bin/env bash
# Runs the load test inside the mesh, and ends with its verdict on the declared weights.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/measure.sh [--context NAME] [--expect-canary PERCENT]

Takes the expected share from the weights that the cluster declares, runs the
load test inside the mesh with a master and two workers that have sidecars, and
ends with the master's exit code: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE. Any
other code: there is no verdict.

Several runs at once do not disturb each other: all that a run makes has the
name of the run. It is removed at the end, and at Ctrl-C. What killed scripts
left: kubectl delete jobs,services,configmaps --selector=app=loadtest

  --context NAME           kubeconfig context (default: the current one, which
                           must be kind-canary-cluster)
  --expect-canary PERCENT  claim another share than the declared one

The environment variables LOCUST_ALPHA (0.05) and LOCUST_ALPHA_STOP (0.001) are
the maximum probabilities of confirming a wrong split, and of refuting a
correct one.

Examples:
  scripts/mesh/measure.sh
  scripts/mesh/measure.sh --expect-canary 50

Needs: scripts/mesh/flow.sh
END
}

# declared KIND JSONPATH: read the canary's weight in the last route, which serves all requests without a condition.
declared() {
  local route=$1/micro-api-route
  # Where the cluster does not know the kind, there is no route of it.
  [ -n "$(kubectl get "$route" --ignore-not-found --output=name 2>/dev/null)" ] || return 0
  show kubectl get "$route" --output=jsonpath="$2"
  expect_canary=$(kubectl get "$route" --output=jsonpath="$2")
  expect_canary=${expect_canary:-0}  # no such destination
  printf '%s\n' "$expect_canary"
}

context=''
expect_canary=''
options 'context: expect-canary:' '' "$@"

use_context "$context" "$MESH_NAMESPACE"
# The virtual service first: where both exist, it wins.
[ -n "$expect_canary" ] ||
  declared virtualservice '{.spec.http[-1:].route[?(@.destination.subset=="v2")].weight}'
[ -n "$expect_canary" ] ||
  declared httproute '{.spec.rules[-1:].backendRefs[?(@.name=="micro-api-v2")].weight}'
[ -n "$expect_canary" ] || die "no weights are declared
  set a state with scripts/mesh/set-state.sh"
judged_load_test istio/load "$expect_canary"
