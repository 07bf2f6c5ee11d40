"""What breaks while the mesh splits 70/30, and that each is reported for what it is."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from tests.e2e.clients import Clients
from tests.e2e.cluster import ALPHA_STOP
from tests.e2e.mesh import Mesh
from tests.support.processes import until
from tests.support.repository import ROOT

pytestmark = pytest.mark.e2e

FAULTY = "micro-api-faulty"
OUTLIER_RULE = str(ROOT / "istio" / "mesh" / "destination-rule-outlier.yaml")
PLAIN_RULE = str(ROOT / "istio" / "destination-rule.yaml")
RUN = "--expect-canary 30 --route 70-30"
ENOUGH_IN_A_ROW = 300
UNANSWERED = ("ConnectionRe", "RemoteDisconnected", "BrokenPipeError", "IncompleteRead", "TimeoutError")
KILL = ("--force", "--grace-period=0")


@pytest.fixture(scope="module", autouse=True)
def split(mesh: Mesh) -> Iterator[None]:
    """70/30 for all that follows, and afterwards the state and the rule that were there before."""
    mesh.set_state("70-30")
    yield
    mesh.kubectl("apply", "--filename", PLAIN_RULE)
    mesh.reset()


def wait_for(mesh: Mesh, deployment: str) -> None:
    """Wait until a Deployment's rollout is complete."""
    mesh.kubectl("rollout", "status", f"deployment/{deployment}", "--timeout=120s")


def test_a_version_without_pods(mesh: Mesh, tmp_path: Path) -> None:
    """Its share of the requests gets 503, each of which names the canary as its destination: the canary is REFUTED."""
    mesh.kubectl("scale", "deployment/micro-api-v2", "--replicas=0")
    try:
        until(lambda: mesh.pods("v2") == [], "the canary's pods do not go")
        until(lambda: mesh.ask().label == "status_503", "the gateway does not miss them")
        ended = mesh.measure(tmp_path, f"{RUN} -t 4s --stop-timeout 10")
    finally:
        mesh.kubectl("scale", "deployment/micro-api-v2", "--replicas=2")
    wait_for(mesh, "micro-api-v2")
    assert ended.exit_code == 10, ended.stdout
    assert ended.counts["canary"] == 0
    assert ended.counts["other_by_kind"].keys() == {"status_503"}
    assert ended.verdict["health"]["finding"] == "WORSE"


@contextmanager
def faulty_pod(mesh: Mesh, folder: Path) -> Iterator[None]:
    """Have a third pod of the canary whose every answer is an error; it is well by its probes."""
    template = json.loads(mesh.kubectl("get", "deployment/micro-api-v2", "--output=json"))["spec"]["template"]
    template["metadata"]["name"] = FAULTY
    template["spec"]["containers"][0]["env"].append({"name": "SERVICE_ERROR_RATIO", "value": "1"})
    file = folder / "faulty.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", **template}), encoding="utf-8")
    mesh.kubectl("apply", "--filename", str(file))
    try:
        mesh.kubectl("wait", f"pod/{FAULTY}", "--for=condition=Ready", "--timeout=60s")
        yield
    finally:
        mesh.kubectl("delete", f"pod/{FAULTY}", *KILL)
        # --force returns while the pod still answers, and before istiod has told the gateway: without this the next
        # test's clients, who must lose nothing, get its errors where istiod is slower than kubectl's next command.
        until(lambda: mesh.gateway_counter("membership_total")["v2"] == len(mesh.pods("v2")), "the gateway keeps it")


