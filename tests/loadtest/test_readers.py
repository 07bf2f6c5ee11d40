"""The readers of piped answers: each format, cut anywhere, with anything between the answers."""

import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canary_loadtest.core.contract import CANARY_BODY, STABLE_BODY
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.health.counts import Epoch
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.core.tally import Tally
from canary_loadtest.judge import readers
from canary_loadtest.judge.order import ByStart
from canary_loadtest.judge.readers import FORMATS
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.sources import Source
from tests.loadtest.records import answers_in, json_line, log_record_of, record_of, vegeta_record_of

NOISE = b"curl: (52) Empty reply from server"


class Dripping(io.BytesIO):
    """A stream that hands out a few bytes at a time, as a slow pipe does."""

    def __init__(self, data: bytes, piece_bytes: int) -> None:
        """Hold `data`, to be read in pieces of at most `piece_bytes`."""
        super().__init__(data)
        self._piece_bytes = piece_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a piece."""
        return super().read(self._piece_bytes if size is None or size < 0 else min(size, self._piece_bytes))


ANY_FORMAT = pytest.mark.parametrize("name", FORMATS)


def read(name: str, data: bytes | BinaryIO, route: str | None = None) -> Tally:
    """Read answers in the format `name`."""
    reading = Reading(route)
    FORMATS[name].read(Source(io.BytesIO(data) if isinstance(data, bytes) else data, "answers"), reading)
    return reading.tally


@ANY_FORMAT
def test_answers_are_counted(name: str) -> None:
    """Each format counts three canary and two stable answers as that, and nothing else."""
    tally = read(name, answers_in(name, CANARY, STABLE, CANARY, CANARY, STABLE))
    assert (tally.canary, tally.stable, tally.other) == (3, 2, Counter())
    assert tally.routes == Counter({"": 5})


@ANY_FORMAT
def test_nothing_is_counted_in_an_empty_stream(name: str) -> None:
    """An empty stream has no answers, and no kinds that were counted zero times."""
    assert read(name, b"") == Tally()


@pytest.mark.parametrize(
    ("name", "kinds"), [(name, {}) for name in FORMATS if name != "lines"] + [("lines", {"unexpected_line": 2})]
)
def test_blank_line_is_an_answer_only_where_each_line_is_one(name: str, kinds: dict[str, int]) -> None:
    """Blank lines part the answers, except where each line is an answer: there it is one with an empty body."""
    assert read(name, b"\n \n") == Tally(other=Counter(kinds))


@pytest.mark.parametrize("separator", [b"", b"\n", b"\r\n", b"  \n\n"])
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 17, len(STABLE_BODY), len(CANARY_BODY), 200])
def test_bodies_may_be_cut_anywhere(separator: bytes, piece_bytes: int) -> None:
    """Bodies count once wherever the pipe cuts them, whether or not white space stands between them."""
    data = separator.join([CANARY_BODY, STABLE_BODY, STABLE_BODY, CANARY_BODY, CANARY_BODY]) + separator
    tally = read("bodies", Dripping(data, piece_bytes))
    assert (tally.canary, tally.stable, tally.other) == (3, 2, Counter())


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, 1000])
def test_text_between_bodies_counts_as_one_body(piece_bytes: int) -> None:
    """Foreign text counts once for each line of it between two bodies, also where no newline parts it from them."""
    data = (
        NOISE
        + CANARY_BODY
        + NOISE
        + b"\n"
        + STABLE_BODY
        + NOISE
        + b"\n"
        + NOISE
        + b"\n"
        + CANARY_BODY
        + CANARY_BODY[:-1]
    )
    tally = read("bodies", Dripping(data, piece_bytes))
    assert (tally.canary, tally.stable, tally.other) == (2, 1, Counter(unexpected_text=5))


def test_long_foreign_text_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless line is cut into pieces, and the body that follows it is still found."""
    monkeypatch.setattr(readers, "MOST_REST_BYTES", 256)
    tally = read("bodies", Dripping(b"x" * 2000 + CANARY_BODY, 100))
    assert (tally.canary, tally.stable) == (1, 0)
    assert tally.other["unexpected_text"] >= 1


