#!/usr/bin/env bash
# Runs the load test inside the cluster against the Service, and ends with its verdict.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

usage() {
  cat <<'END'
usage: scripts/load-in-cluster.sh [--context NAME] [--keep-alive] [--expect-v3 PERCENT]

Takes the share to expect from the Service's ready pods, runs the load test inside the cluster, a master and two workers,
and ends with the exit code of the master: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE; any other code means that there is
no verdict.

  --context NAME       the kubeconfig context to work on; by default the current one, if it is the lab's
  --keep-alive         a lesson: keep connections, which the Service pins to a pod
  --expect-v3 PERCENT  claim another share than that of the ready pods

The environment variable LOCUST_ALPHA (0.01) is the most that each error of the verdict may happen.

Examples:
  scripts/load-in-cluster.sh
  scripts/load-in-cluster.sh --keep-alive
  scripts/load-in-cluster.sh --expect-v3 30
END
}

context=''
manifest=k8s/load
expect_v3=''
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --keep-alive) manifest=k8s/load-keep-alive; shift ;;
    --expect-v3) expect_v3=${2:?--expect-v3 needs a percentage}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

need python3 https://www.python.org/downloads/
use_context "$context"
if [ -z "$expect_v3" ]; then
  printf '\n$ kubectl get endpointslices,pods --selector=app=micro-api --output=json | python3 -m scripts.expected_share\n'
  expect_v3=$(kubectl get endpointslices,pods --selector=app=micro-api --output=json | python3 -m scripts.expected_share)
  printf '%s\n' "$expect_v3"
fi
judged_load_test "$manifest" "$expect_v3"
