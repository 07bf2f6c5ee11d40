#!/usr/bin/env bash
# Releases the canary in the mesh step by step, each step by the load test's verdict, or takes it back.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/rollout.sh [--context NAME] [--namespace NAME] [--url URL]
                               [--steps PERCENT,...] [--record FILE]

Gives the canary one weight after the other with scripts/mesh/set-state.sh, each
step only by the load test's go-ahead for the next one. Where a step is REFUTED,
it goes back to 100-0 in one write, and proves that by traffic ten seconds
later. Ctrl-C leaves traffic where it is; the same command goes on with the same
counts.

  --context NAME       kubeconfig context (default: the current one, which must
                       be kind-canary-cluster)
  --namespace NAME     where it runs (canary-mesh)
  --url URL            where the requests go (default: the port of 127.0.0.1
                       that leads to this cluster, if it is one of kind)
  --steps PERCENT,...  the canary's weights on the way to 100 (10,50); each
                       needs its file under istio/
  --record FILE        what was released, when, on which counts (rollout.json)

LOCUST_ALPHA, LOCUST_MAX_SLOWDOWN and all other variables of the load test hold.

Exit codes: 0 released, 10 taken back with proof, 11 held, 12 taken back, but
requests may still reach the canary; 1 a command failed; 130 interrupted.

Examples:
  scripts/mesh/rollout.sh
  scripts/mesh/rollout.sh --steps 30 --record /tmp/rollout.json

Needs: scripts/mesh/flow.sh, and `make install` for the load test.
END
}

context=''
namespace=$MESH_NAMESPACE
url=''
steps=10,50
record=rollout.json
options 'context: namespace: url: steps: record:' '' "$@"
need_python
"$PYTHON" -c 'import locust' 2>/dev/null || die "the load test is not installed for $PYTHON
  install it: make install"
use_context "$context" "$namespace"
need_istio
need_service scripts/mesh/flow.sh
need_address "$GATEWAY_NODE_PORT"
origin=${url%/test/test}
host=micro-api.$namespace.svc.cluster.local
load_test=$(typed "$PYTHON" loadtest locust --headless --skip-log-setup -u 10 -r 10 -t 300s \
  --host "$origin" --host-header "$host")
# Other pods are another release: counts of these say nothing of them.
pods=$(kubectl get deployment/micro-api-v1 deployment/micro-api-v2 \
  --output=jsonpath='{range .items[*]}{.metadata.uid}{.spec.template.spec.containers}{end}' | cksum)
"$PYTHON" -m scripts.rollout --subject "$namespace, pods ${pods%% *}" --steps "$steps" --record "$record" --url "$origin" --host "$host" \
  --set-weight "$(typed scripts/mesh/set-state.sh --any-status) {route}" --load-test "$load_test"
