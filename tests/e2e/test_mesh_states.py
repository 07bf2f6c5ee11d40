"""What each kind of state does, the twins of the Gateway API in the same table; and who counts what."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mesh import Answer, Mesh
from tests.support.processes import until

pytestmark = pytest.mark.e2e

TWIN = "gateway-api/"
ASKED = 50


def route_of(state: str) -> str:
    """Return the route that the answers of a state name."""
    return state.replace("/", "-")


def served_by_version(mesh: Mesh) -> Counter[str]:
    """Return how many requests the pods of each version have answered."""
    return Counter({version: mesh.served(version) for version in ("v1", "v2")})


@pytest.fixture(scope="module", autouse=True)
def stable_afterwards(mesh: Mesh) -> Iterator[None]:
    """Leave the mesh as it was found."""
    yield
    mesh.reset()


@pytest.mark.parametrize(("state", "canary_percent"), [("100-0", 0), ("70-30", 30), ("0-100", 100)])
def test_a_split_of_the_gateway_api_is_confirmed(mesh: Mesh, tmp_path: Path, state: str, canary_percent: int) -> None:
    """An HTTPRoute splits as the VirtualService of the same name does (tests/e2e/test_mesh.py)."""
    mesh.set_state(f"{TWIN}{state}")
    ended = mesh.measure(tmp_path, f"--expect-canary {canary_percent} --route {route_of(TWIN + state)}")
    assert ended.exit_code == 0, ended.stdout
    assert ended.counts["other_by_kind"] == {}, ended.stdout


@pytest.mark.parametrize("kind", [TWIN, ""], ids=["HTTPRoute", "VirtualService"])
def test_a_header_chooses_the_version(mesh: Mesh, kind: str) -> None:
    """The header x-canary: "true" leads to the canary every time, and nothing else ever does."""
    mesh.set_state(f"{kind}header")
    canary, stable = (
        Answer(label, route_of(f"{kind}header-{track}"))
        for label, track in (("canary", "canary"), ("stable", "stable"))
    )
    assert {mesh.ask({"x-canary": "true"}) for _ in range(ASKED)} == {canary}
    assert {mesh.ask({"x-canary": "false"}) for _ in range(ASKED)} == {stable}
    assert {mesh.ask() for _ in range(ASKED)} == {stable}


@pytest.mark.parametrize("kind", [TWIN, ""], ids=["HTTPRoute", "VirtualService"])
def test_a_mirror_asks_the_canary_and_answers_by_the_stable_version(mesh: Mesh, kind: str) -> None:
    """Every client gets the stable answer, and the canary's own counters have every request once."""
    mesh.set_state(f"{kind}mirror")
    before = mesh.served("v2")
    assert {mesh.ask() for _ in range(ASKED)} == {Answer("stable", route_of(f"{kind}mirror"))}
    # Envoy does not wait for the answers to the copies.
    until(lambda: mesh.served("v2") == before + ASKED, f"{mesh.served('v2') - before} of {ASKED} requests mirrored")


def test_faults_that_the_proxy_makes_forbid_a_verdict(mesh: Mesh, tmp_path: Path) -> None:
    """One request in ten is refused by the proxy, which names the version that was drawn: INCONCLUSIVE."""
    mesh.set_state("fault")
    ended = mesh.measure(tmp_path, "--expect-canary 30 --route fault -t 4s --stop-timeout 10")
    assert ended.exit_code == 11, ended.stdout
    by_kind, drawn = ended.counts["other_by_kind"], ended.counts["drawn"]
    assert ended.counts["routes"].keys() == {"fault"}
    total = sum(drawn.values())
    assert by_kind["status_503"] > total / 20
    # A connection that is lost on the way to the gateway is no fault of its making.
    lost = sum(by_kind.values()) - by_kind["status_503"]
    assert lost == drawn["unknown"] <= total / 100, by_kind


def test_a_cookie_keeps_a_visitor_with_a_version(mesh: Mesh, tmp_path: Path) -> None:
    """New visitors split 70/30 and get a cookie; with it each comes back to the version of the first answer."""
    mesh.set_state("cookie")
    ended = mesh.measure(tmp_path, "--expect-canary 30 --route cookie-new")
    assert ended.exit_code == 0, ended.stdout
    canary, stable = Answer("canary", "cookie-new", "canary=always"), Answer("stable", "cookie-new", "canary=never")
    met: set[Answer] = set()

    def met_both() -> bool:
        met.add(mesh.ask())
        return len(met) > 1

    until(met_both, "new visitors meet one version only")
    assert met == {canary, stable}
    assert {mesh.ask({"Cookie": canary.cookie}) for _ in range(ASKED)} == {Answer("canary", "cookie-canary")}
    assert {mesh.ask({"Cookie": stable.cookie}) for _ in range(ASKED)} == {Answer("stable", "cookie-stable")}


def test_client_service_and_envoy_count_the_same(mesh: Mesh, tmp_path: Path) -> None:
    """What the load test has counted is what the pods have answered and what the gateway has forwarded."""
    mesh.set_state("70-30")
    served, forwarded = served_by_version(mesh), mesh.gateway_counter("upstream_rq_completed")
    # To the end of the time, and what is in flight then is waited for: the verdict alone leaves that uncounted.
    ended = mesh.measure(tmp_path, "--expect-canary 30 --route 70-30 --keep-going -t 5s --stop-timeout 20")
    assert ended.verdict["unfinished"] == 0
    counted = Counter(v1=ended.counts["stable"], v2=ended.counts["canary"])
    assert counted.total() == ended.counts["routes"]["70-30"] > 0
    assert served_by_version(mesh) - served == counted
    assert mesh.gateway_counter("upstream_rq_completed") - forwarded == counted


def test_changing_the_kind_of_route_loses_nothing(mesh: Mesh) -> None:
    """From a VirtualService to an HTTPRoute and back there is a route at every moment."""
    with mesh.clients() as clients:
        for state in (f"{TWIN}70-30", "70-30"):
            mesh.set_state(state)
    assert clients.answers.keys() == {"canary", "stable"}
    assert clients.lost == []
