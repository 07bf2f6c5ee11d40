#!/usr/bin/env bash
# The article's first flow: a rolling update from 1.0-SNAPSHOT to 1.1-SNAPSHOT, and back.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/cluster/rolling.sh [--context NAME] [deploy | update | undo]

Runs a step of the rolling update, each command shown as one would type it. Without a step: deploy and update.

  deploy  three pods of 1.0-SNAPSHOT, and the door for this machine's load
  update  to 1.1-SNAPSHOT, pod by pod
  undo    back to the revision before

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's

Examples:
  scripts/cluster/rolling.sh
  scripts/cluster/rolling.sh undo
  scripts/cluster/rolling.sh --context kind-second deploy

Next: scripts/cluster/pause.sh
END
}

deploy() {
  run kubectl apply --filename k8s/namespace.yaml
  run kubectl apply --kustomize k8s/base
  run kubectl apply --filename k8s/node-port.yaml
  rolled_out
  run kubectl get deployments
}

update() {
  run kubectl set image deployment/micro-api micro-api=micro-api:1.1-SNAPSHOT
  rolled_out
  run kubectl rollout history deployment/micro-api
  run kubectl get replicasets --output=wide
}

undo() {
  run kubectl rollout undo deployment/micro-api
  rolled_out
  run kubectl rollout history deployment/micro-api
  run kubectl get replicasets --output=wide
}

context=''
step=all
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    deploy | update | undo) step=$1; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is neither a step nor an option of this script" ;;
  esac
done

use_context "$context"
case $step in
  all) deploy; update ;;
  *) "$step" ;;
esac
