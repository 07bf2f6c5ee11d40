"""Nothing about the client bends the split: what the server sent is compared with what the client counted."""

import gzip
from pathlib import Path

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.contract import CANARY_BODY, STABLE_BODY
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.session import Session
from tests.loadtest.locust_process import Ended, run, run_until_held
from tests.loadtest.misbehaviour import drips
from tests.loadtest.server import Reply, Request, answer, chunked, cut_off, http, serving
from tests.loadtest.traffic import HELD, Handler, SlowVersion, held_after, split, tens
from tests.support.repository import ROOT

ODD_REPLIES = [
    Reply("truncated_body", cut_off(CANARY_BODY), close=True),
    Reply("truncated_body", cut_off(STABLE_BODY[:-9], STABLE_BODY[-9:]), close=True),
    Reply("truncated_body", chunked(CANARY_BODY)[:-5], close=True),
    Reply("connection_error", http(CANARY_BODY)[:40], close=True),
    Reply("connection_error", b"", close=True),
    Reply("status_302", http(b"", "302 Found", location="/v3")),
    Reply("status_404", http(CANARY_BODY, "404 Not Found")),
    Reply("status_503", http(b"no healthy upstream", "503 Service Unavailable", "text/plain")),
    Reply("overloaded_503", http(b"", "503 Service Unavailable", "text/plain", x_envoy_overloaded="true")),
    Reply("connection_error", cut_off(b"no", b"body").replace(b"200 OK", b"503 Service Unavailable"), close=True),
    Reply("unexpected_content_type", http(CANARY_BODY, content_type="text/html")),
    Reply("unexpected_content_type", http(CANARY_BODY, Content_Type="application/json;charset=UTF-8")),
    Reply("unexpected_encoding", http(gzip.compress(CANARY_BODY), content_encoding="gzip")),
    *(Reply("unexpected_encoding", http(CANARY_BODY, content_encoding=name)) for name in ("zstd", "gzip", "br")),
    Reply("unexpected_encoding", http(b"", "503 Service Unavailable", content_encoding="zstd")),
    Reply("invalid_http", b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    Reply("invalid_http", http(CANARY_BODY, x_colour="\x1b[31mred")),
    Reply("invalid_http", chunked(CANARY_BODY).replace(b"\r\n\r\n", b"\r\n\r\nx", 1)),
    Reply("unexpected_body", http(CANARY_BODY + b"\n")),
    Reply("unexpected_body", http(b"")),
]


@pytest.fixture(scope="module")
def odd_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, dict[str, int]]:
    """Run against a server that sends every odd reply, each after one of either version, and count at both ends."""

    def reply(request: Request) -> Reply:
        number, kind = divmod(request.number, 3)
        return ODD_REPLIES[number % len(ODD_REPLIES)] if kind == 2 else answer((CANARY, STABLE)[kind])

    folder = tmp_path_factory.mktemp("odd")
    with serving(held_after(6 * len(ODD_REPLIES), reply)) as server:
        ended = run_until_held(folder, server, "--expect-canary 50")
    sent = {label: count for label, count in server.sent.items() if label != HELD}
    return ended, sent


@pytest.mark.parametrize("kind", [CANARY, STABLE, *sorted({reply.label for reply in ODD_REPLIES})])
def test_reply_counts_as_what_it_is(odd_run: tuple[Ended, dict[str, int]], kind: str) -> None:
    """Each kind of reply is counted as often as it was sent: a bad one never as a version's, none twice."""
    ended, sent = odd_run
    assert ended.taken.get(kind) == sent[kind], ended.taken


def test_odd_replies_decide_nothing(odd_run: tuple[Ended, dict[str, int]]) -> None:
    """Where a third of the replies could be of either version, there is no verdict, and nothing was asked twice."""
    ended, sent = odd_run
    assert ended.exit_code == 11
    assert ended.taken == sent


def test_dropped_requests_are_not_sent_again(tmp_path: Path) -> None:
    """40 % routed to a canary that drops a third of its connections is not 30 %: each request is sent once."""
    label = tens(4)
    dropped = Reply("connection_error", b"")

    def reply(request: Request) -> Reply:
        routed_to_canary = label(request.number) == CANARY
        return dropped if routed_to_canary and request.number % 3 == 0 else answer(label(request.number))

    with serving(held_after(900, reply)) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --keep-alive")
    assert ended.taken == {label: count for label, count in server.sent.items() if label != HELD}
    assert ended.exit_code == 11, ended.verdict["reason"]
    seen_percent = 100 * ended.taken[CANARY] / (ended.taken[CANARY] + ended.taken[STABLE])
    assert 28 < seen_percent < 32, "a client that sends again would see this share only, and believe it"


