"""What is kept of the times of both versions: histograms, thresholds, and what was slower than they are."""

import json
from collections.abc import Iterable, Iterator
from math import floor, log
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_loadtest.core.health.histogram import Histogram
from canary_loadtest.core.health.latency import STRETCH, Latency
from canary_loadtest.core.health.times import TimeCounts
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.slowness import Slowness

times = st.lists(st.floats(1e-5, 1e3), min_size=1, max_size=80)
ratios = st.sampled_from([1.05, 1.2, 2.0])


def histogram_of(seconds: Iterable[float], ratio: float = 1.2) -> Histogram:
    """Return a histogram of some times."""
    histogram = Histogram(ratio)
    for each in seconds:
        histogram.add(each)
    return histogram


def stretch() -> Iterator[float]:
    """Yield the times of a stretch whose 95th percentile is 190 ms: 1 to 200 ms, mixed by chance."""
    milliseconds = list(range(1, STRETCH + 1))
    Random(0).shuffle(milliseconds)
    yield from (each / 1000 for each in milliseconds)


def learnt(slowness: Slowness | None = None) -> Latency:
    """Return a latency at 30 % after a first stretch of stable answers."""
    latency = Latency(30, slowness or Slowness())
    for seconds in stretch():
        latency.add(STABLE, seconds)
    return latency


def counts_of(latency: Latency) -> TimeCounts:
    """Return the counts of the latest epoch."""
    return latency.all[-1].counts


@given(seconds=times, ratio=ratios, percent=st.sampled_from([1.0, 50.0, 95.0, 99.5, 100.0]))
def test_a_percentile_is_that_of_the_times_within_half_a_bin(
    seconds: list[float], ratio: float, percent: float
) -> None:
    """Of eight bins to the ratio: at 1.2 it is within 1.2 % of NumPy's."""
    found = histogram_of(seconds, ratio).percentile(percent)
    exact = np.quantile(seconds, percent / 100, method="inverted_cdf")
    assert found is not None
    assert abs(log(found / exact)) <= log(ratio) / 16 * 1.001


@given(first=times, second=times, ratio=ratios)
def test_histograms_merge_to_that_of_all_times(first: list[float], second: list[float], ratio: float) -> None:
    """In either order; so they survive being written as JSON."""
    merged = histogram_of(first, ratio) + histogram_of(second, ratio)
    assert merged == histogram_of([*second, *first], ratio)
    assert Histogram.from_dict(json.loads(json.dumps(merged.to_dict()))) == merged


def test_histograms_of_different_ratios_are_not_merged() -> None:
    """Their bins differ."""
    with pytest.raises(ValueError, match=r"histograms of the ratios 1\.2 and 2 have different bins"):
        histogram_of([1]) + histogram_of([1], 2)


def test_a_histogram_has_as_many_bins_as_times_can_differ() -> None:
    """However many and however extreme the times are: from a microsecond to a day, and nothing is lost."""
    random = Random(0)
    histogram = histogram_of(10 ** random.uniform(-12, 12) for _ in range(20_000))
    histogram.add(0)
    assert histogram.counts.total() == 20_001
    assert len(histogram.counts) <= 8 * log(1e11) / log(1.2) + 2
    assert histogram_of([]).percentile(95) is None


def test_nothing_is_compared_before_the_threshold_is_learnt() -> None:
    """It takes 200 right stable answers; canary answers and errors before it are shown at most."""
    latency = Latency(30, Slowness())
    for seconds in stretch():
        assert latency.threshold_seconds is None
        latency.add(CANARY, 10)
        latency.add(STABLE, 0, is_error=True)
        latency.add("", 0, is_error=True)
        latency.add(STABLE, seconds)
    assert latency.threshold_seconds == pytest.approx(0.19)
    assert counts_of(latency) == (0, 0, 0, 0, 0, 0, 0.3)
    assert latency.all[-1].canary.sent.counts.total() == STRETCH


