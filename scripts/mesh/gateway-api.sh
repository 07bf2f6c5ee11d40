#!/usr/bin/env bash
# Adds the Gateway API's resource definitions to the cluster: neither Kubernetes nor Istio includes them.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/gateway-api.sh [--context NAME] [--crds FILE]

Adds the resource definitions of the Gateway API to the cluster, and waits until
Istio serves them.

  --context NAME  kubeconfig context (default: the current one, which must be
                  kind-canary-cluster)
  --crds FILE     a file or an https address with the definitions (the part of
                  the release that is used, tests/data/gateway-api/crds.yaml)

Examples:
  scripts/mesh/gateway-api.sh
  scripts/mesh/gateway-api.sh --crds my-crds.yaml

Before: scripts/mesh/install.sh.
Next: scripts/mesh/set-state.sh gateway-api/100-0
END
}

context=''
crds=tests/data/gateway-api/crds.yaml
options 'context: crds:' '' "$@"

case $crds in
  https://*) ;;
  *) [ -f "$crds" ] || die "there is no file $crds
  name one with the definitions, such as tests/data/gateway-api/crds.yaml" ;;
esac
use_context "$context" "$NAMESPACE"
need_istio
# On the server: the definitions are too long for the annotation in which kubectl would keep them.
run kubectl apply --server-side --filename "$crds"
run kubectl wait --for=create gatewayclass/istio --timeout="${WAIT_SECONDS}s"
run kubectl wait --for=condition=Accepted gatewayclass/istio --timeout="${WAIT_SECONDS}s"
