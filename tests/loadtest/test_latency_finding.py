"""What is found about the canary's latency, and how that is said."""

import json
from collections.abc import Sequence
from itertools import cycle, islice, zip_longest

import pytest

from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.latency import STRETCH, Latency
from canary_loadtest.core.health.latency_finding import MEASURED, LatencyFinding, latency_finding_of
from canary_loadtest.core.health.latency_rule import latency_evidence, look_at_latency
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.slowness import Slowness

TOLD = Slowness(milliseconds=25)
STRETCH_MILLISECONDS = range(1, STRETCH + 1)
"""The times of a stretch whose 95th percentile is 190 ms, which 5 % exceed."""


def compared(latency: Latency, canary: Sequence[float | None], stable: int) -> Latency:
    """Return the latency after canary answers of some milliseconds, None for an error, among stable ones.

    Those have the times of further stretches, so that the threshold stays.
    """
    milliseconds = islice(cycle(STRETCH_MILLISECONDS), stable)
    for number, (of_canary, of_stable) in enumerate(zip_longest(canary, milliseconds, fillvalue=0.0)):
        if number < len(canary):
            latency.add(CANARY, (of_canary or 0) / 1000, is_error=of_canary is None)
        if number < stable and of_stable is not None:
            latency.add(STABLE, of_stable / 1000)
    return latency


def learnt(percent: float = 30) -> Latency:
    """Return a latency after its first stretch."""
    return compared(Latency(percent, Slowness()), [], STRETCH)


def told(canary: tuple[int, int, int], stable: tuple[int, int]) -> Latency:
    """Return the latency with 25 ms as the time that is told.

    Args:
        canary: answers of 10, 27 and 40 ms.
        stable: answers of 10 and 27 ms.
    """
    latency = Latency(30, TOLD)
    for version, counts in ((CANARY, canary), (STABLE, stable)):
        for milliseconds, count in zip((10, 27, 40), counts, strict=False):
            for _ in range(count):
                latency.add(version, milliseconds / 1000)
    return latency


def found(latency: Latency, gate: Gate | None = None, objection: str = "") -> LatencyFinding:
    """Return the finding of a weight at which there is one."""
    finding = latency_finding_of(latency, gate or Gate(), objection)
    assert finding is not None
    return finding


def test_a_slow_canary_is_worse_in_words() -> None:
    """The sentence has the threshold and what it is, the slow answers of both, and how often it would be wrong."""
    finding = found(compared(learnt(), [300] * 80 + [100] * 320, 1000))
    assert finding.health is Health.WORSE
    assert finding.to_go == 0
    assert finding.reason == (
        "the canary is slower than stable: 80 of 400 canary answers (20.0 %) took longer than 190 ms, stable's 95th"
        " percentile, against 50 of 1000 stable answers (5.0 %) (a canary as fast would be called slower in at most"
        " 0.1 % of runs)"
    )
    assert finding.remarks[-1] == MEASURED


def test_errors_among_slow_answers_are_named() -> None:
    """They can make a canary slower whose right answers are as fast."""
    finding = found(compared(learnt(), [None] * 79 + [300] + [100] * 320, 1000))
    assert finding.health is Health.WORSE
    assert "80 of 400 canary answers (20.0 %, 79 errors among them) took" in finding.reason


def test_a_canary_as_fast_as_stable_is_not_worse_in_words() -> None:
    """The sentence has the ratio, both thresholds, the slow answers of both, and how often it would be wrong."""
    finding = found(compared(learnt(), [200] * 10 + [100] * 390, 1000))
    assert finding.health is Health.NOT_WORSE
    assert finding.to_go == 0
    assert finding.reason == (
        "the canary's 95th percentile is less than 1.2 times stable's: 0 of 400 canary answers (0.0 %) took longer than"
        " 228 ms against 50 of 1000 stable answers (5.0 %) longer than 190 ms, stable's 95th percentile (one that takes"
        " 1.2 times as long would pass in at most 5 % of runs)"
    )
    times = "from the send 50 / 95 / 99 % of right answers took at most about "
    assert finding.remarks[0].startswith(times)
    assert finding.remarks[1:] == (MEASURED,)


