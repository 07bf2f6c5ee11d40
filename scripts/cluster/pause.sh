#!/usr/bin/env bash
# The article's second flow: an update that is paused halfway is a canary; then on to the new version, or back.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/cluster/pause.sh [--context NAME] [--url URL] [start | resume | rollback | undo]

Runs a step of the paused canary, each command shown as one would type it. Without a step: start.

  start     1.1-SNAPSHOT everywhere, then two pods of the canary 1.3-SNAPSHOT beside two old ones, and ten calls
  resume    the canary is good: it replaces the old version
  rollback  the canary is bad: the old manifest while paused, then resume; the two old pods stay all the time
  undo      the canary is bad, and what not to do: `resume` and `undo`, with the pod counts that show why

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's
  --url URL       where the calls go (http://127.0.0.1:19090/test/test)

Examples:
  scripts/cluster/pause.sh
  scripts/cluster/pause.sh rollback
  scripts/cluster/pause.sh --context kind-second --url http://127.0.0.1:32768/test/test start

Needs: scripts/cluster/rolling.sh. Between the steps: scripts/cluster/measure.sh
END
}

is_paused() {
  [ "$(kubectl get deployment/micro-api --ignore-not-found --output=jsonpath='{.spec.paused}')" = true ]
}

need_canary() {
  is_paused || die "the rollout is not paused: make a canary first, with scripts/cluster/pause.sh start"
}

pods() {
  run kubectl get pods --selector=app=micro-api --label-columns=track,pod-template-hash
}

start() {
  ! is_paused || die "a canary is paused already: end it first, with scripts/cluster/pause.sh resume or rollback"
  run kubectl apply --kustomize k8s/update
  rolled_out
  run kubectl apply --kustomize k8s/canary
  # Paused at once there may be one new pod, some seconds later no old one: two are waited for.
  reached updatedReplicas 2
  run kubectl rollout pause deployment/micro-api
  reached availableReplicas 4
  run kubectl get deployments
  pods
  ask "$url"
}

resume() {
  need_canary
  run kubectl rollout resume deployment/micro-api
  rolled_out
  pods
}

rollback() {
  need_canary
  run kubectl apply --kustomize k8s/update
  run kubectl rollout resume deployment/micro-api
  rolled_out
  pods
}

undo() {
  local watch
  need_canary
  printf '\n# undo while paused is refused:\n'
  run kubectl rollout undo deployment/micro-api || true
  printf '\n# resume first, then; every change of the ready pods is shown, and the old ones go before they come back:\n'
  show kubectl get replicasets --selector=app=micro-api --watch --output="$COUNTS"
  kubectl get replicasets --selector=app=micro-api --watch --output="$COUNTS" &
  watch=$!
  run kubectl rollout resume deployment/micro-api
  run kubectl rollout undo deployment/micro-api
  rolled_out
  kill "$watch"
  wait "$watch" 2>/dev/null || true
  pods
}

COUNTS='custom-columns=REPLICASET:.metadata.name,TRACK:.spec.template.metadata.labels.track,WANTED:.spec.replicas,READY:.status.readyReplicas'
context=''
url=http://127.0.0.1:19090/test/test
step=start
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --url) url=${2:?--url needs an address}; shift 2 ;;
    start | resume | rollback | undo) step=$1; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is neither a step nor an option of this script" ;;
  esac
done

need curl https://curl.se/download.html
use_context "$context"
"$step"
