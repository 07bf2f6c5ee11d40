# shellcheck shell=bash
# What the cluster's scripts share: one loop over options, commands that are shown before they run, one context for the
# whole run, and an explanation when something fails. Written for bash 3.2, which macOS has.

# From the repository's root, wherever the script was called from.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

CLUSTER_NAME=canary-cluster
NAMESPACE=canary-rollout
# Where the pods have sidecars, and the host by which its routes know the service.
# shellcheck disable=SC2034
MESH_NAMESPACE=canary-mesh
# shellcheck disable=SC2034
MESH_HOST=micro-api.$MESH_NAMESPACE.svc.cluster.local
# The limit of each step; a pod's grace period (30 s) and an update of three pods fit in.
WAIT_SECONDS=150

# die MESSAGE: end as wrong usage does.
die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 2
}

# options "NAMES" "WORDS" ARGUMENT...: read a script's arguments into variables.
#   NAMES  the options: `name:` takes a value, into $name; `name` is a switch, and sets $name to yes
#   WORDS  the arguments besides options, of which there may be one, into $argument; `*` allows any
# An option that is not among them ends the script with its usage.
options() {
  # Names with an underscore in front: a local `name` would hide the one of the script, which is to be set.
  local _names=" $1 " _words=" $2 " _name
  shift 2
  argument=''
  while [ $# -gt 0 ]; do
    _name=${1#--}
    case $1 in
      -h | --help) usage; exit ;;
      -*)
        case $_names in
          *" $_name: "*)
            [ -n "${2:-}" ] || misused "$1 needs a value"
            printf -v "${_name//-/_}" %s "$2"
            shift
            ;;
          *" $_name "*) printf -v "${_name//-/_}" yes ;;
          *) misused "unknown option: $1" ;;
        esac
        ;;
      *)
        case $_words in
          ' * ' | *" $1 "*) ;;
          *) misused "unknown argument: $1" ;;
        esac
        [ -z "$argument" ] || misused "one argument at a time: $argument or $1"
        argument=$1
        ;;
    esac
    shift
  done
}

# misused MESSAGE: end with the usage and what is wrong.
misused() {
  usage >&2
  die "$1"
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

# use_context NAME [NAMESPACE]: from here on work on one cluster and in one namespace, even if another terminal switches
# the context meanwhile. Without a name the current context must be that of the project's cluster.
use_context() {
  local context=$1 namespace=${2:-$NAMESPACE} current own=kind-$CLUSTER_NAME
  need kubectl https://kubernetes.io/docs/tasks/tools/
  if [ -z "$context" ]; then
    current=$(kubectl config current-context 2>/dev/null) || current='(none)'
    [ "$current" = "$own" ] ||
      die "the current context is $current, not the project's cluster ($own)
  create the cluster:      scripts/cluster/up.sh
  or switch to it:         kubectl config use-context $own
  or name another context: --context NAME"
    context=$own
  fi
  WORK=$(mktemp -d)
  trap 'finish $?' EXIT
  kubectl config view --raw --minify --flatten --context="$context" >"$WORK/kubeconfig" ||
    die "the kubeconfig has no context $context
  list the contexts that it has: kubectl config get-contexts"
  export KUBECONFIG=$WORK/kubeconfig
  kubectl config set-context "$context" --namespace="$namespace" >/dev/null
  printf '# context %s, namespace %s\n' "$context" "$namespace"
}

# finish STATUS: at the end of a script; where it failed, show why. Nothing stays in the background.
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

# rolled_out [NAME]: wait until a Deployment's rollout is complete.
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

# judged_load_test MANIFEST PERCENT: run a load test in the cluster that expects a share of canary answers, and end the
# script with the exit code of its verdict.
judged_load_test() {
  local terminated verdict
  run kubectl delete jobs/loadtest jobs/loadtest-workers configmaps/loadtest --ignore-not-found --cascade=foreground
  # A release runs several checks, so each has to be surer than a single one.
  run kubectl create configmap loadtest --from-literal=LOCUST_EXPECT_CANARY="$2" --from-literal=LOCUST_ALPHA="${LOCUST_ALPHA:-0.01}"
  run kubectl apply --kustomize "$1"

  # Not for the Job: it completes or fails, and `kubectl wait` has no "or". The pod ends in either case.
  run kubectl wait pod --selector=job-name=loadtest --for=create --timeout="${WAIT_SECONDS}s"
  run kubectl wait pod --selector=job-name=loadtest --for=jsonpath='{.status.containerStatuses[0].state.terminated}' --timeout="${WAIT_SECONDS}s"
  # Not from the log, which mixes the verdict with Locust's own lines.
  terminated='.items[0].status.containerStatuses[0].state.terminated'
  run kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.message}"
  show kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.exitCode}"
  verdict=$(kubectl get pods --selector=job-name=loadtest --output=jsonpath="{$terminated.exitCode}")
  printf '%s\n' "$verdict"
  case $verdict in
    0 | 10 | 11) trap 'finish 0' EXIT ;;  # a verdict of any kind is not a failure to explain
  esac
  exit "$verdict"
}