def test_a_time_that_is_told_is_not_called_a_percentile() -> None:
    """What was tested is said: what exceeds it, and what exceeds 1.2 times of it."""
    worse = found(told((300, 0, 100), (950, 50)))
    assert worse.reason.startswith(
        "the canary is slower than stable: 100 of 400 canary answers (25.0 %) took longer than 25 ms, against 50 of"
        " 1000 stable answers (5.0 %) (a canary"
    )
    fast = found(told((400, 0, 0), (950, 50)))
    assert fast.health is Health.NOT_WORSE
    assert fast.reason == (
        "the canary takes longer than 30 ms less often than stable takes longer than 25 ms: 0 of 400 canary answers"
        " (0.0 %) against 50 of 1000 stable answers (5.0 %) (one that takes 1.2 times as long would pass in at most 5 %"
        " of runs)"
    )


def test_the_thresholds_of_several_stretches_are_a_range() -> None:
    """Each answer was compared with the one of its time."""
    latency = learnt()
    for milliseconds in STRETCH_MILLISECONDS:
        latency.add(STABLE, 0.97 * milliseconds / 1000)
    finding = found(compared(latency, [300] * 80 + [100] * 320, 1000))
    assert "took longer than 184 to 190 ms, stable's 95th percentile, against" in finding.reason
    assert finding.to_dict()["thresholds_milliseconds"] == pytest.approx([184.3, 190])


def test_what_is_missing_is_said_while_nothing_is_decided() -> None:
    """First the answers that the threshold takes, then how many more a finding takes."""
    latency = compared(Latency(30, Slowness()), [100] * 20, 57)
    finding = found(latency)
    assert finding.health is Health.UNDECIDED
    assert finding.reason == (
        "stable's 95th percentile is not known yet: it is learnt from 200 right stable answers, of which there are 57"
    )
    assert finding.to_go is not None
    assert finding.to_go > 143 / 0.7
    finding = found(compared(learnt(), [100] * 100, 200))
    assert finding.reason == (
        "300 answers are too few to know that the canary's 95th percentile is less than 1.2 times stable's; about"
        f" {finding.to_go} more needed"
    )
    assert found(told((40, 0, 0), (90, 10))).reason.startswith(
        "140 answers are too few to know that the canary takes longer than 30 ms less often than stable takes longer"
        " than 25 ms; about "
    )


def test_no_finding_is_in_sight_for_a_canary_between_equal_and_too_slow() -> None:
    """At a slowdown that is near to what WORSE and NOT WORSE both leave open."""
    finding = found(told((9_500, 0, 500), (9_500, 500)))
    assert finding.health is Health.UNDECIDED
    assert finding.to_go is None
    assert finding.reason.endswith("; no finding in sight")


def test_a_version_that_never_answers_is_named() -> None:
    """Without an answer that is known to be from each version there is nothing to compare."""
    assert found(compared(learnt(), [], 50)).reason == (
        "no answer of 50 answers is known to be from the canary: there is nothing to compare"
    )
    assert "from the stable version: there" in found(told((50, 0, 0), (0, 0))).reason
    assert found(learnt()).reason == "no answer was counted at this weight"


@pytest.mark.parametrize("percent", [0, 100])
def test_at_0_and_100_percent_there_is_no_finding(percent: float) -> None:
    """Where one version gets nothing there is nothing to compare with."""
    assert latency_finding_of(learnt(percent), Gate()) is None


def test_an_objection_holds_the_finding_by_name() -> None:
    """A schedule that was missed holds what the counts would prove; the times are shown all the same."""
    late = "the schedule was missed: 80 requests were sent late"
    finding = found(compared(learnt(), [300] * 80 + [100] * 320, 1000), objection=late)
    assert (finding.health, finding.reason, finding.to_go) == (Health.UNDECIDED, late, None)
    assert finding.answers.canary.above == 80
    assert finding.to_dict()["sentence"] == late


def test_worse_overrules_not_worse_and_both_are_said() -> None:
    """A canary that takes longer, but less than 1.2 times as long: either finding is true."""
    finding = found(told((3600, 400, 0), (9500, 500)))
    assert finding.health is Health.WORSE
    assert "is WORSE and NOT WORSE at once: the first certain look decides" in finding.remarks[0]
    latency = told((3725, 275, 0), (9500, 500))
    finding = found(latency)
    assert finding.health is Health.NOT_WORSE
    assert "is WORSE and NOT WORSE at once" in finding.remarks[0]
    clearly = found(told((3000, 0, 1000), (9500, 500)))
    assert clearly.health is Health.WORSE
    assert "at once" not in clearly.remarks[0]