@pytest.mark.parametrize(("slow", "seed"), [(CANARY, 1), (CANARY, 2), (STABLE, 3)])
def test_slower_version_does_not_refute_a_right_split(tmp_path: Path, slow: str, seed: int) -> None:
    """Answers are judged in the order of their requests: the very same ones refute in the order of completion."""
    users = 40
    with serving(SlowVersion(slow, users, seed)) as server:
        ended = run(tmp_path, f"-u {users} --host {server.url} --expect-canary 30 --tolerance 10")
    assert ended.exit_code == 0, ended.verdict["reason"]
    by_completion = Session(Expectation(30, tolerance_points=10))
    for label in server.completed:
        by_completion.add(Answer(label))
    assert by_completion.verdict().outcome is Outcome.REFUTED


def test_cookie_does_not_pin_a_user(tmp_path: Path) -> None:
    """A server that pins by cookie sees none come back, so that each answer is a sample of its own."""
    draw = tens(3)

    def reply(request: Request) -> Reply:
        pinned = "cookie:" in request.head.lower()
        return Reply("pinned", b"") if pinned else answer(draw(request.number), set_cookie="version=v2; Path=/")

    with serving(held_after(60, reply)) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --keep-alive")
    assert ended.taken == {CANARY: 18, STABLE: 42}
    assert "pinned" not in server.sent


def test_sticky_users_can_be_tested(tmp_path: Path) -> None:
    """A locustfile that keeps cookies sends them back from a user's second request on."""
    locustfile = tmp_path / "sticky.py"
    locustfile.write_text(
        "from canary_loadtest import CanaryUser\nclass Sticky(CanaryUser):\n    keep_cookies = True\n",
        encoding="utf-8",
    )

    def reply(request: Request) -> Reply:
        return answer(
            CANARY if "cookie: version=v2" in request.head.lower() else STABLE, set_cookie="version=v2; Path=/"
        )

    with serving(held_after(10, reply)) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 50", locustfile=locustfile)
    assert ended.taken == {CANARY: 9, STABLE: 1}


def test_one_answer_per_connection_by_default(tmp_path: Path) -> None:
    """Without --keep-alive every request opens a connection, so that answers are independent behind any balancer."""
    with serving(held_after(60, split(3))) as server:
        run_until_held(tmp_path, server, "--expect-canary 30")
    assert server.connections == server.sent.total() == 61
    assert "connection: close" in server.heads[0].lower()


