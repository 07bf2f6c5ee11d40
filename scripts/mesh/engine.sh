#!/usr/bin/env bash
# A release engine on the cluster, and the service that it releases by the gate's answers.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"
# shellcheck source=versions.env
. versions.env

ARGO_ROLLOUTS_MANIFEST_URL=https://github.com/argoproj/argo-rollouts/releases/download/v${ARGO_ROLLOUTS_VERSION:?}/install.yaml
FLAGGER_KUSTOMIZATION="https://github.com/fluxcd/flagger//kustomize/istio?ref=v${FLAGGER_VERSION:?}"

usage() {
  cat <<'END'
usage: scripts/mesh/engine.sh [--context NAME] [--manifest FILE] --engine ENGINE
                              [install | deploy | remove | manifest]

Brings Argo Rollouts or Flagger to the cluster, and a service that it releases
by verdicts. Without a step: install.

  install  the engine as its project ships it, with a sidecar, by whose identity
           the gate knows it
  deploy   the service, its route and the gate: in the namespace
           canary-argo-rollouts or canary-flagger
  remove   what deploy made; the engine stays, and the service's first answer
           afterwards is 404
  manifest print what install applies, for a machine without a network; no
           cluster is asked

  --engine ENGINE  argo-rollouts or flagger
  --context NAME   kubeconfig context (default: the current one, which must be
                   kind-canary-cluster)
  --manifest FILE  the engine's own manifest: a file or an https address
                   (default: that of the release in versions.env)

Examples:
  scripts/mesh/engine.sh --engine argo-rollouts
  scripts/mesh/engine.sh --engine argo-rollouts deploy

Needs: scripts/cluster/load-images.sh, scripts/mesh/install.sh.
Next: istio/argo-rollouts/README.md, istio/flagger/README.md
END
}

# manifest: print what the engine's project ships.
manifest() {
  case $manifest in
    '' | https://*) ;;
    *) cat "$manifest"; return ;;
  esac
  if [ -n "$manifest" ] || [ "$engine" = argo-rollouts ]; then
    need curl https://curl.se/download.html
    curl --fail --silent --show-error --location "${manifest:-$ARGO_ROLLOUTS_MANIFEST_URL}"
  else
    need kubectl https://kubernetes.io/releases/download/
    command kubectl kustomize "$FLAGGER_KUSTOMIZATION"
  fi
}

install_argo_rollouts() {
  # Only the labels of the namespace are ours.
  if ! kubectl get namespace argo-rollouts >/dev/null 2>&1; then
    run kubectl create namespace argo-rollouts
    run kubectl label namespace argo-rollouts installed-by=canary-lab
  fi
  run kubectl label namespace argo-rollouts istio-injection=enabled --overwrite
  # On the server: the definitions are too long for the annotation in which kubectl would keep them. What was changed by
  # hand is as its project ships it again.
  run kubectl apply --server-side --force-conflicts --filename "${manifest:-$ARGO_ROLLOUTS_MANIFEST_URL}"
  run kubectl rollout status deployment/argo-rollouts --timeout="${WAIT_SECONDS}s"
}

install_flagger() {
  local before
  before=$(kubectl get deployment/flagger --ignore-not-found --output=name)
  if [ -n "$manifest" ]; then
    run kubectl apply --server-side --force-conflicts --filename "$manifest"
  else
    run kubectl apply --server-side --force-conflicts --kustomize "$FLAGGER_KUSTOMIZATION"
  fi
  run kubectl patch deployment/flagger \
    --patch='{"spec":{"template":{"metadata":{"labels":{"sidecar.istio.io/inject":"true"}}}}}'
  [ -n "$before" ] || run kubectl label deployment/flagger installed-by=canary-lab
  run kubectl rollout status deployment/flagger --timeout="${WAIT_SECONDS}s"
}

