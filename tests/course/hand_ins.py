"""A hand-in as a learner's course writes it, made from counts that the load test itself judges."""

from collections import Counter
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final

from canary_loadtest.core.connections import Connections
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.output.about import About
from canary_loadtest.output.report import as_dict
from scripts.course.rules import (
    an_engine_releases,
    mystery,
    order_and_names,
    rolling_update,
    way_back,
    weights_not_pods,
    whose_errors,
)
from scripts.course.rules.grading import FORMAT
from scripts.course.rules.personal import hidden_percent, own_percent
from scripts.course.rules.proof import name_of
from scripts.course.state import Attempt

NAME: Final = "Ada"
URL: Final = "http://127.0.0.1:18080"
CLUSTER_URL: Final = "http://127.0.0.1:19090"
MESH_URL: Final = "http://127.0.0.1:19080"
URLS: Final = {
    **dict.fromkeys(("rolling_update", "paused_canary", "way_back"), CLUSTER_URL),
    **dict.fromkeys(("weights_not_pods", "an_engine_releases"), MESH_URL),
}
STARTED_AT: Final = 1_800_000_000
PROOF: Final = Tally(canary=413, stable=934, routes=Counter({"70-30": 1347}))
# A canary of which one answer in ten is an error.
WORSE: Final = Tally(
    canary=270, stable=2700, other=Counter(status_500=30), canary_errors=30, routes=Counter({"90-10": 2970})
)
# Fifty connections with one version each.
KEPT: Final = Tally(canary=500, stable=500, routes=Counter({"": 1000}), connections=Connections(25, 25, 0, 950, 0))


def verdict(
    tally: Tally, percent: float, route: str | None = None, *, only_split: bool = False, url: str = URL
) -> dict[str, Any]:
    """Return the JSON of a load test that counted these answers a minute after the step's start."""
    next_weight = None if only_split else 100.0
    session = Session(Expectation(percent, next_weight_percent=next_weight), route)
    session.add_all(tally)
    about = About(url, route, datetime.fromtimestamp(STARTED_AT + 60, UTC), 40.0)
    return as_dict(session.verdict(), about)


def of_share(percent: int, route: str, url: str = URL) -> dict[str, Any]:
    """Return a verdict that CONFIRMED a share by 3000 answers, which have it exactly."""
    canary = 30 * percent
    return verdict(Tally(canary=canary, stable=3000 - canary, routes=Counter({route: 3000})), percent, route, url=url)


def hand_in(name: str = NAME) -> dict[str, Any]:
    """Return the hand-in of a learner who has done every step at the first start."""
    hidden, own, proof = hidden_percent(name, 1), own_percent(name), verdict(PROOF, 30, "70-30")
    errors = Tally(stable=700, other=Counter(status_503=300), routes=Counter({"70-30": 700}))
    verdicts = {
        "ten_calls": {"claim.json": of_share(hidden, "hidden")},
        "three_answers": {
            "true.json": proof,
            "false.json": verdict(PROOF, 50, "70-30", only_split=True),
            "few.json": verdict(Tally(canary=20, stable=50, routes=Counter({"70-30": 70})), 30, "70-30"),
        },
        "write_a_state": {"mine.json": of_share(own, name_of(own))},
        "shift_under_load": {
            "across.json": verdict(Tally(canary=300, stable=1700, routes=Counter({"100-0": 1000, "70-30": 1000})), 0),
            "after.json": proof,
        },
        "order_and_names": {"right.json": proof},
        "for_testers_only": {
            "testers.json": verdict(Tally(canary=299, routes=Counter({"header-canary": 299})), 100, "header-canary"),
            "others.json": verdict(Tally(stable=299, routes=Counter({"header-stable": 299})), 0, "header-stable"),
        },
        "whose_errors": {
            "nameless.json": verdict(errors, 30, "70-30"),
            "named.json": verdict(replace(errors, canary_errors=300), 30, "70-30"),
            "repaired.json": proof,
        },
        "mystery": {"repaired.json": proof},
        "stop_or_go": {
            "at-10.json": verdict(WORSE, 10, "90-10"),
            "back.json": verdict(Tally(stable=299, routes=Counter({"100-0": 299})), 0, "100-0"),
        },
        "rolling_update": {"update.json": verdict(Tally(stable=3800, routes=Counter({"": 3800})), 0, url=CLUSTER_URL)},
        "paused_canary": {
            "half.json": verdict(Tally(canary=1500, stable=1500, routes=Counter({"": 3000})), 50, url=CLUSTER_URL),
            "kept.json": verdict(KEPT, 50, url=CLUSTER_URL),
        },
        "way_back": {},
        "weights_not_pods": {
            "weights.json": of_share(30, "70-30", MESH_URL),
            "pods.json": of_share(83, "no-versions", MESH_URL),
        },
        "an_engine_releases": {},
    }
    answers = {
        "ten_calls": "30",
        "order_and_names": order_and_names.CAUSE,
        "whose_errors": whose_errors.CAUSE,
        "mystery": mystery.fault_of(name, 1),
        "rolling_update": str(rolling_update.LEAST_READY),
        "way_back": str(way_back.WORST),
        "weights_not_pods": str(weights_not_pods.PERCENT),
        "an_engine_releases": str(an_engine_releases.WEIGHTS[0]),
    }
    attempts = {
        step: Attempt(
            1,
            f"start-{number}",
            URLS.get(step, URL),
            STARTED_AT,
            answers.get(step, ""),
            STARTED_AT + 30 if step in answers else 0.0,
            is_done=True,
            hints={"no_verdict": 1},
            checks=2,
            answers=int(step in answers),
            done_at_seconds=STARTED_AT + 300,
            saw="what was seen",
        )
        for number, step in enumerate(verdicts, 1)
    }
    steps = {step: {**asdict(attempt), "verdicts": deepcopy(verdicts[step])} for step, attempt in attempts.items()}
    return {
        "format": FORMAT,
        "learner": name,
        "written_at": datetime.fromtimestamp(STARTED_AT + 4000, UTC).isoformat(sep=" "),
        "versions": {},
        "steps": steps,
    }