@pytest.mark.parametrize(
    ("version", "milliseconds", "counts"),
    [
        (CANARY, 190, (0, 0, 1, 0, 0, 0)),
        (CANARY, 191, (1, 0, 1, 0, 0, 0)),
        (CANARY, 229, (1, 1, 1, 0, 0, 0)),
        (CANARY, None, (1, 1, 1, 0, 0, 0)),
        (STABLE, 190, (0, 0, 0, 0, 1, 0)),
        (STABLE, 191, (0, 0, 0, 1, 1, 0)),
        (STABLE, None, (0, 0, 0, 1, 1, 0)),
        ("", None, (0, 0, 0, 0, 0, 1)),
    ],
)
def test_an_answer_is_slow_above_the_threshold_and_an_error_always(
    version: str, milliseconds: float | None, counts: tuple[int, ...]
) -> None:
    """The threshold is 190 ms, and 1.2 times of it 228 ms; an error, which has no time, may be of no known version."""
    latency = learnt()
    latency.add(version, (milliseconds or 0) / 1000, is_error=milliseconds is None)
    assert counts_of(latency) == (*counts, 0.3)


def test_the_threshold_is_learnt_again_from_right_stable_answers() -> None:
    """After each further 200 of them; neither errors nor the canary's times are among these."""
    latency = learnt()
    for seconds in stretch():
        assert latency.threshold_seconds == pytest.approx(0.19)
        latency.add(STABLE, 60, is_error=True)
        latency.add(CANARY, 60)
        latency.add(STABLE, seconds / 2)
    assert latency.threshold_seconds == pytest.approx(0.095)
    assert latency.all[-1].thresholds_seconds == pytest.approx((0.19, 0.19))
    latency.add(CANARY, 0.1)
    assert latency.all[-1].thresholds_seconds == pytest.approx((0.095, 0.19))


def test_a_threshold_that_stable_exceeds_too_often_is_given_up() -> None:
    """Five slow answers in a row are enough; nothing is compared until the stretch is complete."""
    latency = learnt()
    for number in range(1, 5):
        latency.add(STABLE, 0.3)
        assert counts_of(latency).stable_above == number
    assert latency.missing_answers == 0
    latency.add(STABLE, 0.3)
    assert latency.threshold_seconds is None
    assert latency.missing_answers == STRETCH - 5
    for _ in range(STRETCH - 5):
        latency.add(CANARY, 0.3)
        latency.add(STABLE, 0.3)
    assert latency.threshold_seconds == pytest.approx(0.3)
    assert counts_of(latency) == (0, 0, 0, 5, 5, 0, 0.3)


def test_errors_of_stable_do_not_make_a_threshold_out_of_date() -> None:
    """They are above any threshold, and say nothing of how slow stable is."""
    latency = learnt()
    for _ in range(50):
        latency.add(STABLE, 0, is_error=True)
    assert latency.threshold_seconds == pytest.approx(0.19)


def test_a_time_that_is_told_is_the_threshold_from_the_first_answer_on() -> None:
    """It stays, however often it is exceeded."""
    latency = Latency(30, Slowness(2, milliseconds=25))
    for _ in range(3 * STRETCH):
        latency.add(STABLE, 0.026)
    latency.add(CANARY, 0.051)
    assert latency.threshold_seconds == pytest.approx(0.025)
    assert counts_of(latency) == (1, 1, 1, 3 * STRETCH, 3 * STRETCH, 0, 0.3)


@pytest.mark.parametrize(("percentile", "milliseconds"), [(50, 100), (90, 180), (99, 198), (99.5, 199)])
def test_the_percentile_is_one_of_the_times(percentile: float, milliseconds: float) -> None:
    """The least of them that so much of the stretch does not exceed."""
    assert learnt(Slowness(percentile=percentile)).threshold_seconds == pytest.approx(milliseconds / 1000)


def test_times_from_the_schedule_are_shown_and_not_compared() -> None:
    """A late start is charged to the schedule; an error has no time."""
    latency = learnt()
    latency.add(CANARY, 0.1, scheduled_seconds=9)
    latency.add(CANARY, 0.1, is_error=True, scheduled_seconds=9)
    canary = latency.all[-1].canary
    assert canary.scheduled == histogram_of([9])
    assert canary.sent == histogram_of([0.1])
    assert (canary.above, canary.errors, canary.total) == (1, 1, 2)


Sent = tuple[str, float, bool, float | None]


def sent_by_chance(seed: int, count: int = 900) -> Iterator[Sent]:
    """Yield answers of a run with errors of all kinds, a schedule and a slowdown."""
    random = Random(seed)
    for number in range(count):
        version = CANARY if random.random() < 0.3 else STABLE
        is_error = random.random() < 0.05
        seconds = random.lognormvariate(-4 + (number > 500), 0.5)
        named = version if not is_error or random.random() < 0.5 else ""
        yield named, seconds, is_error, None if random.random() < 0.5 else 2 * seconds


