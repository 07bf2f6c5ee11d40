"""The gate itself: it looks at the release, has the load test measure, keeps the counts, and answers."""

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from canary_loadtest.core.answer import Destinations
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.release import Release
from canary_loadtest.gate.alarm import alarm
from canary_loadtest.gate.kubernetes import Cluster, ClusterError, ConflictError
from canary_loadtest.gate.rules.answers import (
    FRESH_SECONDS,
    Answer,
    Question,
    answer_on,
    expectation_at,
    hindrance,
)
from canary_loadtest.gate.rules.objects import Engine, ObjectError, Plan, plan_of, version_of, weight_of
from canary_loadtest.gate.rules.state import Proof, State

PODS: Final = Destinations("x-pod-name", "", "")  # micro-api's header, and no values of its own
ASKED_SECONDS: Final = 30.0  # a question keeps the load running for so long


@dataclass(frozen=True)
class Settings:
    """What a gate is for.

    Attributes:
        engine: which engine releases.
        name: the name of its object.
        config_map: where the state is kept.
        base: what is tested apart from the weights.
        load_options: the load test's options that state the same.
        settle_seconds: how long after a weight was first seen its answers begin to count.
        alarm_url: who is told of a proof that fails, "" for no one but the log.
        versions: how right answers name the version that they are from; without a value for each, by the names of the
            release's own pods.
    """

    engine: Engine
    name: str
    config_map: str
    base: Expectation
    load_options: tuple[str, ...]
    settle_seconds: float
    alarm_url: str = ""
    versions: Destinations = PODS


class Served(NamedTuple):
    """What the route has.

    Attributes:
        weight_percent: the canary's weight.
        version: of the route, which every change of it changes.
    """

    weight_percent: float
    version: str


@dataclass
class Step:
    """The weight that is measured.

    Attributes:
        plan: the release.
        served: the route since when it is measured.
        seen_at: when this gate first saw it, on the clock of `time.monotonic`.
        asked_at: when it was last asked about it.
        counts_at: when counts of it were last handed over and kept, None before the first ones.
        trouble: why there are no newer counts, "" where nothing is known.
    """

    plan: Plan
    served: Served
    seen_at: float
    asked_at: float
    counts_at: float | None = None
    trouble: str = ""

    @property
    def weight_percent(self) -> float:
        """The canary's weight."""
        return self.served.weight_percent


