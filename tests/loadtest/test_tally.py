"""Counting: `canary_loadtest.core.tally`."""

import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import ABANDONED, CANARY, MORE_KINDS, STABLE, printable
from canary_loadtest.core.order import StartOrder
from canary_loadtest.core.tally import MORE_ROUTES, MOST_KINDS, MOST_ROUTES, Tally

labels = st.sampled_from([CANARY, STABLE, "status_503", "connection_error"])
answers = st.lists(
    st.builds(
        Answer,
        label=labels,
        route=st.sampled_from(["", "70-30", "0-100"]),
        previous=st.sampled_from([None, "", CANARY, STABLE, "status_503"]),
    ),
    max_size=60,
)


def tally_of(sequence: Sequence[Answer], expected_route: str | None = None) -> Tally:
    """Return the tally of answers in order."""
    tally = Tally()
    for answer in sequence:
        tally.add(answer, expected_route)
    return tally


@given(first=answers, second=answers, third=answers)
def test_merging_is_counting_everything_in_one_place(
    first: list[Answer], second: list[Answer], third: list[Answer]
) -> None:
    """However answers are spread over tallies, and however these are merged, the sum is that of one tally."""
    parts = [tally_of(part) for part in (first, second, third)]
    together = tally_of([*first, *second, *third])
    assert (parts[0] + parts[1]) + parts[2] == parts[2] + (parts[1] + parts[0]) == together
    assert together.total == together.canary + together.stable + together.other_total == len(first + second + third)


def test_a_copy_is_not_changed_by_later_answers() -> None:
    """A copy keeps its counts."""
    tally = tally_of([Answer(CANARY, "70-30"), Answer("status_503")])
    copy = tally.copy()
    tally.add(Answer("status_503"))
    tally.add(Answer(CANARY, "70-30"))
    assert (copy.canary, copy.other_total, copy.routes["70-30"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("sequence", "settling", "canary", "stable", "other"),
    [
        ([(STABLE, "100-0"), (STABLE, "100-0"), (CANARY, "70-30")], 2, 1, 0, {}),
        ([(STABLE, ""), (CANARY, "70-30")], 1, 1, 0, {}),
        ([(CANARY, "70-30"), (STABLE, "100-0"), (STABLE, "")], 0, 1, 0, {"wrong_route": 2}),
        ([("status_503", ""), (STABLE, "100-0")], 1, 0, 0, {"status_503": 1}),
        ([("status_503", "100-0"), (CANARY, "70-30")], 1, 1, 0, {}),
        ([(CANARY, "70-30"), ("status_503", "70-30"), (STABLE, "70-30")], 0, 1, 1, {"status_503": 1}),
    ],
)
def test_only_answers_by_the_expected_route_count(
    sequence: list[tuple[str, str]], settling: int, canary: int, stable: int, other: dict[str, int]
) -> None:
    """Answers by other routes are left out until the expected one is there, and errors from then on."""
    tally = tally_of([Answer(*answer) for answer in sequence], "70-30")
    assert (tally.settling, tally.canary, tally.stable, dict(tally.other)) == (settling, canary, stable, other)


def test_kinds_are_bounded() -> None:
    """A classifier that names a new kind each time fills neither the memory nor the table."""
    tally = tally_of([Answer(f"kind_{number}") for number in range(1000)])
    assert len(tally.other) == MOST_KINDS + 1
    assert tally.other[MORE_KINDS] == 1000 - MOST_KINDS


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("70-30-ü", "70-30-ü"),
        ("a\nverdict:  CONFIRMED", r"a\nverdict:__CONFIRMED"),
        ("a\r\x1b[2Jb", r"a\r\x1b[2Jb"),
        ("\u2028\u202e\ud800", r"\u2028\u202e\ud800"),
        ("::error::lost", r":\x3aerror:\x3alost"),
        (":::error", r":\x3a:error"),
        ("##vso[task]##[error]", r"#\x23vso[task]#\x23[error]"),
        ("x" * 1000, "x" * 57 + "..."),
        ("\0" * 1000, r"\x00" * 14 + r"\..."),
    ],
    ids=ascii,
)
def test_names_from_outside_make_no_line_of_their_own(text: str, printed: str) -> None:
    """A kind or a route cannot end its line, paint it, or give a command to a CI system."""
    assert printable(text) == printed
    tally = tally_of([Answer(text), Answer(CANARY, text), Answer(text)])
    assert (tally.other, tally.routes) == ({printed: 2}, {printed: 1})


def test_routes_are_bounded() -> None:
    """A server that names a new route each time does not fill the memory."""
    tally = tally_of([Answer(CANARY, str(number)) for number in range(1000)])
    assert len(tally.routes) == MOST_ROUTES + 1
    assert tally.routes[MORE_ROUTES] == 1000 - MOST_ROUTES


@given(completion=st.permutations(range(30)))
def test_answers_are_handed_on_in_the_order_of_their_requests(completion: list[int]) -> None:
    """In any order of the answers, they come out in the order of the requests."""
    order = StartOrder()
    tickets = [order.start() for _ in completion]
    out: list[Answer] = []
    for number in completion:
        out += order.finish(tickets[number], Answer(str(number)))
        assert order.unfinished == 30 - len(out)
    assert [answer.label for answer in out] == [str(number) for number in range(30)]


def test_a_request_without_an_answer_holds_back_the_later_ones() -> None:
    """What was started later is not judged before what was started earlier."""
    order = StartOrder()
    slow, quick = order.start(), order.start()
    assert list(order.finish(quick, Answer(STABLE))) == []
    assert order.unfinished == 2
    assert list(order.finish(slow, Answer(CANARY))) == [Answer(CANARY), Answer(STABLE)]


def test_memory_of_the_order_is_bounded_by_the_requests_under_way() -> None:
    """Where every ticket is handed in, nothing is kept of the answers handed on, however many there were."""
    order = StartOrder()
    sizes = []
    for _ in range(200):
        tickets = [order.start() for _ in range(10)]
        for ticket in tickets[1:]:
            list(order.finish(ticket, Answer(STABLE)))
        sizes.append(len(pickle.dumps(order)))
        assert len(list(order.finish(tickets[0], Answer(ABANDONED)))) == 10
    assert order.unfinished == 0
    assert max(sizes) < 1.2 * sizes[0]
