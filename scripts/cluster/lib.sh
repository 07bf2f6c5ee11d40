# shellcheck shell=bash
# What the cluster's scripts share: one loop over options, commands that are shown before they run, one context for the
# whole run, and an explanation when something fails. Written for bash 3.2, which macOS has.

# From the repository's root, wherever the script was called from.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

CLUSTER_NAME=canary-cluster
# shellcheck disable=SC2034
NAMESPACE=canary-rollout
# Where the pods have sidecars.
# shellcheck disable=SC2034
MESH_NAMESPACE=canary-mesh
# Where the article's own manifest runs, for comparison.
# shellcheck disable=SC2034
ARTICLE_NAMESPACE=article
# The node's ports of k8s/node-port.yaml and of istio/install/operator.yaml.
# shellcheck disable=SC2034
SERVICE_NODE_PORT=30190
# shellcheck disable=SC2034
GATEWAY_NODE_PORT=30080
# The limit of each step; a pod's grace period (30 s) and an update of three pods fit in.
WAIT_SECONDS=150
# The limit of a question to the cluster that has to be answered at once.
ANSWER_SECONDS=10

# The name of the load test's run that the script has made on the cluster, which its end removes.
RUN=''
# More variables of a load test, as kubectl creates a ConfigMap of them.
LOAD_SETTINGS=()
# A command that leaves no step half done, where the script ends in the middle of one.
HALF_DONE=''
# The options that say which cluster a command is for, as kubectl and the project's scripts take them.
CONTEXT_FLAGS=()
KUBECTL_FLAGS=()
SCRIPT_FLAGS=()

# end_at_interrupt: end with 130 at Ctrl-C, also where the program that runs takes it for an error.
end_at_interrupt() {
  trap 'printf "\n%s: interrupted\n" "${0##*/}" >&2; exit 130' INT
}
end_at_interrupt

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
            case $_name in context | namespace | url) SCRIPT_FLAGS+=("$1" "$2") ;; esac
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

