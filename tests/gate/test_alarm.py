"""The alarm of a proof that fails: it arrives, and where it does not, the log says so."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.gate import alarm
from canary_loadtest.gate.kubernetes import Cluster
from canary_loadtest.gate.rules.answers import Question
from canary_loadtest.gate.rules.objects import Engine
from canary_loadtest.gate.service import Gate, Settings
from tests.gate import api_server
from tests.gate.api_server import NAMESPACE, RELEASE, ApiServer
from tests.gate.gates import gate
from tests.support.processes import free_port, until

LEAK = "the rollback leaks: request 7 was answered by the canary"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Give the objects of a release at 30 %."""
    with api_server.serving() as given:
        yield given


@dataclass
class Chat:
    """What takes the alarms.

    Attributes:
        url: where it listens.
        taken: the messages.
    """

    url: str = ""
    taken: list[str] = field(default_factory=list)


@contextmanager
def chat(status: int) -> Iterator[Chat]:
    """Take alarms, and answer them with a status, until the block ends."""
    given = Chat()

    class Handler(BaseHTTPRequestHandler):
        """Answers for `given`."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given.taken.append(json.loads(body)["text"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        given.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield given
        finally:
            server.shutdown()


def proving(api: ApiServer, url: str) -> Gate:
    """Return a gate in which a proof was begun."""
    base = Expectation(50, next_weight_percent=100)
    settings = Settings(Engine.ARGO_ROLLOUTS, "micro-api", "micro-api-gate", base, (), 10.0, url)
    given = Gate(Cluster(api.url, NAMESPACE), settings)
    given.answer(Question("abc", 30))
    given.prove(0)
    return given


def test_a_leak_is_sent_once_and_a_proof_is_not(api: ApiServer) -> None:
    """With the object, the release and what was seen."""
    with chat(200) as to:
        proving(api, to.url).take_proof(RELEASE, "299 answers, none of the canary", leaks=False)
        api.set_state()
        given = proving(api, to.url)
        for _ in range(2):
            given.take_proof(RELEASE, LEAK, leaks=True)
        until(lambda: to.taken != [], "no alarm came")
    assert to.taken == [f"NOT PROVED: micro-api, {RELEASE}: {LEAK}"]


@pytest.mark.parametrize(("status", "said"), [(500, "status 500"), (0, "ConnectionError")])
def test_an_alarm_that_is_not_taken_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int, said: str
) -> None:
    """After three tries; without a traceback."""
    monkeypatch.setattr(alarm, "PAUSE_SECONDS", 0.01)
    with chat(status) as to:
        alarm.alarm(to.url if status else f"http://127.0.0.1:{free_port()}/", LEAK).join()
    assert to.taken == ([LEAK] * 3 if status else [])
    assert f"gate: the alarm was not taken by --alarm-url in 3 tries: {said}" in capsys.readouterr().err


def test_an_address_that_is_none_is_named(api: ApiServer, tmp_path: Path) -> None:
    """Before the gate listens."""
    options = ("--engine", "flagger", "--allow-peer", "spiffe://x", "--alarm-url", "chat.test/hook")
    said = r"chat\.test/hook' is no address: it begins with http"
    with pytest.raises(AssertionError, match=said), gate(api, tmp_path, options=options):
        pass
