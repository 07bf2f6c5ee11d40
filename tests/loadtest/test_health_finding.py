"""What is counted of the canary's and of stable's answers, what is found, and how that is said."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.counts import Compared, Counts, Epoch, Epochs, Sample
from canary_loadtest.core.health.finding import HealthFinding, finding_of
from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.rule import Health, evidence, look
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.refusal import ExpectationError

ERROR = "status_503"
answers = st.lists(
    st.tuples(st.sampled_from([CANARY, STABLE, ERROR, "timeout"]), st.sampled_from(["", CANARY, STABLE])), max_size=60
)


def epoch_of(parts: Iterable[tuple[str, str]], percent: float = 30) -> Epoch:
    """Return an epoch of (label, destination) in order."""
    epoch = Epoch(percent)
    for label, destination in parts:
        epoch.add(Answer(label, destination=destination))
    return epoch


def epochs_of(percent: float, canary: tuple[int, int], stable: tuple[int, int]) -> Epochs:
    """Return a run of one epoch: (errors, right answers) of each version, mixed by chance."""
    parts = [(ERROR, CANARY)] * canary[0] + [(CANARY, CANARY)] * canary[1]
    parts += [(ERROR, STABLE)] * stable[0] + [(STABLE, STABLE)] * stable[1]
    Random(0).shuffle(parts)
    epochs = Epochs(percent)
    for label, destination in parts:
        epochs.add(Answer(label, destination=destination))
    return epochs


def found(epochs: Epochs, gate: Gate) -> HealthFinding:
    """Return the finding of a weight at which there is one."""
    finding = finding_of(epochs, gate)
    assert finding is not None
    return finding


@pytest.mark.parametrize(
    ("label", "destination", "counts"),
    [
        (CANARY, CANARY, (0, 1, 0, 0, 0)),
        (CANARY, "", (0, 1, 0, 0, 0)),
        (STABLE, STABLE, (0, 0, 0, 1, 0)),
        (STABLE, "", (0, 0, 0, 1, 0)),
        (ERROR, CANARY, (1, 0, 0, 0, 0)),
        (ERROR, STABLE, (0, 0, 1, 0, 0)),
        (ERROR, "", (0, 0, 0, 0, 1)),
        (CANARY, STABLE, (0, 0, 0, 0, 1)),
        (STABLE, CANARY, (0, 0, 0, 0, 1)),
    ],
)
def test_an_answer_belongs_to_the_version_that_it_was_sent_to(
    label: str, destination: str, counts: tuple[int, ...]
) -> None:
    """An error does if it names its destination; a body that contradicts the destination is an error of either."""
    assert epoch_of([(label, destination)]).counts == (*counts, 0.3)


def test_errors_are_counted_in_episodes() -> None:
    """A run of errors without a right answer of the same version between them is one; the other version's is apart."""
    parts = [(ERROR, CANARY), (STABLE, STABLE), (ERROR, CANARY), (CANARY, ""), (ERROR, CANARY), (ERROR, STABLE)]
    epoch = epoch_of(parts)
    assert (epoch.canary.errors, epoch.canary.episodes) == (3, 2)
    assert (epoch.stable.errors, epoch.stable.episodes) == (1, 1)


