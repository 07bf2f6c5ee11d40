"""What a rollout does next, and what proves its rollback."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.proof import MOST_REPLACED, WINDOW, Proof
from scripts.rollout.rules.record import Phase, Record, RolloutError, weights_of

RIGHT = Answer(STABLE, "100-0", None, STABLE)
OWN_ERROR = Answer("status_503", "100-0", None, STABLE)
CONFIRMED, REFUTED, INCONCLUSIVE = Outcome.CONFIRMED, Outcome.REFUTED, Outcome.INCONCLUSIVE


def test_a_good_canary_goes_up_step_by_step() -> None:
    """At each weight a verdict is asked for, for the weight that comes next; at 0 % there is nothing to ask."""
    record, seen = Record((10.0, 50.0, 100.0)), []
    while not record.ended:
        if record.phase is Phase.SETTING:
            record = record.after_setting()
        else:
            seen.append((record.weight_percent, record.next_percent))
            record = record.after_verdict(CONFIRMED)
    assert seen == [(10, 50), (50, 100), (100, 100)]
    assert record.phase is Phase.RELEASED
    assert record.split_steps == 2


@pytest.mark.parametrize("leaks", [False, True])
def test_a_refuted_step_leads_back_to_0(leaks: bool) -> None:  # noqa: FBT001 - pytest gives it
    """In one write, which is then proved."""
    record = Record((10.0, 50.0, 100.0), 1, Phase.MEASURING).after_verdict(REFUTED)
    assert (record.phase, record.weight_percent) == (Phase.ROLLING_BACK, 0)
    record = record.after_setting()
    assert record.phase is Phase.PROVING
    assert record.after_proof(leaks=leaks).phase is (Phase.LEAKING if leaks else Phase.ROLLED_BACK)


def test_an_undecided_step_stays_where_it_is() -> None:
    """The next start measures there again."""
    record = Record((10.0, 100.0), 0, Phase.MEASURING)
    assert record.after_verdict(INCONCLUSIVE) == record


records = st.builds(
    Record,
    weights_percent=st.lists(st.floats(0.1, 99.9), max_size=4, unique=True).map(
        lambda found: weights_of(sorted(found))
    ),
    position=st.integers(-1, 0),
    phase=st.sampled_from(Phase),
    load_test=st.lists(st.text(), max_size=3).map(tuple),
)


@given(record=records, what=st.text(), reason=st.text())
def test_a_record_survives_its_file(record: Record, what: str, reason: str) -> None:
    """Written as JSON and read again it is the same."""
    noted = record.noted("2026-11-29 20:00:00+00:00", what, reason)
    assert Record.from_dict(json.loads(json.dumps(noted.to_dict()))) == noted


@pytest.mark.parametrize("data", [{}, {"format": 2}, {"format": 1}, {**Record((100.0,)).to_dict(), "phase": "odd"}])
def test_what_is_no_record_is_refused(data: dict[str, object]) -> None:
    """By name, without a traceback."""
    with pytest.raises(RolloutError, match=r"it is not the record of a rollout|its format is 2"):
        Record.from_dict(data)


@pytest.mark.parametrize(
    ("steps", "weights"),
    [((10, 50), (10, 50, 100)), ((100,), (100,)), ((), (100,)), ((0.1, 99.9, 100), (0.1, 99.9, 100))],
)
def test_the_last_weight_is_100(steps: tuple[float, ...], weights: tuple[float, ...]) -> None:
    """Whether it is named or not."""
    assert weights_of(steps) == weights


@pytest.mark.parametrize("steps", [(50, 10), (10, 10), (0, 10), (10, 101), (float("nan"),)])
def test_steps_that_do_not_rise_are_refused(steps: tuple[float, ...]) -> None:
    """The message names them."""
    with pytest.raises(RolloutError, match="the steps are "):
        weights_of(steps)


def proof_of(*answers: Answer) -> Proof:
    """Return a window with these answers, and right ones of stable to its end."""
    proof = Proof()
    for one in answers:
        proof.add(one)
    while not proof.complete:
        proof.add(RIGHT)
    return proof


def test_299_answers_of_stable_prove_it() -> None:
    """A leak of 1 % would show in 95 % of windows."""
    proof = proof_of()
    assert (proof.right, proof.sent, proof.leak) == (WINDOW, WINDOW, "")
    assert 0.99**WINDOW < 0.05 < 0.99 ** (WINDOW - 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(CANARY, "90-10", None, CANARY), "an answer of the canary"),
        (Answer(CANARY), "an answer of the canary"),
        (Answer("status_503", "", None, CANARY), "status_503, which names the canary"),
        (Answer("status_503"), "status_503, which names no version"),
        (Answer("timeout"), "timeout, which names no version"),
        (Answer(STABLE, "", None, CANARY), "which names the canary"),
    ],
)
def test_one_answer_that_may_be_the_canarys_is_a_leak(answer: Answer, said: str) -> None:
    """Also an error that names no version: a canary that is gone looks like that."""
    proof = proof_of(RIGHT, answer)
    assert said in proof.leak
    assert "request 2 got" in proof.leak
    assert proof.sentence.startswith("the rollback leaks: ")


def test_errors_of_stable_are_its_own_and_are_replaced() -> None:
    """They are counted and said, and the window still has 299 right answers."""
    proof = proof_of(OWN_ERROR, OWN_ERROR)
    assert (proof.right, proof.own_errors, proof.leak) == (WINDOW, 2, "")
    assert "2 errors of the stable version itself" in proof.sentence


def test_a_stable_version_that_only_fails_proves_nothing() -> None:
    """Errors are not replaced for ever."""
    proof = proof_of(*[OWN_ERROR] * (MOST_REPLACED + 1))
    assert "nothing is proved" in proof.leak
    assert proof.right == 0


def test_an_event_has_the_weight_of_its_time() -> None:
    """So that the record says what was served when."""
    record = Record((10.0, 100.0), 0, Phase.MEASURING).noted("then", "CONFIRMED").after_verdict(CONFIRMED)
    assert record.noted("now", "set").events[-1].weight_percent == 100
    assert record.events[0].weight_percent == 10
    assert replace(record, events=()).events == ()
