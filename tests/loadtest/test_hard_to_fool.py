"""What a server can do to fool a load test: each is run against the real process, and must get the right report.

The table of cases is also the one of docs/hard-to-fool.md; `test_hard_to_fool_rates` says how often chance wins.
"""

import gzip
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from canary_loadtest.core.contract import CANARY_BODY
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from tests.docs.hard_to_fool import documented_rows
from tests.loadtest import misbehaviour as server_that
from tests.loadtest.locust_process import BOTH_FINDINGS, run_until_held
from tests.loadtest.server import chunked, cut_off, http, serving
from tests.loadtest.traffic import Handler, SlowVersion, held_after

CONFIRMED, REFUTED, INCONCLUSIVE = Outcome.CONFIRMED, Outcome.REFUTED, Outcome.INCONCLUSIVE
UNTIL_DECIDED = 10_000
RIGHT = "are from the canary: within"
WRONG = "the share is not"
NEITHER = "answers are neither canary nor stable"


@dataclass(frozen=True)
class Case:
    """A misbehaviour, and the report that it must get.

    Attributes:
        name: what the document and the tests call it.
        does: what the server does.
        handler: makes the handler that does it; the labels of its replies are what they must count as.
        options: of the load test.
        verdict: what it must say.
        other: the kind of other answers that it must count, "" for none; it counts no further kind.
        reason: a part of its reason.
        answers: how many requests are answered before the server keeps all waiting.
        users: how many ask at a time; with one, the order of all requests is known.
    """

    name: str
    does: str
    handler: Callable[[], Handler]
    options: str
    verdict: Outcome
    other: str
    reason: str
    answers: int = UNTIL_DECIDED
    users: int = 1

    @property
    def documented(self) -> list[str]:
        """The cells of the case's row in the document, which also has one that says why."""
        other = f"`{self.other}`" if self.other else "none"
        return [f"`{self.name}`", self.does, f"`{self.options}`", self.verdict, other, f"... {self.reason} ..."]


def odd(name: str, does: str, label: str, raw: bytes) -> Case:
    """Return the case of a server whose every fifth reply is these bytes, after which it closes the connection."""
    return Case(
        name,
        f"every fifth reply, next to 30 % canary: {does}",
        lambda: server_that.is_odd_to_every_fifth(server_that.always(label, raw, close=True)),
        "--expect-canary 30 --tolerance 10 --only-split",
        INCONCLUSIVE,
        label,
        f"80 of 400 {NEITHER}",
        answers=400,
    )


