#!/usr/bin/env bash
# The article's second flow: an update that is paused halfway is a canary; then on to the new version, or back.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/pause.sh [--context NAME] [--namespace NAME] [--url URL]
                                [start | resume | rollback | undo]

Runs a step of the paused canary, and shows each command as one would type it.
Without a step: start.

  start     1.1-SNAPSHOT everywhere, then two pods of the canary 1.3-SNAPSHOT
            next to two old ones, and ten calls
  resume    the canary is good: it replaces the old version
  rollback  the canary is bad: the old manifest while paused, then resume; the
            two old pods stay all the time
  undo      a counter-example: resume and then undo, with the pod counts that
            show the harm

  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  where it runs (canary-rollout)
  --url URL         where the calls go (default: the port of 127.0.0.1 that
                    leads to this cluster, if it is one of kind)

Examples:
  scripts/cluster/pause.sh
  scripts/cluster/pause.sh rollback
  scripts/cluster/pause.sh --context kind-second \
    --url http://127.0.0.1:32768/test/test start

Needs: scripts/cluster/rolling.sh. Between the steps: scripts/cluster/measure.sh
END
}

need_canary() {
  is_paused || die "the rollout is not paused
  create a canary first: scripts/cluster/pause.sh start"
}

pods() {
  run kubectl get pods --selector=app=micro-api --label-columns=track,pod-template-hash
}

start() {
  need_service scripts/cluster/rolling.sh
  need_unpaused
  need_address "$SERVICE_NODE_PORT"
  run kubectl apply --kustomize k8s/update
  rolled_out
  HALF_DONE=hold_canary
  run kubectl apply --kustomize k8s/canary
  # Paused at once there may be one new pod, some seconds later no old one: wait for two.
  reached updatedReplicas 2
  run kubectl rollout pause deployment/micro-api
  HALF_DONE=''
  reached availableReplicas 4
  run kubectl get deployments
  pods
  ask "$url"
}

# hold_canary: pause after all, where `start` was interrupted: without it the canary would go everywhere.
hold_canary() {
  kubectl rollout pause deployment/micro-api &&
    printf 'The canary is paused; it is removed by scripts/cluster/pause.sh rollback\n'
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
  printf '\n# resume, then undo; a watch shows that the old pods go before they come back:\n'
  show kubectl get replicasets --selector=app=micro-api --watch --output="$COUNTS"
  # The program itself, not the function, whose shell would be ended in its place.
  command kubectl ${KUBECTL_FLAGS[@]+"${KUBECTL_FLAGS[@]}"} get replicasets --selector=app=micro-api --watch \
    --output="$COUNTS" &
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
namespace=$NAMESPACE
url=''
options 'context: namespace: url:' 'start resume rollback undo' "$@"

need curl https://curl.se/download.html
use_context "$context" "$namespace"
"${argument:-start}"
