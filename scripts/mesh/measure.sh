#!/usr/bin/env bash
# Runs the load test inside the mesh, and ends with its verdict on the declared weights.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/measure.sh [--context NAME] [--namespace NAME]
                               [--expect-canary PERCENT]

Takes the expected share from the weights that the cluster declares, runs the
load test inside the mesh with a master and two workers that have sidecars, and
ends with the master's exit code: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE. Any
other code: there is no verdict.

Only answers of the declared route count, and where the declaration has changed
at the end, there is no verdict.

Several runs at once do not disturb each other: all that a run makes has the
name of the run. It is removed at the end, and at Ctrl-C. What killed scripts
left: scripts/cluster/remove.sh load

  --context NAME           kubeconfig context (default: the current one, which
                           must be kind-canary-cluster)
  --namespace NAME         where it runs (canary-mesh)
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

# declared [show]: print what the cluster declares: the canary's share in the last route, which serves all requests without
# a condition, and that route's name. The virtual service first: where both exist, it wins.
declared() {
  local kind object
  for kind in virtualservice httproute; do
    # Where the cluster does not know the kind, there is no route of it.
    [ -n "$(kubectl get "$kind/micro-api-route" --ignore-not-found --output=name 2>/dev/null)" ] || continue
    [ -z "${1:-}" ] ||
      printf '\n$ %s | %s -m scripts.mesh.declared_share\n' "$(typed kubectl get "$kind/micro-api-route" --output=json)" "$PYTHON" >&3
    object=$(kubectl get "$kind/micro-api-route" --output=json)
    "$PYTHON" -m scripts.mesh.declared_share <<<"$object"
    return
  done
}

# is_still_declared: end without a verdict where the weights are others than those that the load test was to judge.
is_still_declared() {
  local now
  now=$(declared 2>/dev/null)
  [ "$now" = "$before" ] || die "no verdict: what the cluster declares has changed during the run
  at the beginning: ${before:-nothing}
  at the end:       ${now:-nothing}
  run ${0##*/} again"
}

context=''
namespace=$MESH_NAMESPACE
expect_canary=''
options 'context: namespace: expect-canary:' '' "$@"

need_python
use_context "$context" "$namespace"
need_istio
need_service scripts/mesh/flow.sh
alone=$(without_sidecar)
[ -z "$alone" ] || die "these pods have no sidecar, so that neither the weights nor mutual TLS hold for them:
  ${alone//$'\n'/ }
  restart them with one: $(typed scripts/mesh/flow.sh) deploy"
exec 3>&1
before=$(declared show)
[ -n "$before" ] || die "no weights are declared
  set a state with scripts/mesh/set-state.sh"
printf '%s\n' "$before"
read -r share route <<<"$before"
judged_load_test istio/load "${expect_canary:-$share}" "$route"