# apply_with_gate FOLDER: apply a folder in which the load test's image gets the name that follows its contents.
apply_with_gate() {
  local image
  image=$(scripts/cluster/loadtest-image.sh)
  printf '\n$ kubectl kustomize %s | sed s/%s/%s/ | %s\n' "$1" "canary-loadtest:$LOADTEST_VERSION" "$image" \
    "$(typed kubectl apply --filename -)"
  command kubectl kustomize "$1" | sed "s/canary-loadtest:$LOADTEST_VERSION/$image/" | kubectl apply --filename -
}

# need_controller: end with a remedy where the engine is not there, or does not run.
need_controller() {
  local controller=(kubectl get "deployment/$engine" --namespace="$home" --ignore-not-found)
  [ -n "$(command "${controller[@]}" --output=name 2>/dev/null)" ] || die "the cluster has no $engine
  install it: $(typed scripts/mesh/engine.sh --engine "$engine")"
  [ -n "$(command "${controller[@]}" --output=jsonpath='{.status.availableReplicas}')" ] || die "$engine does not run
  look at its pods: kubectl get pods --namespace=$home
  or install it again: $(typed scripts/mesh/engine.sh --engine "$engine")"
}

# need_no_release: end with a remedy while a release is under way: the file's image would be a release back.
need_no_release() {
  local phase
  phase=$(kubectl get "$watched" --ignore-not-found --output=jsonpath='{.status.phase}' 2>/dev/null) || phase=''
  case $phase in
    Progressing | Paused | Waiting | WaitingPromotion | Promoting | Finalising | Terminating)
      die "a release is under way ($phase), and to deploy is a release of the file's image
  wait for its end, or remove the service first: $(typed scripts/mesh/engine.sh --engine "$engine" remove)" ;;
  esac
}

deploy() {
  need_no_release
  run kubectl apply --filename "istio/$engine/namespace.yaml"
  run kubectl apply --filename istio/gateway.yaml
  # Once: from the first release on the weights and the subsets' labels are the engine's.
  if [ "$engine" = argo-rollouts ] && [ -z "$(kubectl get virtualservice/micro-api-route --ignore-not-found --output=name)" ]; then
    run kubectl apply --server-side --kustomize istio/argo-rollouts/route
  fi
  apply_with_gate "istio/$engine"
  if [ "$engine" = argo-rollouts ]; then
    run kubectl wait --for=jsonpath='{.status.phase}'=Healthy rollout/micro-api --timeout="${WAIT_SECONDS}s"
  else
    run kubectl wait --for=condition=Promoted canary/micro-api --timeout="${WAIT_SECONDS}s"
  fi
  rolled_out micro-api-gate
}

remove() {
  # Flagger takes the primary with the Canary, so that it goes first, and before its namespace is closed to it.
  if [ "$engine" = flagger ]; then
    run kubectl delete canary/micro-api --ignore-not-found --timeout="${WAIT_SECONDS}s"
  fi
  run kubectl delete namespace "$namespace" --ignore-not-found --timeout="${WAIT_SECONDS}s"
  printf '\n# The engine and its definitions stay; scripts/cluster/remove.sh engines removes them.\n'
}

context=''
engine=''
manifest=''
options 'context: engine: manifest:' 'install deploy remove manifest' "$@"

case $engine in
  argo-rollouts) home=argo-rollouts watched=rollout/micro-api ;;
  flagger) home=istio-system watched=canary/micro-api ;;
  '') misused '--engine is missing: argo-rollouts or flagger' ;;
  *) misused "unknown engine: $engine" ;;
esac
step=${argument:-install}
if [ "$step" = manifest ]; then
  manifest
  exit
fi
namespace=canary-$engine
# What a failed installation shows are the pods of the engine.
if [ "$step" = install ]; then namespace=$home; fi
use_context "$context" "$namespace"
need_istio
if [ "$step" = install ]; then
  "install_${engine//-/_}"
  exit
fi
[ "$step" = remove ] || need_controller
"$step"
