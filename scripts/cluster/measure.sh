#!/usr/bin/env bash
# Runs the load test inside the cluster against the Service, and ends with its verdict.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/measure.sh [--context NAME] [--namespace NAME]
                                  [--keep-alive] [--expect-canary PERCENT]

Takes the expected share from the Service's ready pods, runs the load test
inside the cluster with a master and two workers, and ends with the master's
exit code: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE. Any other code: there is no
verdict.

Several runs at once do not disturb each other: all that a run makes has the
name of the run. It is removed at the end, and at Ctrl-C. What killed scripts
left: scripts/cluster/remove.sh load

  --context NAME           kubeconfig context (default: the current one, which
                           must be kind-canary-cluster)
  --namespace NAME         where it runs (canary-rollout)
  --keep-alive             a lesson: keep connections, each of which the Service
                           pins to one pod
  --expect-canary PERCENT  claim another share than that of the ready pods

The environment variables LOCUST_ALPHA (0.05) and LOCUST_ALPHA_STOP (0.001) are
the maximum probabilities of confirming a wrong split, and of refuting a
correct one.

Examples:
  scripts/cluster/measure.sh
  scripts/cluster/measure.sh --keep-alive
  scripts/cluster/measure.sh --expect-canary 30
END
}

context=''
namespace=$NAMESPACE
keep_alive=no
expect_canary=''
options 'context: namespace: keep-alive expect-canary:' '' "$@"

need_python
use_context "$context" "$namespace"
need_service scripts/cluster/rolling.sh
if [ -z "$expect_canary" ]; then
  command=(kubectl get 'endpointslices,pods' --selector=app=micro-api --output=json)
  printf '\n$ %s | %s -m scripts.cluster.expected_share\n' "$(typed "${command[@]}")" "$PYTHON"
  expect_canary=$("${command[@]}" | "$PYTHON" -m scripts.cluster.expected_share)
  printf '%s\n' "$expect_canary"
fi
case $keep_alive in
  yes) judged_load_test k8s/load-keep-alive "$expect_canary" ;;
  *) judged_load_test k8s/load "$expect_canary" ;;
esac
