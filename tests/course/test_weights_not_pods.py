"""Step 13 is done by what the mesh runs and serves: pods with sidecars, the gateway's weights, and two verdicts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.course import cluster_bench, mesh_bench
from scripts.course.envoy import traffic as traffic_of
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.mesh_bench import HOST, MeshBench
from scripts.course.objects import mesh_pods
from scripts.course.rules.finding import Outcome
from scripts.course.rules.mesh_pods import MeshPod, MeshPods
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from scripts.course.rules.weights_not_pods import NO_VERSIONS, judged
from scripts.course.state import Attempt, CourseFolder
from scripts.course.steps import weights_not_pods
from scripts.lab.traffic_state import TrafficState
from tests.course.verdict_cases import CONFIRMED, assert_cause, of
from tests.support.repository import text_of

STABLE = MeshPod("v1", is_ready=True, has_sidecar=True, created_at_seconds=1002)
CANARY = replace(STABLE, version="v2", created_at_seconds=1005)
BEGUN = MeshPods([STABLE, STABLE, CANARY, CANARY])
SCALED = MeshPods([STABLE, *[CANARY] * 5])
SPLIT = Traffic("70-30", {"v1": 70, "v2": 30})
ANY_POD = Traffic(NO_VERSIONS, {"micro-api": 100})
# From 1010 on.
BY_WEIGHTS = replace(CONFIRMED, file="weights.json", expected_percent=30.0, route="70-30")
BY_PODS = replace(CONFIRMED, file="pods.json", expected_percent=83.0, route=NO_VERSIONS)
BOTH = [BY_WEIGHTS, BY_PODS]


@pytest.mark.parametrize(
    ("pods", "served", "answer", "verdicts", "cause"),
    [
        (MeshPods([]), SPLIT, "30", BOTH, "no_pods"),
        (MeshPods([*SCALED.pods[:5], replace(CANARY, has_sidecar=False)]), SPLIT, "30", BOTH, "no_sidecar"),
        (BEGUN, SPLIT, "", [], "no_prediction"),
        (BEGUN, SPLIT, "30", [], "not_scaled"),
        (MeshPods([STABLE, CANARY, CANARY]), SPLIT, "30", BOTH, "not_scaled"),
        (MeshPods([STABLE, *[CANARY] * 6]), SPLIT, "30", BOTH, "not_scaled"),
        (MeshPods([*SCALED.pods[:5], replace(CANARY, is_ready=False)]), SPLIT, "30", BOTH, "not_scaled"),
        (SCALED, SPLIT, "30", [], "weights_not_confirmed"),
        (SCALED, None, "30", [], "weights_not_confirmed"),
        (SCALED, SPLIT, "30", [BY_PODS], "weights_not_confirmed"),
        (SCALED, SPLIT, "30", [replace(BY_WEIGHTS, route=""), BY_PODS], "weights_not_confirmed"),
        (SCALED, SPLIT, "30", [replace(BY_WEIGHTS, tolerance_points=25.0), BY_PODS], "weights_not_confirmed"),
        (SCALED, SPLIT, "30", [replace(BY_WEIGHTS, outcome="REFUTED"), BY_PODS], "weights_not_confirmed"),
        (SCALED, SPLIT, "30", [replace(BY_WEIGHTS, started_at_seconds=1004), BY_PODS], "before_the_pods"),
        (SCALED, SPLIT, "30", [BY_WEIGHTS], "ratio_not_confirmed"),
        (SCALED, SPLIT, "30", [BY_WEIGHTS, replace(BY_PODS, route="70-30")], "ratio_not_confirmed"),
        (SCALED, SPLIT, "30", [BY_WEIGHTS, replace(BY_PODS, expected_percent=80.0)], "ratio_not_confirmed"),
        (SCALED, None, "30", BOTH, "no_route"),
        (SCALED, ANY_POD, "30", BOTH, "weights"),
        (SCALED, replace(SPLIT, weights={"v1": 50, "v2": 50}), "30", BOTH, "weights"),
        (SCALED, replace(SPLIT, name="mine"), "30", BOTH, "name"),
        (SCALED, SPLIT, "83", BOTH, "other_prediction"),
        (SCALED, SPLIT, " 30 %", BOTH, "done"),
        (SCALED, SPLIT, "30", [BY_PODS, BY_WEIGHTS], "done"),
    ],
)
def test_weights_are_proved_with_other_pods_and_taken_away(
    pods: MeshPods, served: Traffic | None, answer: str, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause; the two runs may come in any order."""
    assert_cause(judged(pods, served, answer, of(*verdicts)), cause)


def test_the_check_says_what_it_saw() -> None:
    """Pods, sidecars, the gateway's weights and the verdicts, each with its figures."""
    assert judged(BEGUN, SPLIT, "30", of()).saw == (
        "ready pods: 2 of v1, 2 of v2; the step asks for 1 of v1 and 5 of v2."
    )
    alone = MeshPods([replace(one, has_sidecar=False) for one in SCALED.pods])
    assert judged(alone, SPLIT, "", of()).saw == "ready pods: 1 of v1, 5 of v2; 6 of 6 pods have no sidecar."
    assert judged(SCALED, ANY_POD, "30", of(BY_PODS)).saw == (
        "ready pods: 1 of v1, 5 of v2, the gateway serves micro-api 100 (no-versions), and no verdict of this start "
        "CONFIRMED 30 % by the route 70-30. pods.json: CONFIRMED at 83 %, 700 answers, of no-versions."
    )