def feed(latency: Latency, sent: Iterable[Sent]) -> Latency:
    """Return the latency after these answers."""
    for version, seconds, is_error, scheduled_seconds in sent:
        latency.add(version, seconds, is_error=is_error, scheduled_seconds=scheduled_seconds)
    return latency


@settings(max_examples=30)
@given(seed=st.integers(0, 5), cut=st.integers(0, 900))
def test_a_run_that_is_written_and_resumed_is_as_one_that_goes_on(seed: int, cut: int) -> None:
    """At any answer, within a stretch too: all that is counted later is the same."""
    sent = list(sent_by_chance(seed))
    written = json.loads(json.dumps(feed(Latency(30, Slowness()), sent[:cut]).to_dict()))
    resumed = feed(Latency.from_dict(written), sent[cut:])
    assert resumed.to_dict() == feed(Latency(30, Slowness()), sent).to_dict()


@settings(max_examples=30)
@given(seed=st.integers(0, 5), cut=st.integers(0, 900))
def test_epochs_of_one_weight_add_up_to_one(seed: int, cut: int) -> None:
    """Counts and histograms of both are those of a run without a change; the threshold goes on."""
    sent = list(sent_by_chance(seed))
    cut_in_two = feed(Latency(30, Slowness()), sent[:cut])
    cut_in_two.begin(30)
    first, second = feed(cut_in_two, sent[cut:]).all
    (whole,) = feed(Latency(30, Slowness()), sent).all
    assert first.canary + second.canary == whole.canary
    assert first.stable + second.stable == whole.stable
    assert first.unknown_errors + second.unknown_errors == whole.unknown_errors


def test_epochs_are_kept_apart_by_weight() -> None:
    """Those at this weight are the ones since it last changed; at 0 and 100 % there is nothing to compare."""
    latency = Latency(10, Slowness())
    for percent in (50, 50):
        latency.begin(percent)
    compared = latency.compared
    assert compared is not None
    assert (len(compared.release), len(compared.at_this_weight)) == (3, 2)
    latency.begin(100)
    assert latency.compared is None
    resumed = Latency(10, Slowness(), before=latency.all)
    compared = resumed.compared
    assert compared is not None
    assert (len(compared.release), len(compared.at_this_weight)) == (4, 1)


def test_memory_does_not_grow_with_answers() -> None:
    """What is written after 20,000 answers is hardly longer than after 2,000."""
    latency = feed(Latency(30, Slowness()), sent_by_chance(0, 2000))
    few = len(json.dumps(latency.all[-1].to_dict()))
    many = len(json.dumps(feed(latency, sent_by_chance(1, 18_000)).all[-1].to_dict()))
    assert many < 2 * few
    assert len(latency.stretch) < STRETCH


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 1.0}, r"the slowdown is 1 times: give a number from 1\.01 to 100"),
        ({"ratio": float("nan")}, "the slowdown is nan times: give"),
        ({"percentile": 40.0}, r"the percentile is 40: give one from 50 to 99\.5"),
        ({"percentile": 99.9}, r"the percentile is 99\.9: give"),
        ({"milliseconds": 0.0}, "the time above which an answer is slow is 0 ms: give a number above 0, up to 1000000"),
        ({"milliseconds": float("inf")}, "the time above which an answer is slow is inf ms: give"),
    ],
)
def test_what_cannot_be_compared_is_refused(options: dict[str, float], message: str) -> None:
    """The message names the value and what is allowed."""
    with pytest.raises(ExpectationError, match=message):
        Slowness(**options)


@given(milliseconds=st.floats(0, 500), told=st.integers(1, 300), ratio=ratios)
def test_whole_milliseconds_hide_no_slow_canary(milliseconds: float, told: int, ratio: float) -> None:
    """As a gateway's log has them: where stable's rounded time is slow, one X times as long is beyond X t."""
    latency = Latency(30, Slowness(ratio, milliseconds=told))
    latency.add(STABLE, floor(milliseconds + 0.5) / 1000)
    latency.add(CANARY, floor(ratio * milliseconds + 0.5) / 1000)
    counts = counts_of(latency)
    assert counts.canary_beyond >= counts.stable_above
