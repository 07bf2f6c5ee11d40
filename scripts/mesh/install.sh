#!/usr/bin/env bash
# Installs Istio on the lab's cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/cluster/lib.sh
. scripts/cluster/lib.sh

usage() {
  cat <<'END'
usage: scripts/mesh/install.sh [--context NAME] [--file FILE]

Installs Istio with its CNI plugin and an ingress gateway at 127.0.0.1:19080, and waits until all of it is ready. Where
it is there already it is brought to what the file says.

  --context NAME  the kubeconfig context to work on; by default the current one, if it is the lab's
  --file FILE     what to install (istio/install/operator.yaml)

Examples:
  scripts/mesh/install.sh
  scripts/mesh/install.sh --context kind-second --file my-operator.yaml

Before: scripts/cluster/up.sh. Next: scripts/mesh/flow.sh
END
}

context=''
file=istio/install/operator.yaml
while [ $# -gt 0 ]; do
  case $1 in
    --context) context=${2:?--context needs a name}; shift 2 ;;
    --file) file=${2:?--file needs a file}; shift 2 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; die "$1 is no option of this script" ;;
  esac
done

need istioctl https://istio.io/latest/docs/setup/getting-started/#download
[ -f "$file" ] || die "there is no file $file: name an IstioOperator with --file FILE"
NAMESPACE=istio-system
use_context "$context"
run istioctl install --skip-confirmation --filename "$file" --readiness-timeout "${WAIT_SECONDS}s"
run kubectl get pods
