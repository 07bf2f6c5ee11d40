#!/usr/bin/env bash
# Installs Istio on the cluster.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/mesh/install.sh [--context NAME] [--file FILE]

Installs Istio with its CNI plugin and an ingress gateway at 127.0.0.1:19080,
and waits until all of it is ready. An existing installation is updated to what
the file says. scripts/cluster/remove.sh mesh removes it, unless it was there
before.

  --context NAME  kubeconfig context (default: the current one, which must be
                  kind-canary-cluster)
  --file FILE     what to install (istio/install/operator.yaml)

Examples:
  scripts/mesh/install.sh
  scripts/mesh/install.sh --context kind-second --file my-operator.yaml

Before: scripts/cluster/up.sh. Next: scripts/mesh/flow.sh
END
}

context=''
file=istio/install/operator.yaml
options 'context: file:' '' "$@"

need istioctl https://istio.io/latest/docs/setup/getting-started/#download
[ -f "$file" ] || die "there is no file $file
  name an IstioOperator with --file FILE"
use_context "$context" istio-system
before=$(kubectl get namespace istio-system --ignore-not-found --output=name)
run istioctl install --skip-confirmation --filename "$file" --readiness-timeout "${WAIT_SECONDS}s"
[ -n "$before" ] || run kubectl label namespace istio-system installed-by=canary-lab
run kubectl get pods
