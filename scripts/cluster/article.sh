#!/usr/bin/env bash
# Counts what the article's own manifest loses in one rolling update.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/article.sh [--context NAME]

Deploys the article's manifest, k8s/article/micro-api.yaml, in the namespace
article, updates it under load from inside the cluster, and ends with the load
test's table: the row "other" counts the requests that the update lost, by kind.
The same update of k8s/base loses none. scripts/cluster/remove.sh flows removes
it.

  --context NAME  kubeconfig context (default: the current one, which must be
                  kind-canary-cluster)

Examples:
  scripts/cluster/article.sh
  scripts/cluster/article.sh --context kind-second

Needs: scripts/cluster/load-images.sh
END
}

# update_under_load: once the load is there, the article's own command.
update_under_load() {
  local pods=--selector=app=loadtest,role=worker
  kubectl wait pod "$pods" --for=create --timeout="${WAIT_SECONDS}s" >/dev/null
  kubectl wait pod "$pods" --for=condition=Ready --timeout="${WAIT_SECONDS}s" >/dev/null
  sleep 5 # until the users are there
  run kubectl set image deployment/micro-api micro-api=micro-api:1.1-SNAPSHOT
  rolled_out
}

context=''
options 'context:' '' "$@"

use_context "$context" "$ARTICLE_NAMESPACE"
if [ -z "$(kubectl get namespace "$ARTICLE_NAMESPACE" --ignore-not-found --output=name)" ]; then
  run kubectl create namespace "$ARTICLE_NAMESPACE"
fi
run kubectl apply --filename k8s/article/micro-api.yaml
rolled_out
update_under_load &
LOAD_SETTINGS=(--from-literal=LOCUST_KEEP_GOING=true --from-literal=LOCUST_RUN_TIME=45s)
judged_load_test k8s/load 0