@given(first=answers, second=answers)
def test_epochs_that_follow_one_another_merge_to_the_counts_of_both(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    """Counts and episodes of two stretches, one after the other, are those of one; so they survive being written."""
    merged = epoch_of(first) + epoch_of(second)
    assert merged == epoch_of([*first, *second])
    assert Epoch.from_dict(merged.to_dict()) == merged


def test_epochs_of_different_shares_are_not_merged() -> None:
    """Pooled counts are wrong, so that they cannot be made."""
    with pytest.raises(ValueError, match="epochs at 30 and 50 % are kept apart"):
        Epoch(30) + Epoch(50)


@pytest.mark.parametrize(("errors", "right"), [(1, 50), (10, 10), (40, 3), (0, 5)])
def test_the_expected_episodes_are_those_of_shuffled_errors(errors: int, right: int) -> None:
    """The mean over 2,000 random orders of the same errors is the formula's."""
    random = Random(1)
    order = [True] * errors + [False] * right
    episodes = 0
    for _ in range(2000):
        random.shuffle(order)
        sample = Sample()
        for is_error in order:
            sample.add(is_error=is_error)
        episodes += sample.episodes
    assert episodes / 2000 == pytest.approx(sample.expected_episodes, rel=0.03)


def test_at_this_weight_are_the_epochs_since_it_last_changed() -> None:
    """Another number of pods begins an epoch of the same weight; a weight of 100 % is nothing to compare."""
    epochs = Epochs(10)
    epochs.begin(50)
    epochs.begin(50)
    compared = epochs.compared
    assert compared is not None
    assert (len(compared.release), len(compared.at_this_weight)) == (3, 2)
    epochs.begin(100)
    assert epochs.compared is None
    epochs.begin(10)
    compared = epochs.compared
    assert compared is not None
    assert (len(compared.release), len(compared.at_this_weight)) == (4, 1)


@pytest.mark.parametrize(
    ("gate", "margin_points"),
    [(Gate(), 1), (Gate(50), 2), (Gate(30), 10 / 3), (Gate(10), 10), (Gate(1), 50), (Gate(30, margin_told=5), 5)],
)
def test_the_margin_is_one_point_of_all_requests_at_the_next_weight(gate: Gate, margin_points: float) -> None:
    """It follows from where the canary goes next, at most 50 points, unless it is given."""
    assert gate.margin_points == pytest.approx(margin_points)
    assert gate.margin == pytest.approx(margin_points / 100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"next_weight_percent": 0.0}, "the next weight is 0: give a percentage above 0, up to 100"),
        ({"next_weight_percent": 101.0}, "the next weight is 101: give"),
        ({"next_weight_percent": float("nan")}, "the next weight is nan: give"),
        ({"margin_told": 0.0}, "the margin is 0: give 0.001 points or more, below 100"),
        ({"margin_told": 100.0}, "the margin is 100: give"),
        ({"next_weight_percent": 30.0}, "the next weight is 30, not above the expected share of 30"),
    ],
)
def test_what_cannot_be_tested_is_refused(options: dict[str, Any], message: str) -> None:
    """The message names the value and what is allowed."""
    with pytest.raises(ExpectationError, match=message):
        Expectation(30, **options)


@pytest.mark.parametrize("percent", [0, 100])
def test_at_0_and_100_percent_there_is_no_finding(percent: float) -> None:
    """Where one version gets nothing there is nothing to compare with."""
    assert finding_of(epochs_of(percent, (5, 100), (0, 0)), Gate()) is None


def test_two_versions_that_fail_are_no_reason_to_go_on() -> None:
    """Both answer nothing but labelled 503: no worse than each other, and no go-ahead."""
    epochs = epochs_of(50, (1000, 0), (1000, 0))
    finding = found(epochs, Gate(5))
    assert finding.health is Health.UNDECIDED
    assert finding.reason == "only 0 of 2000 answers are right: that is no reason to go on"
    assert finding.to_go is None
    compared = epochs.compared
    assert compared is not None
    assert evidence(compared, Gate(5))[0] > 1


def test_worse_overrules_not_worse() -> None:
    """1.5 points worse where 5 are allowed: both are true, and the finding is the one that stops."""
    compared = Compared((Counts(90, 2910, 105, 6895, 0, 0.3),))
    gate = Gate(margin_told=5)
    assert min(evidence(compared, gate)) >= 1
    assert look(compared, gate) is Health.WORSE


def test_a_canary_that_fails_is_worse_in_words() -> None:
    """The sentence has the counts, the excess and how often it would be wrong."""
    finding = found(epochs_of(30, (39, 261), (1, 699)), Gate(50))
    assert finding.health is Health.WORSE
    assert finding.to_go == 0
    low, high = finding.excess_points
    assert 2 < low < 13 < high
    assert finding.reason == (
        "the canary errs more often than stable: 39 of 300 canary answers (13.0 %) against 1 of 700 stable answers"
        f" (0.1 %), by {low:.1f} to {high:.1f} points (a canary no worse would be called worse in at most 0.1 % of"
        " runs)"
    )