def pod(name: str, *, containers: Sequence[str], native: Sequence[str] = (), ready: str = "True") -> dict[str, Any]:
    """Return a pod of v2 as the API server has it, with its containers and its native sidecars."""
    spec = {"containers": [{"name": one} for one in containers]}
    if native:
        spec["initContainers"] = [{"name": one} for one in native]
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": "micro-api", "version": "v2"},
            "creationTimestamp": "1970-01-01T00:16:45Z",
        },
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


PODS = [
    pod("native", containers=["micro-api"], native=["istio-validation", "istio-proxy"]),
    pod("plain", containers=["istio-proxy", "micro-api"]),
    pod("alone", containers=["micro-api"], native=["istio-validation"], ready="False"),
]


def test_a_sidecar_is_seen_in_a_pod_of_either_kind() -> None:
    """It is a container or a native sidecar; a pod on its way out is not counted."""
    going = pod("going", containers=["micro-api"])
    going["metadata"]["deletionTimestamp"] = "1970-01-01T01:00:00Z"
    alone = replace(CANARY, is_ready=False, has_sidecar=False)
    assert mesh_pods([*PODS, going]) == MeshPods([CANARY, CANARY, alone])


def configuration(action: dict[str, Any], name: str, host: str = HOST) -> dict[str, Any]:
    """Return a route configuration of a gateway, as istioctl prints it."""
    header = {"header": {"key": "x-canary-route", "value": name}, "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD"}
    route = {"match": {"prefix": "/"}, "route": action, "responseHeadersToAdd": [header]}
    own = {"name": "backend", "domains": ["*"], "routes": [{"match": {"prefix": "/stats"}, "route": {"cluster": "x"}}]}
    return {"name": "http.8080", "virtualHosts": [own, {"name": f"{host}:80", "domains": [host], "routes": [route]}]}


def cluster(subset: str) -> str:
    """Return what istiod calls a destination."""
    return f"outbound|19090|{subset}|{HOST}"


WEIGHTED = {
    "weightedClusters": {"clusters": [{"name": cluster("v1"), "weight": 70}, {"name": cluster("v2"), "weight": 30}]}
}


@pytest.mark.parametrize(
    ("action", "name", "shown"),
    [
        (WEIGHTED, "70-30", "v1 70, v2 30 (70-30)"),
        ({"cluster": cluster("")}, NO_VERSIONS, "micro-api 100 (no-versions)"),
        ({"cluster": cluster("v1")}, "100-0", "v1 100 (100-0)"),
    ],
)
def test_the_gateway_s_routes_are_read_exactly(action: dict[str, Any], name: str, shown: str) -> None:
    """Weights by version; one destination without a version is the Service."""
    assert str(traffic_of([configuration(action, name)], HOST, "/test/test")) == shown


def test_a_host_that_the_gateway_does_not_know_has_no_traffic() -> None:
    """Its requests get 404."""
    other = configuration(WEIGHTED, "70-30", host="micro-api.default.svc.cluster.local")
    assert traffic_of([other], HOST, "/test/test") is None
    assert traffic_of([], HOST, "/test/test") is None


@dataclass(frozen=True)
class Recorder(MeshBench):
    """A bench whose commands are recorded, and not run."""

    commands: list[str] = field(default_factory=list)

    def url(self) -> str:
        """Return the documented address."""
        return "http://127.0.0.1:19080"

    def make(self, *commands: str) -> None:
        """Record the commands."""
        self.commands.extend(commands)

    def type(self, *argv: str) -> int:
        """Record the command."""
        self.commands.append(" ".join(argv))
        return 0

    def measure(self, file: str, *options: str) -> int:
        """Record the load test."""
        self.commands.append(" ".join(["measure", file, *options]))
        return 0


def recorder(folder: Path) -> Recorder:
    """Return a bench in a folder."""
    attempt = Attempt(1, "abc123", url="http://127.0.0.1:19080", started_at_seconds=1000.0)
    return Recorder(CourseFolder(folder), "Ada", "weights_not_pods", attempt)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no other programs than those that a test puts into a folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, printed: object, *, code: int = 0) -> None:
    """Put a program there that notes how it was called, prints JSON or a text as an error, and ends."""
    log, text = folder / f"{name}.log", printed if isinstance(printed, str) else json.dumps(printed)
    stream = "" if code == 0 else " >&2"
    file = folder / name
    file.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>{log}\nprintf '%s\\n' '{text}'{stream}\nexit {code}\n", encoding="utf-8"
    )
    file.chmod(0o755)


