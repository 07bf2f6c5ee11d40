"""A declared weight, a mesh that carries it out, and the proof that it did, under clients that lose no request."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from tests.e2e.clients import Clients
from tests.e2e.cluster import run
from tests.e2e.mesh import Mesh
from tests.support.processes import until

pytestmark = pytest.mark.e2e

REQUESTS = 20_000
SHIFTING_SECONDS = 120


@pytest.fixture(scope="module")
def clients(mesh: Mesh) -> Iterator[Clients]:
    """Clients that ask from the first shift to the last."""
    with mesh.clients() as asking:
        yield asking


def test_istio_finds_nothing_to_object_to(mesh: Mesh) -> None:
    """`istioctl analyze` is clean."""
    command = "istioctl", "analyze", "--context", mesh.cluster.context, "--namespace", mesh.namespace
    done = run(*command, kubeconfig=mesh.cluster.kubeconfig, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert "No validation issues found" in done.stdout


@pytest.mark.usefixtures("clients")
@pytest.mark.parametrize(
    ("state", "canary_percent"),
    [("100-0", 0), ("70-30", 30), ("0-100", 100), pytest.param("100-0", 0, id="back to 100-0")],
)
def test_a_declared_split_is_confirmed(mesh: Mesh, tmp_path: Path, state: str, canary_percent: int) -> None:
    """Through the gateway the answers split as the state's weights say, to the end of a release and back."""
    mesh.set_state(state)
    ended = mesh.measure(tmp_path, f"--expect-canary {canary_percent} --route {state}")
    assert ended.exit_code == 0, ended.stdout
    assert ended.counts["other"] == 0


@pytest.mark.usefixtures("clients")
def test_another_expectation_is_refuted(mesh: Mesh, tmp_path: Path) -> None:
    """An expectation of 50 % is refuted at 70/30."""
    mesh.set_state("70-30")
    ended = mesh.measure(tmp_path, "--expect-canary 50 --route 70-30")
    assert ended.exit_code == 10, ended.stdout


def test_two_load_tests_at_once_have_each_its_own_verdict(mesh: Mesh) -> None:
    """At 70/30 the claim of 50 % is refuted and the claim of 30 % confirmed, and nothing of either run is left."""
    mesh.set_state("70-30")
    exit_codes = {50: 10, 30: 0}
    with ThreadPoolExecutor() as both:
        runs = {
            claim: both.submit(mesh.cluster.script, "mesh/measure", "--expect-canary", str(claim), exit_code=code)
            for claim, code in exit_codes.items()
        }
    for claim, one in runs.items():
        assert f"\nexpected: {claim} % canary, tolerance 5 percentage points\n" in one.result()
    left = ("get", "jobs,pods,services,configmaps", "--selector=app=loadtest", "--output=name")
    until(lambda: mesh.kubectl(*left) == "", "what the load tests made is still there")


def test_a_restarted_control_plane_is_not_noticed(mesh: Mesh, tmp_path: Path, clients: Clients) -> None:
    """While istiod restarts Envoy goes on with what it has: no request is lost, and the split is confirmed."""
    before = clients.requests
    mesh.cluster.kubectl("rollout", "restart", "deployment/istiod", namespace="istio-system")
    ended = mesh.measure(tmp_path, "--expect-canary 30 --route 70-30")
    mesh.cluster.kubectl("rollout", "status", "deployment/istiod", "--timeout=120s", namespace="istio-system")
    assert ended.exit_code == 0, ended.stdout
    assert clients.requests > before
    assert clients.lost == []


def test_no_shift_loses_a_request(mesh: Mesh, clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    """Shift after shift until 20,000 requests have been sent, and the last one ends the release as it began."""
    states = cycle(["100-0", "90-10", "50-50", "0-100"])

    def shift_on() -> bool:
        mesh.set_state(next(states))
        return clients.requests >= REQUESTS

    until(shift_on, f"only {clients.requests} requests", seconds=SHIFTING_SECONDS)
    mesh.set_state("100-0")
    with capsys.disabled():
        print(f"\nthe mesh lost {len(clients.lost)} of {clients.requests} requests in all shifts")
    assert clients.lost == []
