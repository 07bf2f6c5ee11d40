"""The recipes of loadtest/recipes.md as they are printed, with the tools themselves; k6 and oha are not built."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_loadtest.core.labels import CANARY, STABLE
from tests.e2e.mesh import Mesh
from tests.loadtest import recipes
from tests.loadtest.recipes import ACCESS_LOG, HOST, IN_MAKE_E2E, REQUESTS
from tests.support.processes import run, until

pytestmark = [pytest.mark.e2e, pytest.mark.load_tools]

TOOLS = str(Path(sys.prefix) / "load-tools" / "bin")
TRIES = 3  # a right split has no verdict yet in one of 100 runs
TOO_FEW = "answers are too few"
CONNECTIONS = 20


@pytest.fixture(scope="module")
def environment(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the recipes' variables, and a context of kubectl that names the mesh's namespace."""
    kubeconfig = tmp_path_factory.mktemp("context") / "kubeconfig"
    shutil.copy(mesh.cluster.kubeconfig, kubeconfig)
    done = run(
        *("kubectl", "config", "set-context", "--current", f"--namespace={mesh.namespace}"),
        environment={"KUBECONFIG": str(kubeconfig)},
    )
    assert done.returncode == 0, done.stderr
    return {"URL": mesh.cluster.gateway_url, "HOST": mesh.host, "KUBECONFIG": str(kubeconfig), "PATH": TOOLS}


@pytest.fixture(scope="module", params=[("70-30", 0), ("50-50", 10)], ids=["right", "wrong"])
def exit_code(mesh: Mesh, request: pytest.FixtureRequest) -> Iterator[int]:
    """Bring the mesh to a split, and return the exit code of the recipes, which expect 30 %."""
    state, code = request.param
    mesh.set_state(state)
    yield code
    mesh.reset()


def judged(text: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Return a recipe's exit code and output, run again while it says that its answers are too few."""
    for _ in range(TRIES):
        done = recipes.typed(text, folder, **environment)
        if done.returncode != 11 or TOO_FEW not in done.stdout:
            break
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("tool", IN_MAKE_E2E)
def test_a_recipe_says_how_the_gateway_splits(
    environment: dict[str, str], exit_code: int, tool: str, tmp_path: Path
) -> None:
    """30 % is CONFIRMED at 70/30 and REFUTED at 50/50, with every request counted."""
    folder = recipes.make_folder(tmp_path, tool)
    code, printed = judged(recipes.commands(tool), folder, environment)
    assert code == exit_code, printed
    counts = recipes.counts(printed)
    if tool == "wrk":
        assert counts["total"] == int((folder / "sent.txt").read_text())
        assert counts["other"] <= 2 * CONNECTIONS, printed
    else:
        assert counts["other"] == 0, printed
        assert counts["total"] == REQUESTS or tool == "vegeta", printed  # its end is a time


def test_the_gateways_access_log_is_judged(mesh: Mesh, environment: dict[str, str], tmp_path: Path) -> None:
    """Istio's gateway writes a line for each request once it is told to, with the columns where the page has them."""
    folder = recipes.make_folder(tmp_path, ACCESS_LOG)
    judge, tell, take = recipes.blocks(ACCESS_LOG)
    sleep, begin, hey, _ = recipes.commands("hey").splitlines()
    (text_form,) = re.findall(r"^# Istio, text.*\n(.*)$", judge, re.MULTILINE)
    mesh.set_state("70-30")
    assert recipes.typed(tell, folder, **environment).returncode == 0
    try:
        until(lambda: _is_logged(mesh), "the gateway writes no access log")
        text = f"{sleep}\n{begin}\n{hey}\nsleep 2\n{take}\n{text_form}"
        code, printed = judged(text, folder, environment)
    finally:
        mesh.cluster.kubectl("delete", "telemetry", "gateway-access-log", namespace="istio-system")
        mesh.reset()
    assert code == 0, printed
    assert recipes.counts(printed)["total"] == REQUESTS, printed


def _is_logged(mesh: Mesh) -> bool:
    mesh.ask()
    gateway = "logs", "--selector=istio=ingressgateway", "--tail=5"
    return '"GET /test/test' in mesh.cluster.kubectl(*gateway, namespace="istio-system")


def test_ab_is_refused(mesh: Mesh) -> None:
    """HTTP/1.0, which ab speaks, is answered with 426."""
    status = "--output", "/dev/null", "--write-out", "%{http_code}"
    done = run("curl", "-s", "--http1.0", *status, "-H", f"Host: {mesh.host}", mesh.cluster.gateway_url)
    assert done.stdout == "426"


@pytest.mark.parametrize("tool", ["Go", "vegeta"])
def test_a_lost_answer_stays_one(tool: str, tmp_path: Path) -> None:
    """Each of two runs counts what the server sent, to this host alone, and the lost answer as one other answer."""
    folder = recipes.make_folder(tmp_path, tool)
    recipes.assert_counted_twice(recipes.commands(tool), folder, REQUESTS, path=TOOLS)


def test_wrk_counts_what_it_lost_and_what_it_left(tmp_path: Path) -> None:
    """Both runs count no answer that was not sent, and none is missing but the lost and those under way at the end."""
    folder = recipes.make_folder(tmp_path, "wrk")
    with recipes.losing_one(REQUESTS) as server:
        for _ in range(2):
            before = server.sent.copy()
            address = {"URL": f"{server.url}/test/test", "HOST": HOST}
            done = recipes.typed(recipes.commands("wrk"), folder, **address)
            sent = server.sent - before
            assert done.returncode == 0, done.stdout + done.stderr
            counts = recipes.counts(done.stdout)
            for row, label in {"V3": CANARY, "plain": STABLE}.items():
                assert sent[label] - CONNECTIONS <= counts[row] <= sent[label]
            # It counts a request again that a connection did not take.
            assert sent["lost"] <= counts["other"] <= sent["lost"] + 2 * CONNECTIONS
            assert counts["total"] == int((folder / "sent.txt").read_text())
