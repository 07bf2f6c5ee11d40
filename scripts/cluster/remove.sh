#!/usr/bin/env bash
# Removes what one part of the project has made on a cluster, and says what it leaves.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
usage: scripts/cluster/remove.sh [--context NAME] [--namespace NAME] PART

Removes what a part has made on a cluster, and says what it leaves. Nothing to
remove is no error.

  load        what load tests left, in the namespaces of the flows
  flows       the plain flows, and their namespaces canary-rollout and article
  mesh        the flow with Istio, its namespace canary-mesh, and Istio itself
              if scripts/mesh/install.sh has brought it
  monitoring  Prometheus, in the namespaces of the flows
  engines     the services that Argo Rollouts and Flagger release, and an engine
              that scripts/mesh/engine.sh has brought, unless others use it

  --context NAME    kubeconfig context (default: the current one, which must be
                    kind-canary-cluster)
  --namespace NAME  a namespace of your own, which stays: only what the part
                    has made in it goes

Examples:
  scripts/cluster/remove.sh load
  scripts/cluster/remove.sh mesh
  scripts/cluster/remove.sh --context kind-second --namespace mine flows

The cluster itself: scripts/cluster/down.sh. The lab, images and environment of
this machine: make clean
END
}

# delete ARGUMENT...: what is not there is no error, and what does not go is one after a while.
delete() {
  run kubectl delete --ignore-not-found --timeout="${WAIT_SECONDS}s" "$@"
}

# in_namespaces COMMAND...: run it in each namespace of the flows, or in the one that the user has named.
in_namespaces() {
  local each
  for each in ${namespace:-$NAMESPACE $MESH_NAMESPACE}; do
    at "$each"
    [ -z "$(kubectl get namespace "$each" --ignore-not-found --output=name)" ] || "$@"
  done
}

# at NAMESPACE: from here on work there.
at() {
  KUBECTL_FLAGS=(${CONTEXT_FLAGS[@]+"${CONTEXT_FLAGS[@]}"} "--namespace=$1")
}

# delete_namespace NAME: a namespace is in none.
delete_namespace() {
  KUBECTL_FLAGS=(${CONTEXT_FLAGS[@]+"${CONTEXT_FLAGS[@]}"})
  delete namespace "$1"
}

# knows KIND: whether the cluster knows a custom resource.
knows() {
  [ -n "$(kubectl get crd "$1" --ignore-not-found --output=name)" ]
}

left() {
  printf '# left: %s\n' "$1"
}

load() {
  in_namespaces delete jobs,pods,services,configmaps,serviceaccounts --selector=app=loadtest
  left 'nothing of the load tests'
}

flows() {
  at "${namespace:-$NAMESPACE}"
  if [ -z "$namespace" ]; then
    delete_namespace "$NAMESPACE"
    delete_namespace "$ARTICLE_NAMESPACE"
    left 'the images on the node'
  else
    delete --filename k8s/node-port.yaml
    delete --kustomize k8s/with-options
    left "the namespace $namespace, and the images on the node"
  fi
}

mesh() {
  local istio stays='the images on the node'
  at "${namespace:-$MESH_NAMESPACE}"
  if [ -z "$namespace" ]; then
    delete_namespace "$MESH_NAMESPACE"
  else
    if knows virtualservices.networking.istio.io; then
      delete virtualservice/micro-api-route destinationrule/micro-api-destination gateways.networking.istio.io/micro-gateway
      delete peerauthentication/default authorizationpolicy/micro-api
    fi
    ! knows httproutes.gateway.networking.k8s.io || delete httproute/micro-api-route
    delete --filename istio/gateway-api/services.yaml
    delete --kustomize istio/workloads
    stays+=", the namespace $namespace"
  fi
  at istio-system
  ! knows gateways.gateway.networking.k8s.io || delete gateways.gateway.networking.k8s.io/micro-gateway
  istio=$(kubectl get namespace istio-system --ignore-not-found --output=jsonpath='{.metadata.name} {.metadata.labels.installed-by}')
  if [ "$istio" = 'istio-system canary-lab' ]; then
    need istioctl https://istio.io/latest/docs/setup/getting-started/#download
    run istioctl uninstall --purge --skip-confirmation
    delete_namespace istio-system
  elif [ -n "$istio" ]; then
    stays+=', Istio, which scripts/mesh/install.sh has not brought'
  fi
  left "$stays"
  ! knows gateways.gateway.networking.k8s.io ||
    left "the Gateway API: kubectl delete --filename tests/data/gateway-api/crds.yaml removes it, and every route of it"
}

monitoring() {
  in_namespaces without_prometheus
  at istio-system
  delete --filename monitoring/mesh/gateway-role.yaml
  left 'nothing of the monitoring'
}

engines() {
  without_engine argo-rollouts rollouts.argoproj.io namespace/argo-rollouts
  without_engine flagger canaries.flagger.app deployment/flagger
}

# without_engine NAME DEFINITION OBJECT: the object has the label by which it is known who has brought the engine.
without_engine() {
  local brought users
  at istio-system
  if ! knows "$2"; then
    delete_namespace "canary-$1"
    left "nothing of $1"
    return
  fi
  # Flagger takes what it has made with the Canary, so that it goes first, and before its namespace is closed to it.
  at "canary-$1"
  [ "$1" = argo-rollouts ] || delete canary/micro-api
  delete_namespace "canary-$1"
  at istio-system
  brought=$(kubectl get "$3" --ignore-not-found --output=jsonpath='{.metadata.labels.installed-by}')
  users=$(kubectl get "$2" --all-namespaces --output=jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}')
  if [ "$brought" != canary-lab ]; then
    left "$1, which scripts/mesh/engine.sh has not brought"
  elif [ -n "$users" ]; then
    left "$1, which releases $users"
  else
    "without_${1//-/_}"
    left "nothing of $1"
  fi
}

without_argo_rollouts() {
  delete_namespace argo-rollouts
  delete clusterroles,clusterrolebindings --selector=app.kubernetes.io/part-of=argo-rollouts
  delete crd {rollouts,analysisruns,analysistemplates,clusteranalysistemplates,experiments}.argoproj.io
}

without_flagger() {
  delete deployment/flagger serviceaccount/flagger
  delete clusterrole/flagger clusterrolebinding/flagger
  delete crd {canaries,metrictemplates,alertproviders}.flagger.app
}

without_prometheus() {
  local object
  delete --kustomize monitoring/kubernetes
  # The names of its ConfigMaps end in a hash of what is in them: one of each change.
  for object in $(kubectl get configmaps --output=name | grep -E '^configmap/prometheus(-rules)?-[a-z0-9]{10}$' || true); do
    delete "$object"
  done
}

context=''
namespace=''
options 'context: namespace:' 'load flows mesh monitoring engines' "$@"
[ -n "$argument" ] || misused "name a part: load, flows, mesh, monitoring or engines"

use_context "$context" "${namespace:-$NAMESPACE}"
"$argument"
