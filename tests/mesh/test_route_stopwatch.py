"""The stopwatch around a change of routes: what counts as served for good, and its report of a real server."""

import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.mesh import route_stopwatch
from scripts.mesh.route_stopwatch import HOLD_ANSWERS, HOLD_SECONDS, Answer, FailedError, ask, measure, report, settled

EVERY_SECONDS = 0.1
HOST = "service.test"


def answers(routes: str) -> list[Answer]:
    """Return an answer for each letter, the route's name, asked for at even intervals."""
    return [Answer(EVERY_SECONDS * number, EVERY_SECONDS * number + 0.01, name) for number, name in enumerate(routes)]


@pytest.mark.parametrize(
    ("routes", "first"),
    [
        ("o" * 9 + "n" * 30, 9),
        ("n" * 30, 0),
        ("o" + "n" * 25 + "o" + "n" * 25, 27),
        ("o" + "n" * 25 + "x" + "m" * 25, 27),
        ("o" * 9 + "n" * (HOLD_ANSWERS - 1), None),
        ("n" * 30 + "o", None),
        ("o" * 30, None),
        ("", None),
    ],
)
def test_the_last_unbroken_run_counts(routes: str, first: int | None) -> None:
    """An answer by the old route, or by none, restarts the wait; either of the new routes' names will do."""
    found = settled(answers(routes), {"n", "m"})
    assert found == (None if first is None else answers(routes)[first])


def test_many_answers_at_once_are_not_enough() -> None:
    """Many answers prove nothing until they have lasted for a second."""
    quick = [Answer(HOLD_SECONDS * number / 100, HOLD_SECONDS * number / 100, "n") for number in range(100)]
    assert settled(quick, {"n"}) is None
    assert settled([*quick, Answer(HOLD_SECONDS, HOLD_SECONDS, "n")], {"n"}) == quick[0]


@given(st.text("no", max_size=80))
def test_nothing_but_new_answers_follows(routes: str) -> None:
    """From the returned answer on there is no other answer, and the one before it is another."""
    made = answers(routes)
    found = settled(made, {"n"})
    if found is not None:
        place = made.index(found)
        assert set(routes[place:]) == {"n"}
        assert routes[:place][-1:] in {"", "o"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server whose answers name the route that a file says; without the file they name none, with status 404."""
    file = tmp_path / "route"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = file.exists() and self.headers["Host"] == HOST
            self.send_response(200 if there else 404)
            if there:
                self.send_header("x-canary-route", file.read_text(encoding="utf-8"))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/test/test"
        server.shutdown()
        thread.join()


def timed(url: str, *command: str) -> str:
    """Time a command that is to bring the route `new`; return the report."""
    wanted = {"new"}
    return report(*measure(command, lambda: ask(url, HOST), wanted), wanted)


def test_a_change_is_timed(url: str, tmp_path: Path) -> None:
    """The report says how long it took, and how many answers came by each route."""
    (tmp_path / "route").write_text("old", encoding="utf-8")
    shown = timed(url, "sh", "-c", f"sleep 0.2; printf new >{tmp_path}/next; mv {tmp_path}/next {tmp_path}/route")
    pattern = r"# new: served for good \d+\.\d\d s after the command began\n# the answers: \d+ by old, \d+ by new"
    assert re.fullmatch(pattern, shown)


def test_a_gap_without_a_route_is_reported(url: str, tmp_path: Path) -> None:
    """Answers that came by no route are counted with their status."""
    shown = timed(url, "sh", "-c", f"sleep 0.2; printf new >{tmp_path}/next; mv {tmp_path}/next {tmp_path}/route")
    assert re.search(r"\n# the answers: \d+ by no route \(status 404\), \d+ by new$", shown)


def test_a_route_that_was_served_before_is_reported(url: str, tmp_path: Path) -> None:
    """Where nothing changed, there is no time to report."""
    (tmp_path / "route").write_text("new", encoding="utf-8")
    assert timed(url, "true").startswith("# new: served already before the command (")


def test_a_command_that_fails_ends_the_wait(url: str) -> None:
    """Its exit code is named, and nothing is waited for."""
    with pytest.raises(FailedError, match=r"^the command ended with exit code 3$"):
        timed(url, "sh", "-c", "exit 3")


def test_a_server_that_does_not_answer_is_named() -> None:
    """A refused connection counts as no answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}/", HOST) == "no answer (ConnectionRefusedError)"


def test_a_change_that_never_comes_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end, and the error counts the last answers by their routes."""
    monkeypatch.setattr(route_stopwatch, "SETTLE_SECONDS", 0.1)
    with pytest.raises(FailedError, match=r"^not served after 0\.1 s; the last answers: \d+ by old$"):
        measure(["true"], lambda: "old", {"new"})
