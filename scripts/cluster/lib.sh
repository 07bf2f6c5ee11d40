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

# The name of the load test's run that the script has made on the cluster, which its end removes.
RUN=''

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

# need_python: have a Python that is new enough in $PYTHON. macOS's own is not.
need_python() {
  PYTHON=$(scripts/setup/python.sh) || exit 2
  [ "$PYTHON" = .venv/bin/python ] ||
    printf '# there is no .venv: using %s; for another: PYTHON=/path/to/python ...\n' "$PYTHON"
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
  trap 'exit 130' INT
  kubectl config view --raw --minify --flatten --context="$context" >"$WORK/kubeconfig" ||
    die "the kubeconfig has no context $context
  list the contexts that it has: kubectl config get-contexts"
  export KUBECONFIG=$WORK/kubeconfig
  kubectl config set-context "$context" --namespace="$namespace" >/dev/null
  printf '# context %s, namespace %s\n' "$context" "$namespace"
}

# finish STATUS: at the end of a script; where it failed by itself, show why. Nothing stays in the background, and nothing
# of a load test's run on the cluster.
finish() {
  jobs -p | xargs kill 2>/dev/null || true
  case $1 in
    0 | 2 | 130) ;;
    *) explain >&2 ;;
  esac
  [ -z "$RUN" ] ||
    run kubectl delete "jobs/$RUN" "jobs/$RUN-workers" "services/$RUN-master" "configmaps/$RUN" --ignore-not-found --wait=false || true
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

# name_run: give the run of a load test a name, with an ending as Kubernetes makes them.
name_run() {
  local letters=bcdfghjklmnpqrstvwxz2456789
  RUN=loadtest-
  for _ in 1 2 3 4 5; do
    RUN+=${letters:RANDOM % ${#letters}:1}
  done
}

# judged_load_test MANIFEST PERCENT: run a load test in the cluster that expects a share of canary answers, and end the
# script with the exit code of its verdict. Others may run at the same time: all that belongs to this one has its name.
judged_load_test() {
  local pod terminated message verdict claim
  name_run
  # A release runs several checks, so each has to be surer than a single one.
  run kubectl create configmap "$RUN" --from-literal=LOCUST_EXPECT_CANARY="$2" --from-literal=LOCUST_ALPHA="${LOCUST_ALPHA:-0.01}"
  run kubectl label configmap "$RUN" app=loadtest run="$RUN"
  printf '\n$ kubectl kustomize %s | sed s/loadtest-run/%s/ | kubectl apply --server-side --filename -\n' "$1" "$RUN"
  # On the server, which lets two runs make the service account at the same moment.
  kubectl kustomize "$1" | sed "s/loadtest-run/$RUN/" | kubectl apply --server-side --filename -

  # Not for the Job: it completes or fails, and `kubectl wait` has no "or". The pod ends in either case.
  pod=--selector=job-name=$RUN
  run kubectl wait pod "$pod" --for=create --timeout="${WAIT_SECONDS}s"
  run kubectl wait pod "$pod" --for=jsonpath='{.status.containerStatuses[0].state.terminated}' --timeout="${WAIT_SECONDS}s"
  # Not from the log, which mixes the verdict with Locust's own lines.
  terminated='.items[0].status.containerStatuses[0].state.terminated'
  verdict=$(kubectl get pods "$pod" --output=jsonpath="{$terminated.exitCode}")
  show kubectl get pods "$pod" --output=jsonpath="{$terminated.message}"
  message=$(kubectl get pods "$pod" --output=jsonpath="{$terminated.message}")
  case $verdict in
    0 | 10 | 11)
      claim="expected: $(LC_ALL=C printf %g "${2%\%}") % canary,"
      case $message in
        *"$claim"*) ;;
        *) die "no verdict: the table of $RUN is about another claim
  asked:     $claim ...
  its table: $(sed -n '/^expected:/p' <<<"$message")
  run ${0##*/} again" ;;
      esac
      trap 'finish 0' EXIT  # a verdict of any kind is not a failure to explain
      ;;
  esac
  printf '%s\n' "$message"
  show kubectl get pods "$pod" --output=jsonpath="{$terminated.exitCode}"
  printf '%s\n' "$verdict"
  exit "$verdict"
}
