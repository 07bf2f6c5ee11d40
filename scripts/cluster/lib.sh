# shellcheck shell=bash
# What the cluster scripts share: commands that are shown before they run, one context for the whole run, and an
# explanation when something fails. To be sourced. Written for bash 3.2, which is what macOS has.

CLUSTER_NAME=canary-cluster
NAMESPACE=canary-rollout
# Where the pods have sidecars; a script of the Istio flow makes it its NAMESPACE.
# shellcheck disable=SC2034
MESH_NAMESPACE=canary-mesh
# What any step may take; a pod's grace period (30 s) and an update of three pods fit in.
WAIT_SECONDS=150

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 2
}

# need COMMAND WHERE: end with a remedy where a program is missing.
need() {
  command -v "$1" >/dev/null || die "$1 is not on the PATH: see $2"
}

# show COMMAND...: print a command as one would type it.
show() {
  local line='$' word
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=,@%+-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '\n%s\n' "$line"
}

# run COMMAND...: show a command, then run it.
run() {
  show "$@"
  "$@"
}

# use_context NAME: have all that follows work on one cluster and in the lab's namespace, whatever another terminal
# switches to meanwhile. Without a name the current context must be the lab's.
use_context() {
  local context=$1 current lab=kind-$CLUSTER_NAME
  need kubectl https://kubernetes.io/docs/tasks/tools/
  if [ -z "$context" ]; then
    current=$(kubectl config current-context 2>/dev/null) || current='(none)'
    [ "$current" = "$lab" ] ||
      die "the current context is $current and not the lab's, $lab: make it with scripts/cluster/up.sh, switch to it with 'kubectl config use-context $lab', or name another with --context NAME"
    context=$lab
  fi
  WORK=$(mktemp -d)
  trap 'finish $?' EXIT
  kubectl config view --raw --minify --flatten --context="$context" >"$WORK/kubeconfig" ||
    die "the kubeconfig has no context $context: 'kubectl config get-contexts' lists those that it has"
  export KUBECONFIG=$WORK/kubeconfig
  kubectl config set-context "$context" --namespace="$NAMESPACE" >/dev/null
  printf '# context %s, namespace %s\n' "$context" "$NAMESPACE"
}

# finish STATUS: at the end of a script; where it failed, show what tells why. Nothing goes on in the background.
finish() {
  jobs -p | xargs kill 2>/dev/null || true
  [ "$1" -eq 0 ] || [ "$1" -eq 2 ] || explain >&2
  rm -rf "$WORK"
}

explain() {
  printf '\n%s failed. What the cluster says:\n' "${0##*/}"
  run kubectl get pods --output=wide || true
  show kubectl get events --sort-by=.metadata.creationTimestamp
  kubectl get events --sort-by=.metadata.creationTimestamp | tail -n 20 || true
  run kubectl logs --selector='app in (micro-api,loadtest)' --prefix --tail=3 || true
}

# rolled_out [NAME]: wait until a Deployment has what it was told to have.
rolled_out() {
  run kubectl rollout status "deployment/${1:-micro-api}" --timeout="${WAIT_SECONDS}s"
}

# reached FIELD NUMBER: wait until a field of the Deployment's status has a value.
reached() {
  run kubectl wait deployment/micro-api --for=jsonpath="{.status.$1}"="$2" --timeout="${WAIT_SECONDS}s"
}

# ask URL [HOST]: the article's ten calls. Each gets a line of its own, since the bodies end without a newline.
ask() {
  local body host=${2:-}
  # shellcheck disable=SC2016  # to be read, not expanded
  printf '\n$ for i in {1..10}; do curl %s%s; done\n' "${host:+--header 'Host: $host' }" "$1"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    body=$(curl --silent --show-error --noproxy '*' --max-time 10 ${host:+--header "Host: $host"} "$1") || return 1
    printf '%s\n' "$body"
  done
}

# is_declared KIND: tell whether there are routes of a kind, `virtualservice` or `httproute`; where the cluster does not
# know the kind, there are none.
is_declared() {
  [ -n "$(kubectl get "$1/micro-api-route" --ignore-not-found --output=name 2>/dev/null)" ]
}

# judged_load_test MANIFEST PERCENT: run a load test in the cluster that expects a share of V3 answers, and end the
# script with its verdict.
judged_load_test() {
  local terminated verdict
  run kubectl delete jobs/loadtest jobs/loadtest-workers configmaps/loadtest --ignore-not-found --cascade=foreground
  # A release asks more than once, so that each verdict has to be surer than a single one.
  run kubectl create configmap loadtest --from-literal=LOCUST_EXPECT_CANARY="$2" --from-literal=LOCUST_ALPHA="${LOCUST_ALPHA:-0.01}"
  run kubectl apply --kustomize "$1"

  # Not for the Job: it completes or fails, and `kubectl wait` knows no "or". The pod ends in either case.
  run kubectl wait pod --selector=job-name=loadtest --for=create --timeout="${WAIT_SECONDS}s"
  run kubectl wait pod --selector=job-name=loadtest --for=jsonpath='{.status.containerStatuses[0].state.terminated}' --timeout="${WAIT_SECONDS}s"
  # Not from the log, which mixes the verdict with what Locust prints beside it.
  terminated='.items[0].status.containerStatuses[0].state.terminated'
  run kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.message}"
  show kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.exitCode}"
  verdict=$(kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.exitCode}")
  printf '%s\n' "$verdict"
  case $verdict in
    0 | 10 | 11) trap 'finish 0' EXIT ;;  # a verdict, whichever it is, is no failure to explain
  esac
  exit "$verdict"
}