def test_evidence_is_a_fraction_of_what_a_finding_takes() -> None:
    """From -1 to 2, for NOT WORSE and for WORSE; a finding is 1 or more."""
    for latency in (told((3000, 0, 1000), (9500, 500)), told((400, 0, 0), (950, 50)), told((5, 0, 0), (5, 0))):
        of = latency.compared
        assert of is not None
        not_worse, worse = latency_evidence(of, Gate())
        assert -1 <= min(not_worse, worse) <= max(not_worse, worse) <= 2
        health = look_at_latency(of, Gate())
        assert (health is Health.WORSE) == (worse >= 1)
        assert (health is Health.NOT_WORSE) == (not_worse >= 1 > worse)


def test_evidence_of_worse_is_of_the_release_and_not_worse_of_this_weight() -> None:
    """What is too mild at one weight is WORSE by the sum of several; NOT WORSE takes answers of its own weight."""
    latency = told((360, 10, 30), (950, 50))
    assert found(latency).health is Health.UNDECIDED
    for percent in (29, 28, 30):
        latency.begin(percent)
        latency.all[-1].canary += latency.all[0].canary
        latency.all[-1].stable += latency.all[0].stable
        latency.all[-1].thresholds_seconds = latency.all[0].thresholds_seconds
    finding = found(latency)
    assert finding.health is Health.WORSE
    assert "160 of 1600 canary answers" in finding.reason
    fast = told((400, 0, 0), (950, 50))
    assert found(fast).health is Health.NOT_WORSE
    fast.begin(50)
    assert found(fast).reason == "no answer was counted at this weight"
    for version in (CANARY, STABLE):
        fast.add(version, 0.01)
    assert found(fast).health is Health.UNDECIDED


def test_errors_without_a_version_are_said_to_count_both_ways() -> None:
    """They hold NOT WORSE, and cannot make the canary WORSE."""
    latency = told((400, 0, 0), (950, 50))
    for _ in range(50):
        latency.add("", 0, is_error=True)
    finding = found(latency)
    assert finding.health is Health.UNDECIDED
    assert finding.remarks[0] == (
        "50 errors name no version: for WORSE counted as slow answers of stable, for NOT WORSE as the canary's"
    )


def test_percentiles_of_both_versions_are_shown_from_both_starts() -> None:
    """In the remarks and, in milliseconds, as JSON; the one that was compared is among them."""
    latency = Latency(30, Slowness(percentile=90))
    for milliseconds in STRETCH_MILLISECONDS:
        latency.add(CANARY, milliseconds / 1000, scheduled_seconds=2 * milliseconds / 1000)
        latency.add(STABLE, milliseconds / 1000, scheduled_seconds=2 * milliseconds / 1000)
    finding = found(latency)
    assert [remark.split(" %")[0] for remark in finding.remarks[:2]] == [
        "from the send 50 / 90 / 95 / 99",
        "from the scheduled start 50 / 90 / 95 / 99",
    ]
    shown = json.loads(json.dumps(finding.to_dict()))
    for version in ("canary", "stable"):
        assert shown["milliseconds"][version] == pytest.approx(
            {"p50": 100, "p90": 180, "p95": 190, "p99": 198}, rel=0.012
        )
        assert shown["milliseconds_from_schedule"][version]["p95"] == pytest.approx(380, rel=0.012)


def test_a_finding_is_written_with_what_it_counted() -> None:
    """As the finding on errors is: finding, sentence, remarks and counts of both versions."""
    written = found(told((300, 40, 60), (950, 50))).to_dict()
    assert written["finding"] == "WORSE"
    assert written["thresholds_milliseconds"] == pytest.approx([25, 25])
    assert written["counts"] == {
        "canary": {"answers": 400, "above": 100, "beyond": 60, "errors": 0},
        "stable": {"answers": 1000, "above": 50, "beyond": 0, "errors": 0},
        "unknown_errors": 0,
    }
    assert written["milliseconds_from_schedule"] == {"canary": {}, "stable": {}}


@pytest.mark.parametrize(
    ("percentile", "name"), [(50, "50th"), (51, "51st"), (92, "92nd"), (93, "93rd"), (99.5, "99.5th"), (99, "99th")]
)
def test_a_percentile_has_its_ordinal(percentile: float, name: str) -> None:
    """As it is said in English."""
    assert found(Latency(30, Slowness(percentile=percentile))).reason.startswith(f"stable's {name} percentile")