@pytest.mark.parametrize(
    ("name", "line", "kind"),
    [
        ("lines", NOISE, "unexpected_line"),
        ("lines", CANARY_BODY + STABLE_BODY, "unexpected_line"),
        ("jsonl", NOISE, "unexpected_record"),
        ("jsonl", b"[]", "unexpected_record"),
        ("jsonl", b"[" * 100_000, "unexpected_record"),
        ("jsonl", b'{"status": 200, "headers": {}}', "unexpected_record"),
        ("jsonl", json_line(record_of(CANARY) | {"status": "200"}), "unexpected_record"),
        ("jsonl", json_line(record_of(CANARY) | {"status": True}), "unexpected_record"),
        ("jsonl", json_line(record_of(CANARY, 12345)), "unexpected_record"),
        ("jsonl", json_line(record_of(CANARY) | {"headers": []}), "unexpected_record"),
        ("jsonl", b'{"status": 0, "headers": {}, "body": null}', "connection_error"),
        ("jsonl", json_line(record_of(CANARY, 503)), "status_503"),
        ("jsonl", json_line(record_of(CANARY, 503, **{"x-envoy-overloaded": "true"})), "overloaded_503"),
        ("jsonl", json_line(record_of(CANARY, content_type="text/html")), "unexpected_content_type"),
        ("jsonl", json_line(record_of(CANARY) | {"body": CANARY_BODY.decode() + "\n"}), "unexpected_body"),
        ("jsonl", json_line(record_of(CANARY) | {"body": None}), "unexpected_body"),
        ("jsonl", json.dumps(record_of(CANARY) | {"body": "\ud800"}).encode(), "unexpected_body"),
        ("vegeta", json_line(vegeta_record_of(CANARY) | {"code": 0}), "connection_error"),
        ("vegeta", json_line(vegeta_record_of(CANARY, 404)), "status_404"),
        ("vegeta", json_line(vegeta_record_of(CANARY) | {"body": "not base 64"}), "unexpected_body"),
        ("vegeta", json_line(vegeta_record_of(CANARY) | {"body": 7}), "unexpected_body"),
        ("service-log", NOISE, "unexpected_record"),
        ("service-log", b'{"version": "v2", "status": 200}', "unexpected_record"),
        ("service-log", json_line(log_record_of(CANARY, 503)), "status_503"),
        ("service-log", json_line(log_record_of(CANARY) | {"version": "v9"}), "unexpected_version"),
        ("service-log", json_line(log_record_of(CANARY) | {"status": [200]}), "unexpected_status"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_anything_else_is_told_apart(name: str, line: bytes, kind: str) -> None:
    """What is not exactly an answer of the contract counts as the kind that it is, apart from the answers."""
    tally = read(name, answers_in(name, CANARY) + line.rstrip(b"\n") + b"\n" + answers_in(name, STABLE))
    assert (tally.canary, tally.stable, tally.other) == (1, 1, Counter({kind: 1}))


def test_service_log_holds_other_lines_too() -> None:
    """Lines of the service's log that are not calls are not answers."""
    other = json_line({"message": "started", "version": "v2", "status": 200}) + b"\n"
    tally = read("service-log", other + answers_in("service-log", CANARY) + other)
    assert (tally.canary, tally.stable, tally.other) == (1, 0, Counter())


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [([0, 1, 2, 3], 0), ([3, 0, 5, 1], 2), ([0, 0, 1, 1], 0), ([None, 7, "9", True], 4), ([0, 1, 10**400, 2], 0)],
)
def test_a_gap_in_what_vegeta_numbers_is_a_request_without_answer(numbers: list[object], lost: int) -> None:
    """A vegeta that was killed has not recorded what was under way; its numbers show how many requests that were."""
    data = b"".join(json_line(vegeta_record_of(CANARY) | {"seq": number}) for number in numbers)
    tally = read("vegeta", data)
    assert (tally.canary, tally.other) == (4, +Counter(no_answer=lost))


@pytest.mark.parametrize(("name", "to_record"), [("jsonl", record_of), ("vegeta", vegeta_record_of)])
def test_route_is_read_from_the_headers(name: str, to_record: Callable[..., dict[str, Any]]) -> None:
    """Answers by the old route before the change are set aside, and those after it count as wrong_route."""
    by_route = [to_record(CANARY, **{"X-Canary-Route": route}) for route in ("old", "new", "new", "old")]
    data = b"".join(map(json_line, by_route))
    tally = read(name, data, "new")
    assert (tally.settling, tally.canary, tally.other) == (1, 2, Counter(wrong_route=1))
    assert read(name, data).routes == Counter(old=2, new=2)


FRAGMENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            CANARY_BODY,
            STABLE_BODY,
            CANARY_BODY[:30],
            CANARY_BODY[30:],
            STABLE_BODY[:9],
            b"\n",
            b"\r\n",
            b"{}",
            b"null\n",
        ]
    ),
)


@ANY_FORMAT
@settings(deadline=None, derandomize=True)
@given(data=st.lists(FRAGMENTS, max_size=12).map(b"".join), piece_bytes=st.integers(1, 300))
def test_bytes_without_sense_are_survived(name: str, data: bytes, piece_bytes: int) -> None:
    """No reader ever fails on bytes, or counts more answers than there are bodies among them."""
    tally = read(name, Dripping(data, piece_bytes))
    assert tally.canary <= data.count(CANARY_BODY)
    assert tally.stable <= data.count(STABLE_BODY)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
TIMES = ["started_at", "seconds", "timestamp", "latency", "seq"]
FIELDS = st.sampled_from(["status", "code", "headers", "body", "version", "message", *TIMES])


@pytest.mark.parametrize("name", ["jsonl", "vegeta", "service-log"])
@settings(deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(FIELDS, VALUES), min_size=1, max_size=3).map(dict))
@example(changes={"body": "\ud800"})
@example(changes={"status": [200]})
def test_records_without_sense_are_survived(name: str, changes: dict[str, Any]) -> None:
    """No reader ever fails on a record whose fields hold anything, and the answers around it count."""
    line = json.dumps(json.loads(answers_in(name, CANARY)) | changes).encode() + b"\n"
    data = answers_in(name, STABLE, CANARY) + line + answers_in(name, STABLE)
    tally, compared = read(name, data), compared_in_order(name, data)
    assert 1 <= tally.canary <= 2
    assert 2 <= tally.stable <= 3
    assert tally.total - tally.other["no_answer"] <= 4
    assert (compared.canary.right, compared.stable.right) == (tally.canary, tally.stable)


def compared_in_order(name: str, data: bytes) -> Epoch:
    """Return what is compared of answers in the format `name`, once they are in the order of their requests."""
    comparison = Comparison(Expectation(30, next_weight_percent=100, slowness=Slowness()))
    reading = Reading(comparison=comparison, by_start=ByStart())
    FORMATS[name].read(Source(io.BytesIO(data), "answers"), reading)
    reading.compare_in_order()
    return comparison.epochs.all[-1]
