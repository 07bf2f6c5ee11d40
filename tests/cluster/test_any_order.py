"""Any script may follow any other, on any cluster: what is in the way is named in the first line, with the remedy."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import executable, run

# What a cluster says is in variables; all else answers nothing, with success.
PROGRAM = """\
#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
case "${0##*/} $*" in
  *"config current-context") echo "$CURRENT" ;;
  *"config view --output=jsonpath={.clusters"*) echo "$CLUSTER" ;;
  *"config view --output=jsonpath={.contexts"*) echo "$DEFAULT" ;;
  *"--filename -"*) cat >/dev/null ;;
  *"--config -"*) cat ;;
  *"get --raw=/readyz"*) [ -z "$DOWN" ] || { echo "connection refused" >&2; exit 1; } ;;
  *"get service/micro-api "*) [ -n "$EMPTY" ] || echo service/micro-api ;;
  *"jsonpath={.spec.paused}"*) echo "$PAUSED" ;;
  *"get crd virtualservices"*) [ -z "$NO_ISTIO" ] || exit 1 ;;
  *"get deployments,pods"*) echo "$OBJECTS" ;;
  *"get pods"*initContainers*) printf "$PODS" ;;
  *" rollout status"*) exit "${STATUS:-0}" ;;
  "docker port"*) [ -z "$PORT" ] || echo "0.0.0.0:$PORT" ;;
  "kind get clusters") echo "$CLUSTERS" ;;
  "kind export kubeconfig"*) [ -z "$HALF" ] || exit 1 ;;
esac
"""
UNSET = ("CURRENT", "CLUSTER", "DEFAULT", "DOWN", "EMPTY", "PAUSED", "NO_ISTIO", "PODS", "PORT", "CLUSTERS", "HALF")
PAUSED = '{"items": [{"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"paused": true}}]}'
SECOND = ("--context", "kind-second")
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables with which the programs are stand-ins."""
    for program in ("kubectl", "kind", "docker", "curl", "istioctl"):
        executable(tmp_path / "bin" / program, PROGRAM)
    unset = dict.fromkeys(UNSET, "")
    return {**unset, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}


@pytest.fixture
def call(environment: dict[str, str]) -> Call:
    """A function that runs a script on a cluster that is as its variables say."""
    return lambda *command, **cluster: run(*command, environment={**environment, **cluster})


def calls(environment: dict[str, str]) -> str:
    """Return what was called."""
    return Path(environment["CALLS"]).read_text(encoding="utf-8")


@pytest.mark.parametrize("step", ["deploy", "update", "undo"])
def test_a_paused_canary_stops_the_rolling_update(call: Call, environment: dict[str, str], step: str) -> None:
    """A new template would wait behind the pause, and `resume` would release it: nothing is applied."""
    done = call("scripts/cluster/rolling.sh", *SECOND, step, PAUSED="true")
    assert done.returncode == 2
    assert "rolling.sh: a canary is paused\n  end it first: scripts/cluster/pause.sh resume, or " in done.stderr
    assert not re.search(r" (apply|set image|undo)", calls(environment))


def test_a_cluster_that_does_not_answer_is_named_at_once(call: Call) -> None:
    """It is one line, before any step begins."""
    done = call("scripts/cluster/measure.sh", *SECOND, DOWN="yes")
    assert done.returncode == 2
    assert "measure.sh: the cluster of kind-second does not answer: connection refused\n" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("set-state.sh", "70-30"),
        ("measure.sh",),
        ("show-envoy.sh",),
        ("gateway-api.sh",),
        ("flow.sh",),
        ("rollout.sh",),
    ],
)
def test_without_istio_the_remedy_is_named(call: Call, command: tuple[str, ...]) -> None:
    """Every script of the mesh says the same, and names the cluster that the user named."""
    done = call(f"scripts/mesh/{command[0]}", *SECOND, *command[1:], NO_ISTIO="yes")
    assert done.returncode == 2
    assert "the cluster has no Istio\n  install it: scripts/mesh/install.sh --context kind-second" in done.stderr


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("cluster/rolling.sh update", "cluster/rolling.sh"),
        ("cluster/rolling.sh undo", "cluster/rolling.sh"),
        ("cluster/pause.sh start", "cluster/rolling.sh"),
        ("cluster/measure.sh", "cluster/rolling.sh"),
        ("mesh/flow.sh canary", "mesh/flow.sh"),
        ("mesh/set-state.sh 70-30", "mesh/flow.sh"),
        ("mesh/measure.sh", "mesh/flow.sh"),
        ("mesh/rollout.sh", "mesh/flow.sh"),
    ],
)
def test_without_the_service_the_remedy_is_named(
    call: Call, environment: dict[str, str], command: str, remedy: str
) -> None:
    """Before its deployment, and after its removal, a step that needs it says what makes it, and changes nothing."""
    name, *words = command.split()
    done = call(f"scripts/{name}", *SECOND, *words, EMPTY="yes", CLUSTER="kind-second", PORT="1")
    assert done.returncode == 2
    assert (
        f"{name.rpartition('/')[2]}: there is no service micro-api here\n"
        f"  deploy it first: scripts/{remedy} --context kind-second deploy\n" in done.stderr
    )
    assert not re.search(r" (apply|set image|create|undo)", calls(environment))


def test_pods_without_a_sidecar_are_named(call: Call) -> None:
    """Where injection was off, no weights hold for a pod: the load test is not begun."""
    pods = "v1-a|istio-validation istio-proxy micro-api|\\nv2-a| micro-api|\\nv2-old| micro-api|2026\\n"
    done = call("scripts/mesh/measure.sh", *SECOND, PODS=pods)
    assert done.returncode == 2
    assert "neither the weights nor mutual TLS hold for them:\n  v2-a\n  restart them with one: " in done.stderr


