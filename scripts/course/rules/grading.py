"""What a hand-in is worth: each step's own rule, applied again to the verdicts and the answer that the file has.

What Envoy served is in no file: it is taken to be what the step ends with. The counts, the verdicts, the personal
values and the times are held against each other. That is evidence, and no proof: a person may write any JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from canary_loadtest.gate.rules.state import Proof
from scripts.course.rules import (
    an_engine_releases,
    for_testers_only,
    mystery,
    order_and_names,
    paused_canary,
    rolling_update,
    shift_under_load,
    stop_or_go,
    ten_calls,
    three_answers,
    way_back,
    weights_not_pods,
    whose_errors,
    write_a_state,
)
from scripts.course.rules.calls import Calls
from scripts.course.rules.causes import Named
from scripts.course.rules.deployed import Deployed, Pod
from scripts.course.rules.finding import Finding, Outcome
from scripts.course.rules.for_testers_only import Groups
from scripts.course.rules.mesh_pods import MeshPod, MeshPods
from scripts.course.rules.mystery import fault_of
from scripts.course.rules.personal import hidden_percent, own_percent
from scripts.course.rules.proof import name_of
from scripts.course.rules.releases import Kept, Releases, Run, Template
from scripts.course.rules.ten_calls import Bet
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence

FORMAT: Final = 1


@dataclass(frozen=True)
class Record:
    """What a hand-in has of one step.

    Attributes:
        learner: the learner's name.
        number: how often the step was started.
        bet: the answer and its time.
        named: the answer as a cause of the why page.
        evidence: the verdicts.
        is_done: whether the file says that the step is done.
        contradictions: what its verdicts contradict, each as a sentence.
    """

    learner: str
    number: int
    bet: Bet
    named: Named
    evidence: Evidence
    is_done: bool
    contradictions: tuple[str, ...]


def marks(step: str, record: Record) -> list[str]:
    """Return what an instructor should look at, as a sentence each.

    Args:
        step: the step's name.
        record: what the hand-in has of it.
    """
    found = list(record.contradictions)
    if record.is_done:
        finding = AGAIN[step](record)
        if finding.outcome is not Outcome.DONE:
            found.append(f"it says done, and what it has says: {finding.saw}")
    return found


def _served(canary_percent: int) -> Traffic:
    weights = {"v1": 100 - canary_percent, "v2": canary_percent}
    return Traffic(name_of(canary_percent), weights, {name: [name] for name, weight in weights.items() if weight})


def _ten_calls(record: Record) -> Finding:
    percent = hidden_percent(record.learner, record.number)
    return ten_calls.judged(_served(percent), percent, record.bet, record.evidence)


def _three_answers(record: Record) -> Finding:
    return three_answers.judged(_served(three_answers.PERCENT), record.evidence)


def _write_a_state(record: Record) -> Finding:
    percent = own_percent(record.learner)
    return write_a_state.judged(_served(percent), percent, record.evidence)


def _shift_under_load(record: Record) -> Finding:
    return shift_under_load.judged(_served(shift_under_load.PERCENT), record.evidence)


def _order_and_names(record: Record) -> Finding:
    return order_and_names.judged(ALL_V1, _served(order_and_names.PERCENT), record.named, record.evidence)


def _for_testers_only(record: Record) -> Finding:
    return for_testers_only.judged(Groups(Calls(1, {(200, "v2"): 1}), ALL_V1, ALL_V1), record.evidence)


def _whose_errors(record: Record) -> Finding:
    return whose_errors.judged(ALL_V1, _served(whose_errors.PERCENT), record.named, record.evidence)


def _mystery(record: Record) -> Finding:
    fault = fault_of(record.learner, record.number)
    return mystery.judged(_served(mystery.PERCENT), fault, record.named, record.evidence)


def _stop_or_go(record: Record) -> Finding:
    ends_at = 0 if stop_or_go.stops(record.evidence) else stop_or_go.WEIGHTS[-1]
    kind = stop_or_go.quality(record.learner, record.number)
    return stop_or_go.judged(_served(ends_at), kind, record.evidence)


def _rolling_update(record: Record) -> Finding:
    # When the update began is in no file: it is taken to be when the last run did.
    began = record.evidence.counted[-1].started_at_seconds if record.evidence.counted else 0
    tags = (rolling_update.AFTER, rolling_update.MISSING)
    return rolling_update.judged(_deployed(rolling_update.AFTER, tags, began), record.bet.text, record.evidence)


def _paused_canary(record: Record) -> Finding:
    pods = [
        Pod(tag, is_ready=True, created_at_seconds=0)
        for tag in (paused_canary.STABLE, paused_canary.CANARY)
        for _ in range(paused_canary.EACH)
    ]
    return paused_canary.judged(
        Deployed(paused_canary.CANARY, is_paused=True, pods=pods, first_wanted={}), record.evidence
    )


def _way_back(record: Record) -> Finding:
    return way_back.judged(_deployed(paused_canary.STABLE, (paused_canary.CANARY,)), record.bet.text)


def _weights_not_pods(record: Record) -> Finding:
    # When the pods were made is in no file.
    pods = [
        MeshPod(version, is_ready=True, has_sidecar=True, created_at_seconds=0)
        for version, count in weights_not_pods.REPLICAS.items()
        for _ in range(count)
    ]
    served = _served(weights_not_pods.PERCENT)
    return weights_not_pods.judged(MeshPods(pods), served, record.bet.text, record.evidence)


def _an_engine_releases(record: Record) -> Finding:
    first, last = an_engine_releases.WEIGHTS
    # Where the gate stopped the bad version is in no file: it is taken to be where that was foretold.
    stopped_percent = last if an_engine_releases.foretells(record.bet.text, last) else first
    good, bad = (Template(name, an_engine_releases.GOOD, has_errors=name == "bad") for name in ("good", "bad"))
    runs = [Run(good.name, "2", percent, "Successful", is_confirmed=True) for percent in (first, last)]
    runs.append(Run(bad.name, "3", stopped_percent, an_engine_releases.FAILED, is_confirmed=False))
    kept = Kept(stopped_percent, Proof.NO_LEAK)
    released = Releases(good, bad, "3", "Degraded", is_aborted=True, runs=runs, kept=kept)
    return an_engine_releases.judged(released, record.bet.text)


def _deployed(tag: str, tags: Sequence[str], first_wanted: float = 0) -> Deployed:
    pods = [Pod(tag, is_ready=True, created_at_seconds=0)] * rolling_update.REPLICAS
    return Deployed(tag, is_paused=False, pods=pods, first_wanted=dict.fromkeys(tags, first_wanted))


ALL_V1: Final = Calls(1, {(200, "v1"): 1})
AGAIN: Final[Mapping[str, Callable[[Record], Finding]]] = {
    "ten_calls": _ten_calls,
    "three_answers": _three_answers,
    "write_a_state": _write_a_state,
    "shift_under_load": _shift_under_load,
    "order_and_names": _order_and_names,
    "for_testers_only": _for_testers_only,
    "whose_errors": _whose_errors,
    "mystery": _mystery,
    "stop_or_go": _stop_or_go,
    "rolling_update": _rolling_update,
    "paused_canary": _paused_canary,
    "way_back": _way_back,
    "weights_not_pods": _weights_not_pods,
    "an_engine_releases": _an_engine_releases,
}
