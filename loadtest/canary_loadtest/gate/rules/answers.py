"""What a gate answers: the verdict on the counts that it was handed, or why it holds the release."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.release import RUN, Release
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import NEXT_STEPS, Remedy, Verdict
from canary_loadtest.gate.rules.objects import Plan
from canary_loadtest.gate.rules.state import State

FRESH_SECONDS: Final = 5.0
GATE_NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    **NEXT_STEPS,
    Remedy.FIND_ANSWERS: "check that the address of the gate's load test is that of the service",
    Remedy.MORE_FOR_THE_CANARY: "wait for more answers, or let the release take a smaller next step",
    Remedy.MORE_ANSWERS: "wait for more answers, or allow the gate a wider --tolerance",
}


@dataclass(frozen=True)
class Answer:
    """What a gate answers to one question.

    Attributes:
        outcome: CONFIRMED: the release may go on; REFUTED: it must go back; INCONCLUSIVE: it is held.
        reason: why, in a sentence for a person.
        release: the release that is meant, "" where the engine's object could not be read.
        weight_percent: the canary's weight that the route has, None where it could not be read.
        next_percent: the weight that a go-ahead is for, None where that is not known.
        verdict: the verdict on the counts, None where nothing was judged.
        to_go: about how many more answers a verdict takes, None where that is not known.
    """

    outcome: Outcome
    reason: str
    release: str = ""
    weight_percent: float | None = None
    next_percent: float | None = None
    verdict: Verdict | None = None
    to_go: int | None = None

    @property
    def begins(self) -> bool:
        """Whether the release is at 0 % and nothing stands against its first step: nothing can be judged there."""
        return self.weight_percent == 0 and self.outcome is Outcome.INCONCLUSIVE

    def to_dict(self, state: State) -> dict[str, Any]:
        """Return it as plain JSON types, with the state that it rests on."""
        verdict = self.verdict
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "next": verdict.next_step if verdict else None,
            "release": self.release,
            "weight_percent": self.weight_percent,
            "next_weight_percent": self.next_percent,
            "answers_to_go": self.to_go,
            "split": verdict.split.value if verdict else None,
            "health": verdict.health.to_dict() if verdict and verdict.health else None,
            "counts": verdict.tally.to_dict() if verdict else None,
            "proof": {"state": state.proof.value, "sentence": state.proof_sentence},
        }


@dataclass(frozen=True)
class Question:
    """What an engine asks, as far as its words say it.

    Attributes:
        template: the hash of the template that it releases, "" where it does not say.
        weight_percent: the weight that it believes to be served, None where it does not say.
    """

    template: str = ""
    weight_percent: float | None = None


def expectation_at(base: Expectation, plan: Plan, weight_percent: float) -> Expectation:
    """Return what is tested at one weight of a release.

    Raises:
        ExpectationError: that cannot be tested.
    """
    return replace(
        base,
        canary_percent=weight_percent,
        next_weight_percent=None if base.next_weight_percent is None else plan.next_after(weight_percent),
        release_steps=len(plan.weights_percent),
    )


def hindrance(question: Question, plan: Plan, weight_percent: float) -> str:
    """Return what holds a release before its answers are looked at, "" for nothing."""
    if question.template and question.template != plan.template:
        return (
            f"the question is about the template {question.template}, and the engine's object is at {plan.template}:"
            " another release is under way"
        )
    if plan.is_copied:
        return "the engine copies the new version over the old one: there is nothing to compare any more"
    if not plan.declares(weight_percent):
        declared = ", ".join(f"{weight:g}" for weight in plan.weights_percent)
        return (
            f"the route gives the canary {weight_percent:g} %, which is no step of the release ({declared}):"
            " somebody else changed it"
        )
    if plan.engine_weight_percent not in {None, weight_percent}:
        return (
            f"the route gives the canary {weight_percent:g} %, and the engine has written"
            f" {plan.engine_weight_percent:g} %: somebody else changed it"
        )
    if question.weight_percent is not None and question.weight_percent != weight_percent:
        return (
            f"the question is about {question.weight_percent:g} %, and the route gives the canary {weight_percent:g} %"
        )
    return ""


def answer_on(state: State, plan: Plan, weight_percent: float, base: Expectation, age_seconds: float | None) -> Answer:
    """Return the answer on the counts of a state.

    Args:
        state: what is known of the release.
        plan: the release.
        weight_percent: the canary's weight, which the plan declares.
        base: what is tested apart from the weights.
        age_seconds: since when the counts are what they are, None where this gate was handed none at this weight.

    Raises:
        ExpectationError: the counts are those of another question.
    """
    next_percent = plan.next_after(weight_percent)

    def held(reason: str, outcome: Outcome = Outcome.INCONCLUSIVE) -> Answer:
        return Answer(outcome, reason, plan.release, weight_percent, next_percent)

    if (stopped := Release.from_dict(state.counts).stopped if state.counts else None) is not None:
        if stopped[0] != weight_percent:
            return held(f"the release was stopped at {stopped[0]:g} % by its {stopped[1]}", Outcome.REFUTED)
    elif weight_percent in {0.0, 100.0}:
        return held(f"at {weight_percent:g} % there is nothing to compare the canary with")
    elif age_seconds is None:
        return held("the load test has not handed over counts at this weight yet")
    elif age_seconds > FRESH_SECONDS:
        return held(f"the last counts are {age_seconds:.0f} s old: the load test stands still")
    verdict, to_go = judged(state.counts, expectation_at(base, plan, weight_percent))
    return Answer(verdict.outcome, verdict.reason, plan.release, weight_percent, next_percent, verdict, to_go)


def judged(counts: Mapping[str, Any], expectation: Expectation) -> tuple[Verdict, int | None]:
    """Return the verdict on the counts of a release at one of its weights, and how many more answers it takes.

    Raises:
        ExpectationError: they are the counts of another question.
    """
    session = Session(expectation, keep_going=True, row_names=ROW_NAMES, next_steps=GATE_NEXT_STEPS)
    session.look_at(Release.from_dict(counts), counts.get(RUN, {}))
    return session.verdict(), session.to_go()
