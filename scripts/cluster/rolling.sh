#!/usr/bin/env bash
# The article's first flow: a rolling update from 1.0-SNAPSHOT to 1.1-SNAPSHOT, and back.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/rolling.sh [--context NAME] [--namespace NAME]
                                  [deploy | update | undo]

Runs a step of the rolling update, and shows each command as one would type it.
Without a step: deploy, then update.

  deploy  three pods of 1.0-SNAPSHOT, and the node port for load from this
          machine
  update  to 1.1-SNAPSHOT, pod by pod
  undo    back to the revision before

  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  where it runs (canary-rollout)

Examples:
  scripts/cluster/rolling.sh
  scripts/cluster/rolling.sh undo
  scripts/cluster/rolling.sh --context kind-second deploy

Next: scripts/cluster/pause.sh
END
}

deploy() {
  run_renamed k8s/namespace.yaml "$NAMESPACE" "$namespace"
  run kubectl apply --kustomize k8s/base
  run kubectl apply --filename k8s/node-port.yaml
  rolled_out
  run kubectl get deployments
}

update() {
  run kubectl set image deployment/micro-api micro-api=micro-api:1.1-SNAPSHOT
  show_rollout
}

undo() {
  run kubectl rollout undo deployment/micro-api
  show_rollout
}

show_rollout() {
  rolled_out
  run kubectl rollout history deployment/micro-api
  run kubectl get replicasets --output=wide
}

context=''
namespace=$NAMESPACE
options 'context: namespace:' 'deploy update undo' "$@"

use_context "$context" "$namespace"
need_unpaused
case $argument in
  '') deploy; update ;;
  deploy) deploy ;;
  *) need_service scripts/cluster/rolling.sh; "$argument" ;;
esac
