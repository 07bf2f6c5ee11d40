#!/usr/bin/env bash
# Creates the cluster with kind, and the namespace of the plain flows in it.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.env
. versions.env

usage() {
  cat <<'END'
usage: scripts/cluster/up.sh [--name NAME] [--namespace NAME] [--config FILE]
                             [--port PORT] [--gateway-port PORT] [--image IMAGE]

Creates a cluster with kind and the namespace canary-rollout in it, and makes it
the current context. An existing cluster is left as it is.

  --name NAME          the cluster's name (canary-cluster); its context is
                       kind-NAME
  --namespace NAME     the namespace of the plain flows (canary-rollout)
  --config FILE        kind's configuration (scripts/cluster/kind.yaml)
  --port PORT          the port of 127.0.0.1 that leads to the service (19090);
                       0: any that is free
  --gateway-port PORT  the port that leads to Istio's gateway (19080)
  --image IMAGE        the node's image (the variable NODE_IMAGE, else the one
                       of versions.env, by its digest)

Examples:
  scripts/cluster/up.sh
  scripts/cluster/up.sh --name second --port 0 --gateway-port 0
  NODE_IMAGE=mirror.example/kindest/node:v1.36.4 scripts/cluster/up.sh

Next: scripts/cluster/load-images.sh
END
}

# create: make the cluster, or nothing: kind leaves half of one where it is interrupted.
create() {
  local ports
  # shellcheck disable=SC2317  # the trap calls it
  interrupted() {
    trap '' INT TERM
    printf '\n%s: interrupted; removing what there is of %s\n' "${0##*/}" "$name" >&2
    kind delete cluster --name "$name" >/dev/null 2>&1 || true
    exit 130
  }
  trap interrupted INT TERM
  case $port$gateway_port in
    '') run kind create cluster --name "$name" --image "$image" --config "$config" --wait 120s ;;
    *)
      ports="s/hostPort: 19090\$/hostPort: ${port:-19090}/; s/hostPort: 19080\$/hostPort: ${gateway_port:-19080}/"
      printf "\n\$ sed '%s' %s | %s\n" "$ports" "$config" \
        "$(typed kind create cluster --name "$name" --image "$image" --config - --wait 120s)"
      sed "$ports" "$config" | kind create cluster --name "$name" --image "$image" --config - --wait 120s
      ;;
  esac
  trap - TERM
  end_at_interrupt
}

name=$CLUSTER_NAME
namespace=$NAMESPACE
config=scripts/cluster/kind.yaml
port=''
gateway_port=''
image=${NODE_IMAGE:-kindest/node:v$KUBERNETES_VERSION@$NODE_IMAGE_DIGEST}
options 'name: namespace: config: port: gateway-port: image:' '' "$@"

for number in "${port:-0}" "${gateway_port:-0}"; do
  case $number in *[!0-9]*) misused "not a port: $number" ;; esac
done
[ -f "$config" ] || die "there is no file $config
  name kind's configuration with --config FILE"
need_engine
need kind https://kind.sigs.k8s.io/docs/user/quick-start/#installation
need kubectl https://kubernetes.io/docs/tasks/tools/

context=kind-$name
broken="the cluster $name is there, but only half of it works
  remove it first: scripts/cluster/down.sh --name $name"
if kind get clusters 2>/dev/null | grep -xF "$name" >/dev/null; then
  printf '# the cluster %s exists already\n' "$name"
  run kind export kubeconfig --name "$name" || die "$broken"
  command kubectl --context="$context" wait nodes --all --for=condition=Ready --timeout=30s >/dev/null || die "$broken"
else
  create
fi
CONTEXT_FLAGS=("--context=$context")
KUBECTL_FLAGS=("--context=$context")
run_renamed k8s/namespace.yaml "$NAMESPACE" "$namespace"
KUBECTL_FLAGS=()
run kubectl config set-context "$context" --namespace="$namespace"