class Gate:
    """Answers the questions of an engine about one workload; several threads may ask."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        """Begin without a request: what is kept is read with the first question."""
        self._cluster = cluster
        self._settings = settings
        self._lock = threading.RLock()
        self._state = State()
        self._kept = State()
        self._version: str | None = None
        self._generation = 0  # of jobs: a load test of an earlier one may have counted what is worth nothing
        self._step: Step | None = None
        self._proof_at: float | None = None

    def answer(self, question: Question) -> Answer:
        """Return the answer to a question; what cannot be known holds the release."""
        try:
            plan = self._plan()
            served = self._served(plan)
            with self._lock:
                self._read_state()
                return self._answer(question, plan.of_kept(self._state.release), served)
        except (ClusterError, ObjectError, ExpectationError) as error:
            return Answer(Outcome.INCONCLUSIVE, str(error))

    def _plan(self) -> Plan:
        """Read the engine's object; raises ClusterError or ObjectError."""
        settings = self._settings
        found = plan_of(settings.engine, self._cluster.engine_object(settings.engine, settings.name))
        return found.of_kept(self._state.release)

    def _served(self, plan: Plan) -> Served:
        """Read the route; raises ClusterError or ObjectError."""
        found = self._cluster.virtual_service(plan.virtual_service)
        return Served(weight_of(plan, found), version_of(found))

    def _answer(self, question: Question, plan: Plan, served: Served) -> Answer:
        now, weight_percent = time.monotonic(), served.weight_percent
        if held := hindrance(question, plan, weight_percent):
            return Answer(Outcome.INCONCLUSIVE, held, plan.release, weight_percent, plan.next_after(weight_percent))
        self._state = self._state.begun(plan.release)
        if self._step is None or (self._step.plan.release, self._step.served) != (plan.release, served):
            self._step = Step(plan, served, now, now)
            self._generation += 1
        step = self._step
        step.plan, step.asked_at = plan, now
        age = None if step.counts_at is None else now - step.counts_at
        answer = answer_on(self._state, plan, weight_percent, self._settings.base, age)
        if answer.outcome is Outcome.REFUTED:
            self._want_proof(0.0)
        elif answer.verdict is None and step.trouble:
            answer = replace(answer, reason=f"{answer.reason}; {step.trouble}")
        return answer

    @property
    def state(self) -> State:
        """What is known of the release."""
        with self._lock:
            return self._state

    @property
    def alive(self) -> bool:
        """Whether the load test hands over counts, where it is to do so."""
        with self._lock:
            step, now = self._step, time.monotonic()
            if step is None or not self._measures(step, now):
                return True
            since = step.counts_at if step.counts_at is not None else step.seen_at + self._settings.settle_seconds
            return now - since <= FRESH_SECONDS

    def prove(self, weight_percent: float) -> tuple[Proof, str]:
        """Have it proved by traffic that the canary has 0 or 100 %, once, and return how far that is.

        Raises:
            ClusterError: what is kept cannot be read.
        """
        with self._lock:
            self._read_state()
            self._want_proof(weight_percent)
            return self._state.proof, self._state.proof_sentence

    def _want_proof(self, weight_percent: float) -> None:
        """Begin the proof, unless it was begun."""
        before = self._state
        self._state = before.proving(weight_percent)
        if self._state is before:
            return
        self._proof_at = time.monotonic()
        try:
            self._write(self._state)
        except ClusterError as error:
            print(f"gate: that a proof is wanted could not be kept: {error}", file=sys.stderr, flush=True)

    def job(self) -> dict[str, Any]:
        """Return what the load test is to do now: measure, prove, or rest."""
        with self._lock:
            now, state, settle = time.monotonic(), self._state, self._settings.settle_seconds
            if state.proof is Proof.WANTED:
                self._proof_at = now if self._proof_at is None else self._proof_at
                return {"job": "rest"} if now < self._proof_at + settle else self._proof_job()
            step = self._step
            if step is None or not self._measures(step, now) or now < step.seen_at + settle:
                return {"job": "rest"}
            return {
                "job": "measure",
                "id": self._id_of(step),
                "options": self._options_of(step),
                "counts": dict(state.counts) or Release.begin(self._expectation_at(step)).to_dict(),
            }

    def _proof_job(self) -> dict[str, Any]:
        """Return the job of the window; at rest where the release is not known, or is another one by now."""
        try:
            plan = self._plan()
        except (ClusterError, ObjectError) as error:
            print(f"gate: the proof has to wait: {error}", file=sys.stderr, flush=True)
            return {"job": "rest"}
        if plan.release != self._state.release:
            return {"job": "rest"}
        weight_percent = self._state.proof_weight_percent
        return {
            "job": "prove",
            "id": plan.release,
            "weight_percent": weight_percent,
            "expected": STABLE if weight_percent == 0 or plan.ends_as_stable else CANARY,
            "versions": self._versions_of(plan),
        }

    def _versions_of(self, plan: Plan) -> Destinations:
        """Return how answers name their version: what is the canary of one release is stable in the next one."""
        told = self._settings.versions
        return told if told.canary else Destinations(told.header, plan.canary_pods, plan.stable_pods)

    def _measures(self, step: Step, now: float) -> bool:
        """Return whether a step is measured: it was asked about, and both versions have requests."""
        return now - step.asked_at <= ASKED_SECONDS and 0 < step.weight_percent < 100

    def _id_of(self, step: Step) -> str:
        return f"{step.plan.release} at {step.weight_percent:g} %, generation {self._generation}"

    def _expectation_at(self, step: Step) -> Expectation:
        return expectation_at(self._settings.base, step.plan, step.weight_percent)

    def _options_of(self, step: Step) -> Sequence[str]:
        expectation = self._expectation_at(step)
        next_weight = expectation.next_weight_percent
        header, canary, stable = self._versions_of(step.plan)
        return [
            *("--expect-canary", f"{step.weight_percent:g}", "--keep-going"),
            *(["--next-weight", f"{next_weight:g}"] if next_weight is not None else []),
            *("--release-steps", str(expectation.release_steps), *self._settings.load_options),
            *("--version-header", header, "--canary-version", canary, "--stable-version", stable),
        ]

    def take_counts(self, job: str, counts: Mapping[str, Any]) -> bool:
        """Keep counts of a job, and answer by them from now on; return whether that is still the job.

        An engine may change the weight at any moment after a go-ahead, or copy the canary over stable. The proxies and
        pods follow the objects: counts from before these were read, and found unchanged, have no answer of what came
        next. Others are worth nothing.

        Raises:
            ClusterError: they cannot be kept, so that no answer may rest on them.
            ObjectError: the engine's object says no plan, or the route no weight.
            ExpectationError: they are no counts.
        """
        with self._lock:
            step = self._step
            if step is None or job != self._id_of(step):
                return False
            counted = self._state.counted(counts)
            try:
                if (self._plan(), self._served(step.plan)) != (step.plan, step.served):
                    self._step = None
                    return False
                if counted != self._state:
                    self._write(counted)
            except (ClusterError, ObjectError) as error:
                step.trouble = f"its counts could not be kept: {error}"
                raise
            self._state = counted
            step.counts_at, step.trouble = time.monotonic(), ""
            return True

    def take_trouble(self, job: str, trouble: str) -> None:
        """Note why the load test hands over no counts."""
        with self._lock:
            if self._step is not None and job == self._id_of(self._step):
                self._step.trouble = trouble

    def take_proof(self, release: str, sentence: str, *, leaks: bool) -> None:
        """Keep what the window has shown, and say it aloud.

        Raises:
            ClusterError: it cannot be kept.
        """
        with self._lock:
            proved = self._state.proved(sentence, leaks=leaks)
            if release != self._state.release or proved is self._state:
                return
            self._state = proved
            print(f"gate: {'NOT PROVED' if leaks else 'proved'}: {sentence}", file=sys.stderr, flush=True)
            if leaks and self._settings.alarm_url:
                alarm(self._settings.alarm_url, f"NOT PROVED: {self._settings.name}, {release}: {sentence}")
            self._write(self._state)

    def _read_state(self) -> None:
        """Read what is kept, where that is not known yet."""
        if self._version is None:
            self._kept, self._version = self._cluster.read_state(self._settings.config_map)
            self._state = self._kept

    def _write(self, state: State) -> None:
        """Keep a state; where somebody else has written another one, that one counts from now on.

        Raises:
            ClusterError: it cannot be kept.
        """
        config_map = self._settings.config_map
        try:
            self._version = self._cluster.write_state(config_map, state, self._version or "")
        except ConflictError:
            found, version = self._cluster.read_state(config_map)
            if found not in (self._kept, state):
                self._state = self._kept = found
                self._version = version
                self._generation += 1
                raise
            # Another member of the ConfigMap was changed, or the answer to an earlier write was lost.
            self._version = self._cluster.write_state(config_map, state, version)
        self._kept = state