def test_an_excess_within_the_margin_is_said_to_be_a_matter_of_the_first_look() -> None:
    """Worse, but within what is allowed: the sentence has both, and a remark says that either finding is true."""
    finding = found(epochs_of(30, (90, 2910), (105, 6895)), Gate(margin_told=5))
    assert finding.health is Health.WORSE
    assert "points, within the 5 points allowed (" in finding.reason
    assert any("the first certain look decides" in remark for remark in finding.remarks)


def test_a_canary_as_good_as_stable_is_not_worse_in_words() -> None:
    """The sentence has the bound, and how often it would be wrong."""
    finding = found(epochs_of(30, (0, 300), (1, 699)), Gate(50))
    assert finding.health is Health.NOT_WORSE
    assert finding.reason == (
        "the canary is at most 2 points worse than stable: 0 of 300 canary answers (0.0 %) against 1 of 700 stable"
        " answers (0.1 %) (one that is 2 points worse would pass in at most 5 % of runs)"
    )
    assert finding.excess_points[1] <= 2


def test_what_is_missing_is_said_while_nothing_is_decided() -> None:
    """How many more answers it takes, and how many before a smaller step."""
    finding = found(epochs_of(30, (0, 60), (0, 140)), Gate())
    assert finding.health is Health.UNDECIDED
    assert finding.to_go is not None
    assert finding.reason.startswith(
        "200 answers are too few to know that the canary is at most 1 point worse than stable, as a weight of 100 %"
        f" asks for; about {finding.to_go} more needed, about "
    )
    assert finding.reason.endswith(" before a weight of 50 %")


def test_a_version_that_never_answers_is_named() -> None:
    """Without an answer that is known to be from each version there is nothing to compare."""
    assert "from the canary: there is nothing to compare" in found(epochs_of(30, (0, 0), (0, 50)), Gate()).reason
    assert "from the stable version: there" in found(epochs_of(30, (0, 50), (0, 0)), Gate()).reason
    assert found(Epochs(30), Gate()).reason == "no answer was counted at this weight"


def test_errors_without_a_version_are_said_to_count_both_ways() -> None:
    """They hold NOT WORSE, and cannot make the canary WORSE."""
    epochs = epochs_of(30, (0, 300), (0, 700))
    for _ in range(40):
        epochs.add(Answer("connection_reset"))
    finding = found(epochs, Gate(50))
    assert finding.health is Health.UNDECIDED
    assert finding.remarks[0].startswith("40 errors name no version, and may be of either")
    assert finding.remarks[1].startswith("40 errors of no known version came in 1 episode, where independent")


@pytest.mark.parametrize("length", [20, 50, 100])
def test_bursts_of_one_version_make_findings_wrong_and_are_said(length: int) -> None:
    """Both versions alike, 2 % in bursts of their own: more WORSE than promised, each with the episodes it came in."""
    worse, named = 0, 0
    gate = Gate(alpha_stop=0.01)
    for seed in range(20):
        epochs = Epochs(30)
        random = Random(seed)
        left = {CANARY: 0, STABLE: 0}
        for number in range(10_000):
            version = CANARY if random.random() < 0.3 else STABLE
            if not left[version] and random.random() < 0.02 / length:
                left[version] = length
            is_error = left[version] > 0
            left[version] -= is_error
            epochs.add(Answer(ERROR if is_error else version, destination=version))
            if number % 100 == 99 and (finding := finding_of_worse(epochs, gate)):
                worse += 1
                named += any("bursts of one version's own" in remark for remark in finding.remarks)
                break
    assert worse > 2
    assert named == worse


def finding_of_worse(epochs: Epochs, gate: Gate) -> HealthFinding | None:
    """Return the finding if it is WORSE."""
    compared = epochs.compared
    if compared is None or look(compared, gate) is not Health.WORSE:
        return None
    return finding_of(epochs, gate)


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_independent_errors_are_not_called_bursts(rate: float) -> None:
    """At 2 and at 20 % of errors, of which many follow one another by chance, no burst is seen."""
    epochs = epochs_of(30, (round(rate * 900), round((1 - rate) * 900)), (round(rate * 2100), round((1 - rate) * 2100)))
    assert not any("bursts" in remark for remark in found(epochs, Gate()).remarks)
