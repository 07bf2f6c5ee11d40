"""Who may ask a gate: the rule, and the real process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from canary_loadtest.gate.access import Access, peer_of
from tests.gate import api_server
from tests.gate.api_server import ApiServer
from tests.gate.gates import TOKEN, gate
from tests.support.processes import run

ARGO = "spiffe://cluster.local/ns/argo-rollouts/sa/argo-rollouts"
OTHER = "spiffe://cluster.local/ns/default/sa/shop"
WHOLE = ("--token-file", "t", "--namespace", "n")
BY = f"By=spiffe://cluster.local/ns/canary-mesh/sa/gate;Hash={'0a' * 32}"


def header(uri: str) -> str:
    """Return an element of the header as Istio's sidecar writes it."""
    return f'{BY};Subject="";URI={uri}'


@pytest.mark.parametrize(
    ("given", "peer"),
    [
        ("", ""),
        (header(ARGO), ARGO),
        (f"{header(ARGO)},{header(OTHER)}", OTHER),
        (f"{header(ARGO)},,{header(OTHER)}", OTHER),
        (f'By=a;URI={ARGO};Subject="x,{header(OTHER)}', OTHER),
        (f'",{header(OTHER)}', OTHER),
        (f'Subject="CN=a,URI={ARGO}";Hash=1', ""),
        (f"{header(OTHER)},URI={ARGO}", ""),
        (f"{header(ARGO)},Hash=1", ""),
        (f"{header(OTHER)};URI={ARGO}", ""),
        (BY, ""),
    ],
)
def test_the_last_element_names_the_peer(given: str, peer: str) -> None:
    """What stands before it is the client's own word: so an open quote was seen to arrive as it was sent."""
    assert peer_of(given) == peer


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Give the objects of a release."""
    with api_server.serving() as given:
        yield given


def test_who_has_no_token_may_not_ask(api: ApiServer, tmp_path: Path) -> None:
    """401 without one, 403 with another one, and neither makes the gate read anything."""
    with gate(api, tmp_path) as asked:
        for path in ("/verdict?release=abc&weight=30", "/hooks/go-on", "/hooks/go-back", "/hooks/proof", "/alive"):
            without = asked.ask(path, token=None)
            assert (without.status_code, without.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "the gate answers who has a token, and the question has none" in without.json()["reason"]
            wrong = asked.ask(path, token="guessed")
            assert (wrong.status_code, wrong.json()["reason"]) == (403, "the token is not the gate's")
            assert asked.ask(path, token=None, **{"X-Forwarded-Client-Cert": header(ARGO)}).status_code == 401
        assert api.asked == []
        assert asked.ask("/livez", token=None).status_code == 200
        (tmp_path / "token").write_text("renewed", encoding="utf-8")
        assert asked.ask("/alive").status_code == 403
        assert asked.ask("/alive", token="renewed").status_code == 200


def test_who_is_no_known_peer_may_not_ask(api: ApiServer, tmp_path: Path) -> None:
    """The sidecar's word decides; a token is of no use where none is configured."""
    with gate(api, tmp_path, options=("--engine", "argo-rollouts", "--allow-peer", ARGO)) as asked:
        for elements, status in (("", 401), (header(OTHER), 403), (f"{header(ARGO)},{header(OTHER)}", 403)):
            given = {"X-Forwarded-Client-Cert": elements} if elements else {}
            assert asked.ask("/verdict", token=None, **given).status_code == status
        assert asked.ask("/verdict").status_code == 401
        assert asked.ask("/alive", token=None, **{"X-Forwarded-Client-Cert": header(ARGO)}).status_code == 200


def test_a_token_file_that_is_gone_lets_no_one_in(tmp_path: Path) -> None:
    """Nor does an empty one."""
    file = tmp_path / "token"
    access = Access(file, frozenset())
    refused = access.refusal({"authorization": "Bearer "})
    assert refused == (403, f"the gate cannot read its token {file}: No such file or directory")
    file.write_text("\n", encoding="utf-8")
    assert access.refusal({"authorization": "Bearer "}) == (403, "the token is not the gate's")


def test_whom_it_refuses_is_said_once(api: ApiServer, tmp_path: Path) -> None:
    """An engine without its identity says nothing of it: the gate's log does."""
    with gate(api, tmp_path) as asked:
        for _ in range(3):
            asked.ask("/hooks/go-on", token=None)
        asked.serve.terminate()
        _, said = asked.serve.communicate(timeout=30)
    assert said.count("gate: refused with 401: the gate answers who has a token") == 1


def test_a_path_is_taken_as_it_is_sent(api: ApiServer, tmp_path: Path) -> None:
    """A policy that lets somebody ask a hook does not let them ask more by the way of a slash in disguise."""
    with gate(api, tmp_path) as asked:
        for path in ("/hooks/..%2fverdict", "/hooks/%2e%2e%2fverdict", "/VERDICT", "/verdict/"):
            assert asked.ask(path).status_code == 404


def test_the_load_tests_listener_is_on_the_loopback_address_alone(api: ApiServer, tmp_path: Path) -> None:
    """And the public one has none of its addresses."""
    with gate(api, tmp_path) as asked:
        for path in ("/job", "/counts"):
            assert asked.ask(path).status_code == 404
            assert requests.post(f"{asked.url}{path}", json={}, timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no one may ask: give --token-file, --allow-peer, or both"),
        (["--token-file", "t"], "--namespace is missing, and this is no pod that has one"),
        ([*WHOLE, "--", "--expect-canary", "30"], "--expect-canary comes from the engine's object"),
        ([*WHOLE, "--", "--next-weight=30"], "--next-weight comes from the engine's object"),
        ([*WHOLE, "--", "--alpha", "7"], "alpha is 7.0: give a probability"),
        ([*WHOLE, "--", "--slow-above", "7"], "have no effect without --max-slowdown"),
    ],
)
def test_wrong_options_are_named(arguments: list[str], said: str) -> None:
    """With exit code 2, before anything is listened on."""
    own = ["serve", "--engine", "flagger", "--object", "a", "--state", "b", *arguments]
    environment = {"PYTHONPATH": "loadtest"}
    ended = run(".venv/bin/python", "-m", "canary_loadtest", "gate", *own, environment=environment)
    assert ended.returncode == 2, ended.stderr
    assert said in " ".join(ended.stderr.split())
    assert TOKEN not in ended.stderr
