"""How often a wrong split passes a check: each step's rule, on verdicts of seeded runs by the load test's own rules."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pytest
from scipy.stats import binom

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import DEFAULT_ALPHA, DEFAULT_ALPHA_STOP, Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.session import Session
from canary_loadtest.output.about import About
from canary_loadtest.output.report import as_dict
from scripts.course.catalog import steps
from scripts.course.evidence import evidence_of
from scripts.course.rules.finding import Outcome
from scripts.course.rules.grading import AGAIN, Record
from scripts.course.rules.personal import hidden_percent, own_percent
from scripts.course.rules.proof import name_of
from scripts.course.rules.ten_calls import Bet
from scripts.course.rules.verdicts import Mark
from scripts.course.why import named
from tests.course.hand_ins import STARTED_AT, hand_in

pytestmark = pytest.mark.rates

RUNS: Final = 200
# The tolerance of the texts' runs, and twice that.
OFF_POINTS: Final = (-10, -5, 5, 10)
# A minute at the rate of the texts is more than any of these runs takes.
MOST_ANSWERS: Final = 20_000
# How rarely chance alone may fail a test here with other seeds.
CHANCE: Final = 1e-6


@dataclass(frozen=True)
class Proof:
    """A verdict on which a step's check rests.

    Attributes:
        step: the step's name.
        file: where the step's text lets the load test write it.
        claim: for a learner's name, the share in percent that is claimed, and the route whose answers count.
        only_split: whether the text measures with --only-split.
    """

    step: str
    file: str
    claim: Callable[[str], tuple[int, str]]
    only_split: bool = False


def of_30(_: str) -> tuple[int, str]:
    """Return the claim of the repository's 70-30, which is any learner's."""
    return 30, "70-30"


def own(name: str) -> tuple[int, str]:
    """Return the claim of a learner's own weight."""
    return own_percent(name), name_of(own_percent(name))


# The own weights are from 12 to 38 %, so that 10 points less is a share.
PROOFS: Final = [
    Proof("ten_calls", "claim.json", lambda name: (hidden_percent(name, 1), "hidden"), only_split=True),
    Proof("three_answers", "true.json", of_30, only_split=True),
    Proof("write_a_state", "mine.json", own),
    Proof("shift_under_load", "after.json", of_30),
    Proof("order_and_names", "right.json", of_30),
    Proof("for_testers_only", "testers.json", lambda _: (100, "header-canary")),
    Proof("for_testers_only", "others.json", lambda _: (0, "header-stable")),
    Proof("whose_errors", "repaired.json", of_30),
    Proof("mystery", "repaired.json", of_30),
    Proof("stop_or_go", "back.json", lambda _: (0, "100-0")),
    Proof("paused_canary", "half.json", lambda _: (50, "")),
    Proof("weights_not_pods", "weights.json", of_30),
    Proof("weights_not_pods", "pods.json", lambda _: (83, "no-versions")),
]
# Their checks see pods, a load test that loses nothing, and what a release engine did.
WITHOUT_A_SHARE: Final = {"rolling_update", "way_back", "an_engine_releases"}


def id_of(proof: Proof) -> str:
    """Return what the test of a proof is called."""
    return f"{proof.step}-{proof.file.partition('.')[0]}"


@cache
def done_by(name: str) -> dict[str, Any]:
    """Return the hand-in of a learner; it is not changed here."""
    return hand_in(name)


@cache
def measured(seed: int, real_percent: int, claim: tuple[int, str], *, url: str, only_split: bool) -> dict[str, Any]:
    """Return the JSON of a run that claims a share while another one is served, with the options of the texts."""
    draw = random.Random(f"{seed} {real_percent} {claim}")
    percent, route = claim
    session = Session(Expectation(float(percent), next_weight_percent=None if only_split else 100.0), route or None)
    for _ in range(MOST_ANSWERS):
        version = CANARY if draw.random() < real_percent / 100 else STABLE
        session.add(Answer(version, route, destination=version))
        if session.decided:
            break
    return as_dict(session.verdict(), About(url, route or None, datetime.fromtimestamp(STARTED_AT + 60, UTC), 5.0))


def passes(proof: Proof, seed: int, off_points: int) -> bool:
    """Return whether a step's rule lets a learner pass, where all is right but the share behind one verdict.

    Args:
        proof: the verdict.
        seed: chooses the learner and the answers.
        off_points: by how many percentage points the real share is off.
    """
    name = f"learner {seed}"
    attempt = done_by(name)["steps"][proof.step]
    claim = proof.claim(name)
    real_percent = claim[0] + off_points
    verdict = measured(seed, real_percent, claim, url=attempt["url"], only_split=proof.only_split)
    record = Record(
        learner=name,
        number=attempt["number"],
        bet=Bet(attempt["answer"], attempt["answered_at_seconds"]),
        named=named(attempt["answer"]),
        evidence=evidence_of({**attempt["verdicts"], proof.file: verdict}, Mark(attempt["url"], STARTED_AT)),
        is_done=True,
        contradictions=(),
    )
    return AGAIN[proof.step](record).outcome is Outcome.DONE


def test_each_step_rests_on_a_verdict_that_is_simulated_here() -> None:
    """No step of the course with a share is left out."""
    assert list(dict.fromkeys(proof.step for proof in PROOFS)) == [
        step.name for step in steps() if step.name not in WITHOUT_A_SHARE
    ]


@pytest.mark.parametrize("off_points", OFF_POINTS)
@pytest.mark.parametrize("proof", PROOFS, ids=id_of)
def test_a_split_that_is_off_passes_in_at_most_alpha_of_runs(proof: Proof, off_points: int) -> None:
    """Of seeded runs no more pass than alpha allows, beyond what chance adds to alpha with probability 1e-6."""
    if not 0 <= proof.claim("")[0] + off_points <= 100:
        return  # no share is so far off
    passed = sum(passes(proof, seed, off_points) for seed in range(RUNS))
    assert passed <= binom.isf(CHANCE, RUNS, DEFAULT_ALPHA)


@pytest.mark.parametrize("proof", PROOFS, ids=id_of)
def test_a_right_split_passes(proof: Proof) -> None:
    """Of the same learners with the right share no more are held up than alpha_stop allows, beyond chance."""
    held_up = sum(not passes(proof, seed, 0) for seed in range(RUNS))
    assert held_up <= binom.isf(CHANCE, RUNS, DEFAULT_ALPHA_STOP)