def test_a_check_asks_for_pods_and_for_the_gateway_s_routes(tmp_path: Path, programs: Path) -> None:
    """Of the project's cluster, in any context of the user's; the check only reads."""
    program(
        programs, "kubectl", {"items": [pod(str(one), containers=["micro-api", "istio-proxy"]) for one in range(2)]}
    )
    program(programs, "istioctl", [configuration(WEIGHTED, "70-30")])
    finding = weights_not_pods.check(recorder(tmp_path))
    assert finding.saw == "ready pods: 0 of v1, 2 of v2; no prediction is recorded."
    (asked,) = (programs / "kubectl.log").read_text(encoding="utf-8").splitlines()
    assert (
        asked == "--context kind-canary-cluster --namespace canary-mesh get pods --selector app=micro-api --output json"
    )
    (asked,) = (programs / "istioctl.log").read_text(encoding="utf-8").splitlines()
    assert asked == (
        "proxy-config routes deploy/istio-ingressgateway.istio-system --context kind-canary-cluster --output json"
    )


@pytest.mark.parametrize(
    ("silent", "said"),
    [("kubectl", "The connection to the server was refused"), ("istioctl", "no pods found"), ("istioctl", "")],
)
def test_a_cluster_that_does_not_answer_is_no_failure_of_the_learner(
    tmp_path: Path, programs: Path, silent: str, said: str
) -> None:
    """The API server is gone, or the gateway is, or istioctl."""
    program(programs, "kubectl", {"items": []})
    program(programs, "istioctl", [configuration(WEIGHTED, "70-30")])
    if said:
        program(programs, silent, said, code=1)
    else:
        (programs / silent).unlink()
    with pytest.raises(CannotTellError) as raised:
        weights_not_pods.check(recorder(tmp_path))
    assert raised.value.finding.outcome is Outcome.CANNOT_TELL
    assert f"the cluster does not answer: {said}" in raised.value.finding.saw
    assert said or "istioctl" in raised.value.finding.saw


def test_a_check_ends_within_fifteen_seconds() -> None:
    """Both questions take less, if neither is answered in time."""
    assert cluster_bench.ANSWER_SECONDS + mesh_bench.PROXY_SECONDS < 15


def test_a_cluster_without_istio_is_named_with_the_remedy(tmp_path: Path, programs: Path) -> None:
    """Nothing is begun there."""
    program(programs, "kubectl", "Error from server (NotFound): namespaces not found", code=1)
    bench = recorder(tmp_path)
    with pytest.raises(CourseError, match=r"no gateway of Istio: `scripts/mesh/install\.sh` installs it"):
        weights_not_pods.start(bench)
    assert bench.commands == []
    assert not bench.folder.own_state.exists()


def test_the_beginning_is_the_repository_s_split_and_a_route_without_versions(tmp_path: Path, programs: Path) -> None:
    """The learner's file is a valid manifest of the same name, and the text shows its end."""
    program(programs, "kubectl", "")
    bench = recorder(tmp_path)
    weights_not_pods.start(bench)
    assert bench.commands == [
        "istioctl version --remote=false",
        f"{mesh_bench.KUBECTL} delete virtualservices --field-selector metadata.name!=micro-api-route",
        "scripts/mesh/flow.sh --context kind-canary-cluster deploy",
        "scripts/mesh/set-state.sh --context kind-canary-cluster 70-30",
    ]
    written = bench.folder.own_state.read_text(encoding="utf-8")
    files = [str(bench.folder.own_state), "istio/destination-rule.yaml", "istio/gateway.yaml"]
    assert TrafficState.load(files)
    assert max(map(len, written.partition("---\n")[0].splitlines())) <= 80
    for text in ("text.md", "text.zh-CN.md"):
        shown = text_of(f"docs/workshop/steps/96-weights-not-pods/{text}").partition("```yaml\n")[2].partition("```")[0]
        assert written.endswith(shown)


def test_the_solution_is_what_the_text_says(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prediction, both Deployments, the weights, the route without versions, and back."""
    program(programs, "kubectl", "")
    monkeypatch.setattr(weights_not_pods, "SERVED_AFTER_SECONDS", 0)
    bench = recorder(tmp_path)
    assert weights_not_pods.solve(bench).answer == "30"
    assert "answer 30" in capsys.readouterr().out
    typed = bench.commands[4:]
    assert typed == [
        "kubectl --namespace=canary-mesh scale deployment/micro-api-v1 --replicas=1",
        "kubectl --namespace=canary-mesh scale deployment/micro-api-v2 --replicas=5",
        "kubectl --namespace=canary-mesh rollout status deployment/micro-api-v1 --timeout=150s",
        "kubectl --namespace=canary-mesh rollout status deployment/micro-api-v2 --timeout=150s",
        "measure weights.json --expect-canary 30 --route 70-30 -t 60s",
        f"kubectl --namespace=canary-mesh apply --filename {bench.folder.own_state}",
        "measure pods.json --expect-canary 83 --route no-versions -t 60s",
        "scripts/mesh/set-state.sh 70-30",
    ]
    assert bench.load("-t", "60s")[-4:] == ("--host-header", HOST, "-t", "60s")