def test_a_faulty_pod_is_seen_and_then_ejected(mesh: Mesh, tmp_path: Path) -> None:
    """Its errors refute the canary, until outlier detection sends it nothing more: then the split is confirmed."""
    with faulty_pod(mesh, tmp_path):
        until(lambda: mesh.ask().label == "status_500", "the faulty pod is not asked")
        seen = mesh.measure(tmp_path, f"{RUN} -t 4s --stop-timeout 10")
        mesh.kubectl("apply", "--filename", OUTLIER_RULE)
        with mesh.clients():
            until(lambda: mesh.gateway_counter("outlier_detection.ejections_active")["v2"] == 1, "no pod is ejected")
        ejected = mesh.measure(tmp_path, RUN)
        mesh.kubectl("apply", "--filename", PLAIN_RULE)
    assert seen.exit_code == 10, seen.stdout
    assert seen.verdict["health"]["finding"] == "WORSE"
    assert seen.counts["other_by_kind"].keys() == {"status_500"}
    assert ejected.exit_code == 0, ejected.stdout


def is_confirmed(clients: Clients) -> bool:
    """Return whether the answers so far confirm 30 %, for any version of the lost requests."""
    answers = clients.answers
    session = Session(Expectation(30, alpha_stop=ALPHA_STOP))
    lost = Counter(one.reason for one in clients.lost)
    session.add_all(Tally(canary=answers["canary"], stable=answers["stable"], other=lost))
    return session.verdict().outcome is Outcome.CONFIRMED


def until_nothing_is_lost(clients: Clients) -> None:
    """Wait until many requests in a row have got an answer."""
    mark = clients.requests, len(clients.lost)

    def went_well() -> bool:
        nonlocal mark
        requests, lost = clients.requests, len(clients.lost)
        if lost > mark[1]:
            mark = requests, lost
        return requests - mark[0] >= ENOUGH_IN_A_ROW

    until(went_well, "requests are still lost")


@pytest.mark.parametrize(
    ("namespace", "selector", "reasons"),
    [
        ("canary-mesh", "version=v2", ("status_503", *UNANSWERED)),
        ("istio-system", "app=istio-ingressgateway", UNANSWERED),
    ],
    ids=["pod of the canary", "pod of the gateway"],
)
def test_a_killed_pod(
    mesh: Mesh, namespace: str, selector: str, reasons: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is lost is lost for the pod's absence, it ends by itself, and then the split is confirmed without a loss."""
    kubectl = partial(mesh.cluster.kubectl, namespace=namespace)
    pods = kubectl("get", "pods", f"--selector={selector}", "--output=name")
    address = kubectl("get", pods.split()[0], "--output=jsonpath={.status.podIP}")
    with mesh.clients() as during:
        until(lambda: during.requests > ENOUGH_IN_A_ROW, "no answers")
        assert during.lost == []
        # Unlike --force this returns when the pod's processes are dead, so that the worst is over from here on.
        kubectl("delete", pods.split()[0], "--grace-period=1")
        kubectl("rollout", "status", "deployment", f"--selector={selector}", "--timeout=120s")
        until_nothing_is_lost(during)
    mesh.cluster.forget_connections(address)
    with capsys.disabled():
        print(f"\n{selector}, one pod killed: {len(during.lost)} of {during.requests} requests lost")
    assert [one for one in during.lost if not one.reason.startswith(reasons)] == []
    with mesh.clients() as after:
        until(lambda: is_confirmed(after), "the split is not confirmed")
    assert after.lost == []


def test_retries_hide_a_faulty_pod_from_the_clients(mesh: Mesh, tmp_path: Path) -> None:
    """What the faulty pod refuses is asked again of its own version, and some of it answered; the gateway counts it."""
    mesh.set_state("retry")
    with faulty_pod(mesh, tmp_path):
        before = mesh.gateway_counter("upstream_rq_retry")
        ended = mesh.measure(tmp_path, "--expect-canary 30 --route retry --keep-going -t 4s --stop-timeout 10")
        retries = mesh.gateway_counter("upstream_rq_retry") - before
    assert retries["v1"] == 0
    # Who gets the error has been retried twice: with more retries than that, some were of use.
    assert retries["v2"] > 2 * ended.counts["other"]