@pytest.mark.parametrize("containers", ["istio-proxy micro-api", "micro-api"])
def test_pods_without_a_sidecar_are_restarted_by_the_deployment(
    call: Call, environment: dict[str, str], containers: str
) -> None:
    """Pods that were made while injection was off get a proxy; pods that have one stay."""
    call("scripts/mesh/flow.sh", *SECOND, "--url", "http://127.0.0.1:1/", "deploy", PODS=f"v1-a| {containers}|\\n")
    restart = " rollout restart deployment/micro-api-v1 deployment/micro-api-v2"
    assert (restart in calls(environment)) == (containers == "micro-api")


def test_half_a_cluster_is_named(call: Call) -> None:
    """What an interrupted kind left is there and does not work: remove it first."""
    done = call("scripts/cluster/up.sh", "--name", "second", CLUSTERS="second", HALF="yes")
    assert done.returncode == 2
    assert "only half of it works\n  remove it first: scripts/cluster/down.sh --name second" in done.stderr


def test_the_likely_cause_comes_first(call: Call) -> None:
    """Before the lists, one line has what the Deployment says of itself."""
    done = call("scripts/cluster/rolling.sh", *SECOND, "deploy", STATUS="1", OBJECTS=PAUSED)
    assert done.returncode == 1
    assert "\nrolling.sh failed.\nlikely cause: the rollout of deployment d is paused" in done.stderr


def test_the_clusters_own_address_is_asked(call: Call, environment: dict[str, str]) -> None:
    """With a context and no address it is the port that the engine published for that cluster, never the usual one."""
    done = call("scripts/cluster/pause.sh", *SECOND, "start", CLUSTER="kind-second", PORT="32768")
    assert "do curl http://127.0.0.1:32768/test/test; done" in done.stdout
    called = calls(environment)
    assert "docker port second-control-plane 30190/tcp" in called
    assert (
        re.findall(r"^curl .*", called, re.MULTILINE)
        == ["curl --silent --show-error --noproxy * --max-time 10 http://127.0.0.1:32768/test/test"] * 10
    )


@pytest.mark.parametrize("script", ["cluster/pause.sh start", "mesh/flow.sh", "mesh/set-state.sh 70-30"])
@pytest.mark.parametrize("cluster", ["kind-second", "arn:aws:eks"])
def test_without_a_known_address_none_is_asked(
    call: Call, environment: dict[str, str], script: str, cluster: str
) -> None:
    """A cluster that publishes no port, and one that is not of kind, need --url; no other cluster is asked."""
    name, *words = script.split()
    done = call(f"scripts/{name}", *SECOND, *words, CLUSTER=cluster)
    assert done.returncode == 2
    assert "name the address: --url http://ADDRESS:PORT/test/test" in done.stderr
    assert not re.search(r"^curl | apply ", calls(environment), re.MULTILINE)


@pytest.mark.parametrize(
    ("current", "namespace", "flags"),
    [
        ("kind-second", "canary-rollout", ""),
        ("kind-second", "default", " --namespace=canary-rollout"),
        ("kind-first", "canary-rollout", " --context=kind-second"),
        ("kind-first", "", " --context=kind-second --namespace=canary-rollout"),
    ],
)
def test_a_shown_command_can_be_typed(call: Call, current: str, namespace: str, flags: str) -> None:
    """It names what the user's own configuration does not: another context, another namespace."""
    done = call("scripts/cluster/rolling.sh", *SECOND, "update", CURRENT=current, DEFAULT=namespace)
    assert f"\n$ kubectl{flags} set image deployment/micro-api " in done.stdout


def test_every_name_can_be_another(call: Call, environment: dict[str, str]) -> None:
    """Cluster, namespace and ports are options: no file of the repository has to be edited."""
    up = call("scripts/cluster/up.sh", "--name", "second", "--namespace", "mine", "--port", "0", "--image", "node:1")
    assert up.returncode == 0, up.stderr
    assert "kind create cluster --name second --image node:1 --config - --wait 120s" in calls(environment)
    assert "hostPort: 0\n" in up.stdout
    assert "hostPort: 19080\n" in up.stdout
    assert (
        "$ sed s/canary-rollout/mine/ k8s/namespace.yaml | kubectl --context=kind-second apply --filename -"
        in up.stdout
    )
    flow = call("scripts/mesh/flow.sh", *SECOND, "--namespace", "mine", "--url", "http://127.0.0.1:1/", "deploy")
    assert "$ sed s/canary-mesh/mine/ istio/workloads/namespace.yaml | kubectl " in flow.stdout
    assert (
        "$ scripts/mesh/set-state.sh --context kind-second --namespace mine --url http://127.0.0.1:1/ 100-0"
        in flow.stdout
    )


def test_an_image_of_the_load_test_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    """The name is the same for the same files, and another after any change of what the image has."""
    for name in (
        "scripts/cluster/loadtest-image.sh",
        "versions.env",
        "loadtest/Dockerfile",
        "loadtest/requirements.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(Path(name).read_bytes())
    (tmp_path / "loadtest" / "canary_loadtest").mkdir()
    (tmp_path / "scripts" / "cluster" / "loadtest-image.sh").chmod(0o755)

    def printed() -> str:
        return run("scripts/cluster/loadtest-image.sh", cwd=tmp_path).stdout

    first = printed()
    assert re.fullmatch(r"canary-loadtest:[\d.]+-[b-df-hj-np-t]{10}\n", first)
    assert printed() == first
    (tmp_path / "loadtest" / "canary_loadtest" / "more.py").write_text("1\n")
    second = printed()
    (tmp_path / "loadtest" / "Dockerfile").write_text("FROM scratch\n")
    assert len({first, second, printed()}) == 3