def sheds(name: str, lost: int, of: int, routed_percent: int, verdict: Outcome = INCONCLUSIVE) -> Case:
    """Return the case of a server that turns away `lost` of each `of` requests that are routed to the canary."""
    return Case(
        name,
        f"routes {routed_percent} % to the canary, and sheds {lost} of {of} of these as 503",
        lambda: server_that.loses_canary(lost, of, server_that.shed(), routed_percent // 10),
        "--expect-canary 30 --only-split",
        verdict,
        "status_503",
        NEITHER if verdict is INCONCLUSIVE else WRONG,
        answers=700 if verdict is INCONCLUSIVE else UNTIL_DECIDED,
    )


CASES = [
    odd("closed-before-answer", "the connection is closed without a byte", "connection_error", b""),
    odd(
        "closed-during-answer",
        "the connection is closed within the headers",
        "connection_error",
        http(CANARY_BODY)[:40],
    ),
    Case(
        "closed-after-answer",
        "closes each connection after a right answer, unannounced",
        server_that.closes_unannounced,
        "--expect-canary 30 --tolerance 10 --only-split",
        CONFIRMED,
        "",
        RIGHT,
    ),
    Case(
        "reset-of-one-version",
        "routes 40 % to the canary, and resets 5 of 14 of these (35.7 %)",
        lambda: server_that.loses_canary(5, 14, server_that.reset, 4),
        "--expect-canary 30 --only-split",
        INCONCLUSIVE,
        "connection_reset",
        NEITHER,
        answers=700,
    ),
    sheds("shed-10-percent", 1, 10, 40, REFUTED),
    sheds("shed-20-percent", 1, 5, 40),
    sheds("shed-35.7-percent", 5, 14, 40),
    sheds("shed-of-a-right-split", 1, 5, 30),
    Case(
        "failing-canary",
        "routes 30 % to the canary, which fails 1 of 2 of these with 503, and names on each answer where it was sent",
        lambda: server_that.fails_by_name(CANARY, 2),
        "--expect-canary 30",
        REFUTED,
        "status_503",
        "the canary errs more often than stable",
    ),
    Case(
        "slow-canary",
        "routes 30 % to the canary, which answers 40 ms later than stable, all right",
        lambda: server_that.answers_later(CANARY, 40),
        "--expect-canary 30 --max-slowdown 2",
        REFUTED,
        "",
        "the canary is slower than stable",
    ),
    Case(
        "shed-by-name",
        "routes 40 % to the canary, sheds 5 of 14 of these as 503, and names on each answer where it was sent",
        lambda: server_that.fails_by_name(CANARY, 14, fails=5, canary_of_ten=4),
        "--expect-canary 30 --only-split",
        REFUTED,
        "status_503",
        "drawn for the canary: the share is not",
    ),
    Case(
        "failing-without-a-name",
        "routes 30 % to the canary, which fails 1 of 100 of these with 503, and names no destination",
        lambda: server_that.loses_canary(1, 100, server_that.shed(), 3),
        "--expect-canary 30",
        INCONCLUSIVE,
        "status_503",
        "the split is right, but",
        answers=1500,
    ),
    odd(
        "truncated-body",
        "the canary's body, one byte short of its `content-length`",
        "truncated_body",
        cut_off(CANARY_BODY),
    ),
    Case(
        "chunked-body",
        "sends the canary's answer in chunks",
        lambda: server_that.answers_canary_by(chunked(CANARY_BODY)),
        "--expect-canary 30 --tolerance 10 --only-split",
        CONFIRMED,
        "",
        RIGHT,
    ),
    odd(
        "chunked-without-end",
        "the canary's body in chunks, without the last, empty chunk",
        "truncated_body",
        chunked(CANARY_BODY)[:-5],
    ),
    odd(
        "compressed-body",
        "the canary's body, compressed although the request does not ask for it",
        "unexpected_encoding",
        http(gzip.compress(CANARY_BODY), content_encoding="gzip"),
    ),
    odd("redirected", "302 to where the canary's answer is", "status_302", http(b"", "302 Found", location="/v3")),
    odd(
        "almost-right-body", "the canary's body with a newline at its end", "unexpected_body", http(CANARY_BODY + b"\n")
    ),
    odd(
        "wrong-type",
        "the canary's body with the type of an HTML page",
        "unexpected_content_type",
        http(CANARY_BODY, content_type="text/html"),
    ),
    Case(
        "share-changes",
        "routes 30 % to the canary for 300 requests, then 60 %",
        lambda: server_that.changes_share(3, 6, after=300),
        "--expect-canary 30 --only-split",
        REFUTED,
        "",
        WRONG,
    ),
    Case(
        "share-changes-after-verdict",
        "routes 30 % to the canary for 600 requests, then 60 %",
        lambda: server_that.changes_share(3, 6, after=600),
        "--expect-canary 30 --only-split --keep-going",
        REFUTED,
        "",
        "canary), but refuted after",
        answers=1500,
    ),
    Case(
        "share-changes-with-route",
        "routes 50 % by `50-50` for 50 requests, then 30 % by `70-30`",
        lambda: server_that.changes_share(5, 3, after=50, routes=("50-50", "70-30")),
        "--expect-canary 30 --tolerance 10 --only-split",
        INCONCLUSIVE,
        "",
        "by more than one route (50-50: 50, 70-30: 350)",
        answers=400,
    ),
    Case(
        "share-drifts",
        "routes 30 % to the canary, and 10 points more after each 300 requests",
        lambda: server_that.changes_share(*range(3, 11), after=300),
        "--expect-canary 30 --only-split",
        REFUTED,
        "",
        WRONG,
    ),
    Case(
        "slow-version",
        "answers at once as stable, and as canary only when each of 40 users waits for one",
        lambda: SlowVersion(CANARY, users=40, seed=1),
        "--expect-canary 30 --tolerance 10 --only-split -u 40",
        CONFIRMED,
        "",
        RIGHT,
        users=40,
    ),
    Case(
        "leak-at-0",
        "routes nothing to the canary, but every 200th request",
        lambda: server_that.leaks(CANARY),
        "--expect-canary 0",
        REFUTED,
        "",
        "1 of 200 answers (0.5 %) is from the canary",
    ),
    Case(
        "leak-at-100",
        "routes all to the canary, but every 200th request",
        lambda: server_that.leaks(STABLE),
        "--expect-canary 100",
        REFUTED,
        "",
        "199 of 200 answers (99.5 %) are from the canary",
    ),
    Case(
        "canary-on-route-to-v1",
        "routes 20 % to v2, and of the 80 % to v1 the application gives every eighth answer of the canary",
        server_that.answers_canary_as_v1,
        "--expect-canary 30 --only-split",
        INCONCLUSIVE,
        "version_mismatch",
        NEITHER,
        answers=700,
    ),
    Case(
        "never-answers",
        "takes every request, and answers none",
        server_that.never_answers,
        "--expect-canary 0",
        INCONCLUSIVE,
        "",
        "no request was answered; 1 still waits",
        answers=0,
    ),
    Case(
        "pinned-connections",
        "routes 30 % of the connections to the canary, with all their requests",
        server_that.pins_connections,
        "--expect-canary 30 --only-split --keep-alive",
        INCONCLUSIVE,
        "",
        "connections are pinned to a version",
        answers=600,
    ),
    Case(
        "pinned-connections-closed",
        "the same server",
        server_that.pins_connections,
        "--expect-canary 30 --tolerance 10 --only-split",
        CONFIRMED,
        "",
        RIGHT,
    ),
    Case(
        "kept-connections",
        "routes 30 % of the requests to the canary, on any connection",
        lambda: server_that.changes_share(3, after=1),
        "--expect-canary 30 --tolerance 10 --only-split --keep-alive",
        CONFIRMED,
        "",
        RIGHT,
    ),
]


@pytest.mark.documents
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_misbehaviour_is_reported_for_what_it_is(tmp_path: Path, case: Case) -> None:
    """Verdict, kinds of other answers and reason are those of the table, and no request is counted other than sent."""
    with serving(held_after(case.answers, case.handler())) as server:
        ended = run_until_held(tmp_path, server, case.options, environment=BOTH_FINDINGS)
    assert ended.verdict["verdict"] == case.verdict, ended.verdict["reason"]
    assert ended.exit_code == EXIT_CODES[case.verdict], ended.stderr
    assert case.reason in ended.verdict["reason"]
    assert set(ended.counts["other_by_kind"]) == {case.other} - {""}
    counted = sum(ended.taken.values())
    assert counted == ended.verdict["decided_after"] or counted == case.answers, "none was left out"
    if case.users == 1:
        assert ended.taken == Counter(server.completed[:counted]), "counted is what was sent, to the request"
    else:
        assert Counter(ended.taken) <= server.sent


def test_document_tells_every_case() -> None:
    """The table of docs/hard-to-fool.md has one row for each case, with its verdict, in the order of the cases."""
    rows = documented_rows("What a server does, and what is reported")
    assert [cells[:-1] for cells in rows] == [case.documented for case in CASES]
    assert all(cells[-1] for cells in rows), "each row says why"
