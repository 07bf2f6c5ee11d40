"""When requests of a record were sent: the forms of a moment, the order, and what it takes of the memory."""

import random
import tracemalloc
from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.judge.order import ByStart
from canary_loadtest.judge.times import moment_of, seconds_of

NOON = 1_795_867_200.0  # 2026-11-28T12:00:00Z
MOST_BYTES_OF_AN_ANSWER = 120


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-11-28T12:00:00Z", NOON),
        ("2026-11-28T12:00:00.5Z", NOON + 0.5),
        ("2026-11-28T12:00:00.123456789Z", NOON + 0.123456),
        ("2026-11-28T14:00:00+02:00", NOON),
        ("2026-11-28 12:00:00", NOON),
        ("[2026-11-28T12:00:00.500Z]", NOON + 0.5),
        (NOON, NOON),
        (round(NOON), NOON),
        ("1795867200.000", NOON),
        (0, 0.0),
    ],
)
def test_a_moment_is_a_date_with_a_time_or_a_number_of_seconds(value: object, seconds: float) -> None:
    """As vegeta, Envoy, nginx, JavaScript, Go and Python write it."""
    assert moment_of(value) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "value",
    ["", "-", "soon", "28/Nov/2026:12:00:00 +0000", None, True, nan, inf, -inf, 10**400, [1], {}, "\ud800", "1e5"],
)
def test_anything_else_is_no_time(value: object) -> None:
    """No value of a record makes the judge fail, or a time that is none."""
    assert moment_of(value) is None
    assert seconds_of(value) is None


@pytest.mark.parametrize(
    ("value", "parts", "seconds"),
    [
        (0.25, 1, 0.25),
        ("0.250", 1, 0.25),
        (250, 1000, 0.25),
        ("250", 1000, 0.25),
        (250_000_000, 1e9, 0.25),
        (0, 1, 0.0),
    ],
)
def test_a_length_of_time_has_its_unit(value: object, parts: float, seconds: float) -> None:
    """Seconds, milliseconds as Envoy has them, and nanoseconds as vegeta has them."""
    assert seconds_of(value, parts) == seconds


def test_no_time_is_negative() -> None:
    """A clock that was set back leaves no time."""
    assert seconds_of(-1) is None
    assert seconds_of("-1") is None


ANSWERS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([CANARY, STABLE, "status_503"]), st.none() | st.floats(0, 9))
)


@given(parts=ANSWERS)
def test_answers_come_in_the_order_of_their_requests(parts: list[tuple[int, str, float | None]]) -> None:
    """Those of one moment stay in the order in which they came, and each is as it was."""
    by_start = ByStart()
    given_ = [(started, Answer(label, "70-30", seconds=seconds)) for started, label, seconds in parts]
    for started, answer in given_:
        by_start.add(answer, started)
    assert list(by_start) == [answer for _, answer in sorted(given_, key=lambda pair: pair[0])]


def test_an_answer_without_a_moment_stays_behind_the_one_before_it() -> None:
    """Its place in the record is all that is known."""
    by_start = ByStart()
    for label, started in (("first", None), ("late", 3.0), ("behind late", None), ("early", 1.0)):
        by_start.add(Answer(label), started)
    assert [answer.label for answer in by_start] == ["first", "early", "late", "behind late"]


def most_bytes(count: int) -> int:
    """Return the most memory that `count` answers by chance ever held, in bytes."""
    draw = random.Random(1)
    tracemalloc.start()
    try:
        by_start = ByStart()
        for _ in range(count):
            answer = Answer(CANARY if draw.random() < 0.3 else STABLE, "70-30", seconds=draw.random())
            by_start.add(answer, draw.random())
        for _ in pairwise(by_start):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_answer_takes_few_bytes() -> None:
    """A million answers are sorted in about 100 MB, and their records are not kept."""
    assert most_bytes(40_000) - most_bytes(20_000) <= 20_000 * MOST_BYTES_OF_AN_ANSWER