def test_keep_alive_uses_few_connections(tmp_path: Path) -> None:
    """With --keep-alive a user asks twenty times on one connection, then on the next."""
    with serving(held_after(60, split(3))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --keep-alive")
    assert server.connections == 4
    assert ended.taken == {CANARY: 18, STABLE: 42}


def test_server_that_closes_unannounced_loses_nothing(tmp_path: Path) -> None:
    """A server that closes after each answer without a word costs no request, since no connection is used again."""
    label = tens(3)

    def reply(request: Request) -> Reply:
        closing = answer(label(request.number))
        closing.close = True
        return closing

    with serving(held_after(60, reply)) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30")
    assert ended.taken == {CANARY: 18, STABLE: 42}


@pytest.mark.parametrize(
    ("option", "sent"), [("", "127.0.0.1:"), ("--host-header micro-api.default.svc", "micro-api.default.svc")]
)
def test_host_header_reaches_the_server(tmp_path: Path, option: str, sent: str) -> None:
    """The server sees the host that was asked for, once, and the path of the contract."""
    with serving(held_after(1, split(3))) as server:
        run_until_held(tmp_path, server, f"--expect-canary 30 {option}")
    lines = server.heads[0].splitlines()
    hosts = [line.split(": ", 1)[1] for line in lines if line.lower().startswith("host:")]
    assert lines[0] == "GET /test/test HTTP/1.1"
    assert len(hosts) == 1
    assert hosts[0].startswith(sent)


def rerouted_after(count: int) -> Handler:
    """Answer `count` requests by the route 50-50, and the others by 70-30."""
    old, new = split(5, x_canary_route="50-50"), split(3, x_canary_route="70-30")
    return lambda request: (old if request.number < count else new)(request)


def test_change_of_weights_leaves_no_verdict_unless_the_route_is_named(tmp_path: Path) -> None:
    """Answers by two routes are two splits: without --route their mixture confirms nothing."""
    with serving(held_after(400, rerouted_after(50))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --tolerance 10")
    assert ended.exit_code == 11
    assert "more than one route (50-50: 50, 70-30: 350)" in ended.verdict["reason"]


def test_named_route_alone_is_judged(tmp_path: Path) -> None:
    """With --route the old route's answers before the change are set aside, and those after it count as wrong_route."""
    changed = rerouted_after(50)
    stale = answer(STABLE, x_canary_route="50-50")
    stale.label = "wrong_route"
    with serving(lambda request: stale if request.number in {90, 110} else changed(request)) as server:
        ended = run(tmp_path, f"-u 1 --host {server.url} --expect-canary 30 --tolerance 10 --route 70-30")
    assert ended.exit_code == 0, ended.verdict["reason"]
    assert ended.counts["other_by_kind"] == {"wrong_route": 2}
    assert list(ended.counts["routes"]) == ["70-30"]
    assert ended.counts["settling"] == 50


def test_proxy_of_the_environment_is_not_asked(tmp_path: Path) -> None:
    """HTTP_PROXY and its relatives are ignored: they would catch loopback too, and answer for the service."""
    with serving(split(0)) as proxy, serving(split(3)) as server:
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", environment=dict.fromkeys(names, proxy.url))
    assert ended.exit_code == 0, ended.stderr
    assert proxy.connections == 0


def test_plain_ascii_terminal_shows_the_verdict(tmp_path: Path) -> None:
    """Under a locale that knows only ASCII the table comes out, even where a route has a name beyond it."""
    ascii_only = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with serving(split(3, x_canary_route="70-30-ü")) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", environment=ascii_only)
    assert ended.exit_code == 0, ended.stderr
    assert "verdict:  CONFIRMED" in ended.stdout


def test_locustfile_of_another_service(tmp_path: Path) -> None:
    """The README's locustfile judges a service with another contract, and the table has that service's names."""
    _, _, block = (ROOT / "loadtest" / "README.md").read_text(encoding="utf-8").partition("\n```python\n")
    locustfile = tmp_path / "shop.py"
    locustfile.write_text(block.partition("```")[0], encoding="utf-8")
    label = tens(3)

    def reply(request: Request) -> Reply:
        colour = "green" if label(request.number) == CANARY else "blue"
        return Reply(label(request.number), http(b"<h1>Shop</h1>", content_type="text/html", x_colour=colour))

    with serving(reply) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
    assert server.heads[0].startswith("GET /shop ")
    assert [line.split()[0] for line in ended.stdout.splitlines()[1:3]] == ["green", "blue"]


def test_answer_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    """A request without an answer in the user's time is counted as timeout, and the next ones are judged."""
    locustfile = tmp_path / "hasty.py"
    locustfile.write_text(
        "from canary_loadtest import CanaryUser\nclass Hasty(CanaryUser):\n    timeout_seconds = 0.5\n",
        encoding="utf-8",
    )
    right, hanging = split(3), held_after(0, split(3))
    with serving(lambda request: hanging(request) if request.number == 5 else right(request)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
    assert ended.counts["other_by_kind"] == {"timeout": 1}


@pytest.mark.parametrize("at_once", [0, http(CANARY_BODY).index(b"{")], ids=["head", "body"])
def test_answer_that_drips_is_a_timeout(tmp_path: Path, at_once: int) -> None:
    """An answer whose pieces each come in time, but not the whole, holds back the later ones no longer than others."""
    locustfile = tmp_path / "hasty.py"
    locustfile.write_text(
        "from canary_loadtest import CanaryUser\nclass Hasty(CanaryUser):\n    timeout_seconds = 0.5\n",
        encoding="utf-8",
    )
    right, dripping = split(3), drips(http(CANARY_BODY), at_once)
    with serving(lambda request: (dripping if request.number == 5 else right)(request)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
    assert ended.counts["other_by_kind"] == {"timeout": 1}
