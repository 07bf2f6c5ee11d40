#!/usr/bin/env bash
# Runs the load test inside the cluster against the Service, and ends with its verdict.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/cluster/measure.sh [--context NAME] [--keep-alive] [--expect-canary PERCENT]

Takes the share to expect from the Service's ready pods, runs the load test inside the cluster, a master and two workers,
and ends with the exit code of the master: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE; any other code means that there is
no verdict.

  --context NAME       the kubeconfig context to work on; by default the current one, if it is the lab's
  --keep-alive         a lesson: keep connections, which the Service pins to a pod
  --expect-canary PERCENT  claim another share than that of the ready pods

The environment variable LOCUST_ALPHA (0.01) is the most that each error of the verdict may happen.

Examples:
  scripts/cluster/measure.sh
  scripts/cluster/measure.sh --keep-alive
  scripts/cluster/measure.sh --expect-canary 30
END
}

context=''
manifest=k8s/load
expect_canary=''
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --keep-alive) manifest=k8s/load-keep-alive; shift ;;
    --expect-canary) expect_canary=${2:?--expect-canary needs a percentage}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

need python3 https://www.python.org/downloads/
use_context "$context"
if [ -z "$expect_canary" ]; then
  printf '\n$ kubectl get endpointslices,pods --selector=app=micro-api --output=json | python3 -m scripts.cluster.expected_share\n'
  expect_canary=$(kubectl get endpointslices,pods --selector=app=micro-api --output=json | python3 -m scripts.cluster.expected_share)
  printf '%s\n' "$expect_canary"
fi
judged_load_test "$manifest" "$expect_canary"