# need_engine: end with a remedy where no container engine answers.
need_engine() {
  need docker https://docs.docker.com/engine/install/
  docker info >/dev/null 2>&1 || die "docker is installed, but no engine answers
  start Docker (or Podman's socket), and check it with: docker info"
}

# need_python: have a Python that is new enough in $PYTHON. macOS's own is not.
need_python() {
  PYTHON=$(scripts/setup/python.sh) || exit 2
  [ "$PYTHON" = .venv/bin/python ] ||
    printf '# there is no .venv: using %s; for another: PYTHON=/path/to/python ...\n' "$PYTHON"
}

# kubectl ARGUMENT..., istioctl ARGUMENT...: the programs, with the options that a command needs to be typed elsewhere.
kubectl() {
  command kubectl ${KUBECTL_FLAGS[@]+"${KUBECTL_FLAGS[@]}"} "$@"
}

istioctl() {
  command istioctl "$@" ${CONTEXT_FLAGS[@]+"${CONTEXT_FLAGS[@]}"}
}

# typed COMMAND...: print a command as one would type it.
typed() {
  local line='' word program=$1
  shift
  case $program in
    kubectl) set -- "$program" ${KUBECTL_FLAGS[@]+"${KUBECTL_FLAGS[@]}"} "$@" ;;
    istioctl) set -- "$program" "$@" ${CONTEXT_FLAGS[@]+"${CONTEXT_FLAGS[@]}"} ;;
    scripts/*) set -- "$program" ${SCRIPT_FLAGS[@]+"${SCRIPT_FLAGS[@]}"} "$@" ;;
    *) set -- "$program" "$@" ;;
  esac
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=,@%+-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf %s "${line# }"
}

# show COMMAND...: print a command as one would type it, on a line of its own.
show() {
  printf '\n$ %s\n' "$(typed "$@")"
}

# run COMMAND...: show a command, then run it.
run() {
  show "$@"
  "$@"
}

# run_renamed FILE OLD NEW: apply a file in which a name is another one; where both are the same, as it is.
run_renamed() {
  if [ "$2" = "$3" ]; then
    run kubectl apply --filename "$1"
  else
    printf '\n$ sed s/%s/%s/ %s | %s\n' "$2" "$3" "$1" "$(typed kubectl apply --filename -)"
    sed "s/$2/$3/" "$1" | kubectl apply --filename -
  fi
}

# use_context NAME NAMESPACE: from here on work on one cluster and in one namespace, even if another terminal switches
# the context meanwhile. Without a name the current context must be that of the project's cluster.
use_context() {
  local context=$1 namespace=$2 current own=kind-$CLUSTER_NAME
  need kubectl https://kubernetes.io/docs/tasks/tools/
  current=$(command kubectl config current-context 2>/dev/null) || current='(none)'
  if [ -z "$context" ]; then
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
  trap 'exit 143' TERM
  command kubectl config view --raw --minify --flatten --context="$context" >"$WORK/kubeconfig" ||
    die "the kubeconfig has no context $context
  list the contexts that it has: kubectl config get-contexts"
  # A command that is shown names what the user's own configuration does not.
  [ "$current" = "$context" ] || CONTEXT_FLAGS=("--context=$context")
  KUBECTL_FLAGS=(${CONTEXT_FLAGS[@]+"${CONTEXT_FLAGS[@]}"})
  export KUBECONFIG=$WORK/kubeconfig
  [ "$(command kubectl config view --output=jsonpath='{.contexts[0].context.namespace}')" = "$namespace" ] ||
    KUBECTL_FLAGS+=("--namespace=$namespace")
  command kubectl config set-context "$context" --namespace="$namespace" >/dev/null
  printf '# context %s, namespace %s\n' "$context" "$namespace"
  command kubectl get --raw=/readyz --request-timeout="${ANSWER_SECONDS}s" >/dev/null 2>"$WORK/answer" ||
    die "the cluster of $context does not answer: $(tail -n 1 "$WORK/answer")
  is it running? A cluster of kind that does not start is removed by scripts/cluster/down.sh, and made by
  scripts/cluster/up.sh"
}

# need_address NODE-PORT: have in $url where this machine reaches a port of the context's own cluster, unless the user
# has named an address. What answers at the usual port may be another cluster.
need_address() {
  local cluster published=''
  [ -z "$url" ] || return 0
  cluster=$(command kubectl config view --output=jsonpath='{.clusters[0].name}')
  case $cluster in
    kind-*) published=$(docker port "${cluster#kind-}-control-plane" "$1/tcp" 2>/dev/null | head -n 1) || true ;;
  esac
  [ -n "$published" ] || die "no port of this machine is known to lead to port $1 of a node of this cluster
  name the address: --url http://ADDRESS:PORT/test/test"
  url=http://${published/#0.0.0.0/127.0.0.1}/test/test
}

# need_istio: end with a remedy where the cluster has none.
need_istio() {
  command kubectl get crd virtualservices.networking.istio.io >/dev/null 2>&1 || die "the cluster has no Istio
  install it: $(typed scripts/mesh/install.sh)"
}

# need_service SCRIPT: end with a remedy where the service is not deployed, or its namespace is gone.
need_service() {
  [ -n "$(kubectl get service/micro-api --ignore-not-found --output=name)" ] || die "there is no service micro-api here
  deploy it first: $(typed "$1") deploy"
}

# is_paused: whether the rollout of micro-api is paused.
is_paused() {
  [ "$(kubectl get deployment/micro-api --ignore-not-found --output=jsonpath='{.spec.paused}')" = true ]
}

# need_unpaused: end with a remedy where a canary is paused: a new template would wait behind it, and `resume` release it.
need_unpaused() {
  ! is_paused || die "a canary is paused
  end it first: scripts/cluster/pause.sh resume, or scripts/cluster/pause.sh rollback"
}

# without_sidecar: print the pods of the service that have no proxy.
without_sidecar() {
  kubectl get pods --selector=app=micro-api --output=jsonpath='{range .items[*]}{.metadata.name}|{.spec.initContainers[*].name} {.spec.containers[*].name}|{.metadata.deletionTimestamp}{"\n"}{end}' |
    awk -F '|' '$1 != "" && $2 !~ /istio-proxy/ && $3 == "" { print $1 }'
}

# finish STATUS: at the end of a script; where it failed by itself, show why. Nothing stays in the background, no step
# half done, and nothing of a load test's run on the cluster.
finish() {
  trap '' INT TERM
  jobs -p | xargs kill 2>/dev/null || true
  case $1 in
    0 | 2) ;;
    130 | 143) printf '\n%s: interrupted%s\n' "${0##*/}" "${RUN:+; removing $RUN}" >&2 ;;
    *) explain >&2 ;;
  esac
  [ "$1" -eq 0 ] || [ -z "$HALF_DONE" ] || "$HALF_DONE" >&2 || true
  [ -z "$RUN" ] ||
    run kubectl delete "jobs/$RUN" "jobs/$RUN-workers" "services/$RUN-master" "configmaps/$RUN" --ignore-not-found --wait=false || true
  rm -rf "$WORK"
}

explain() {
  printf '\n%s failed.\n' "${0##*/}"
  likely_cause || true
  printf 'What the cluster says:\n'
  run kubectl get pods --output=wide || true
  show kubectl get events --sort-by=.metadata.creationTimestamp
  kubectl get events --sort-by=.metadata.creationTimestamp | tail -n 20 || true
  run kubectl logs --selector='app in (micro-api,loadtest)' --prefix --tail=3 || true
}

# likely_cause: print one line, where the objects tell one.
likely_cause() {
  local python
  python=$(scripts/setup/python.sh 2>/dev/null) || return 0
  kubectl get deployments,pods --output=json --request-timeout="${ANSWER_SECONDS}s" 2>/dev/null |
    "$python" -m scripts.cluster.likely_cause
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

# judged_load_test MANIFEST PERCENT [ROUTE]: run a load test in the cluster that expects a share of canary answers, by a
# route if one is named, and end the script with the exit code of its verdict. Others may run at the same time: all that
# belongs to this one has its name. A function `is_still_declared` of the script is asked before the verdict counts.
judged_load_test() {
  local pod terminated message verdict claim image
  image=$(scripts/cluster/loadtest-image.sh)
  name_run
  run kubectl create configmap "$RUN" --from-literal=LOCUST_EXPECT_CANARY="$2" \
    --from-literal=LOCUST_ALPHA="${LOCUST_ALPHA:-0.05}" --from-literal=LOCUST_ALPHA_STOP="${LOCUST_ALPHA_STOP:-0.001}" \
    ${3:+"--from-literal=LOCUST_ROUTE=$3"} ${LOAD_SETTINGS[@]+"${LOAD_SETTINGS[@]}"}
  run kubectl label configmap "$RUN" app=loadtest run="$RUN"
  set -- "$1" "$2" "s/loadtest-run/$RUN/; s/canary-loadtest:.*/$image/"
  # On the server, which lets two runs make the service account at the same moment.
  printf "\n\$ kubectl kustomize %s | sed '%s' | %s\n" "$1" "$3" "$(typed kubectl apply --server-side --filename -)"
  command kubectl kustomize "$1" | sed "$3" | kubectl apply --server-side --filename -

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
  if declare -F is_still_declared >/dev/null; then is_still_declared; fi
  exit "$verdict"
}

# engine_images: print the images of the release engines.
engine_images() {
  printf '%s\n' "quay.io/argoproj/argo-rollouts:v${ARGO_ROLLOUTS_VERSION:?}" "ghcr.io/fluxcd/flagger:${FLAGGER_VERSION:?}"
}
