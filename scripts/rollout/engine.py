"""The loop of a rollout: set a weight, ask for the verdict, go on or go back, prove the way back."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.proof import Proof
from scripts.rollout.file import RolloutFile, now
from scripts.rollout.rules.record import Phase, Record

EXIT_RELEASED: Final = 0
EXIT_ROLLED_BACK: Final = 10
EXIT_HELD: Final = 11
EXIT_LEAKING: Final = 12
EXIT_BY_PHASE: Final = {
    Phase.RELEASED: EXIT_RELEASED,
    Phase.ROLLED_BACK: EXIT_ROLLED_BACK,
    Phase.LEAKING: EXIT_LEAKING,
}


class Step(NamedTuple):
    """What the load test is asked at one weight.

    Attributes:
        weight_percent: the canary's weight.
        next_percent: the weight that a go-ahead is for.
        split_steps: how many weights of the rollout lie between 0 and 100 %.
        route: the name of the route that serves the weight.
        counts: path of the file with the counts of the release.
        load_test: further options.
    """

    weight_percent: float
    next_percent: float
    split_steps: int
    route: str
    counts: str
    load_test: tuple[str, ...]


class Measured(NamedTuple):
    """What the load test found.

    Attributes:
        outcome: its outcome.
        reason: why, in English.
        said: how it has said both on the terminal, a line each, where its user's language is not English.
    """

    outcome: Outcome
    reason: str
    said: tuple[str, ...] = ()


class Machine(Protocol):
    """What a rollout moves: a lab, or a cluster."""

    def set_weight(self, weight_percent: float, route: str) -> None:
        """Give the canary a weight in one write, and return when it is served; raises RolloutError."""
        ...

    def measure(self, step: Step) -> Measured:
        """Return the load test's verdict on a step; raises RolloutError where there is none."""
        ...

    def ask(self) -> Answer:
        """Send one request, and return its answer; an answer that never comes is an error, too."""
        ...


def route_of(weight_percent: float) -> str:
    """Return the name of the route that serves a weight, such as `70-30`."""
    return f"{100 - weight_percent:g}-{weight_percent:g}"


def roll_out(
    machine: Machine, file: RolloutFile, record: Record, print_line: Callable[[str], None], *, settle_seconds: float
) -> int:
    """Go on with a rollout until it ends or is held, and keep its record at each step.

    Args:
        machine: what is moved.
        file: where the record is kept.
        record: where the rollout is.
        print_line: prints a line for a person.
        settle_seconds: how long after the way back was served the proof begins.

    Returns:
        The exit code: `EXIT_RELEASED`, `EXIT_ROLLED_BACK`, `EXIT_HELD` or `EXIT_LEAKING`.

    Raises:
        RolloutError: a command failed; traffic stays at the last weight that was set, and the record says which.
    """
    while not record.ended:
        file.write(record)
        if record.phase in {Phase.SETTING, Phase.ROLLING_BACK}:
            record = _set(machine, record, print_line)
        elif record.phase is Phase.MEASURING:
            if foreign := _another_route(machine, record):
                file.write(record.noted(now(), "another weight is served", foreign))
                print_line(Message("held at {percent:g} %: {foreign}", percent=record.weight_percent, foreign=foreign))
                return EXIT_HELD
            measured = _measure(machine, file, record, print_line)
            record = record.noted(now(), measured.outcome.value, measured.reason)
            if measured.outcome is Outcome.INCONCLUSIVE:
                file.write(record)
                print_line(
                    Message(
                        "held at {percent:g} %: start again to go on with the same counts",
                        percent=record.weight_percent,
                    )
                )
                return EXIT_HELD
            record = record.after_verdict(measured.outcome)
        else:
            record = _prove(machine, record, print_line, settle_seconds)
    file.write(record)
    file.finish()
    print_line(_END[record.phase])
    return EXIT_BY_PHASE[record.phase]


_END: Final = {
    Phase.RELEASED: Message("released: the canary has all traffic"),
    Phase.ROLLED_BACK: Message("rolled back: the canary has no traffic, and that is proved"),
    Phase.LEAKING: Message("ROLLED BACK, BUT NOT PROVED: requests may still reach the canary; nothing was scaled down"),
}


def _set(machine: Machine, record: Record, print_line: Callable[[str], None]) -> Record:
    started = time.monotonic()
    machine.set_weight(record.weight_percent, route_of(record.weight_percent))
    milliseconds = 1000 * (time.monotonic() - started)
    is_back = record.phase is Phase.ROLLING_BACK
    what = Message("back to 100-0") if is_back else Message("set {route}", route=route_of(record.weight_percent))
    print_line(
        Message(
            "{percent:g} %: {what}, served after {milliseconds:.0f} ms",
            percent=record.weight_percent,
            what=what,
            milliseconds=milliseconds,
        )
    )
    return record.noted(now(), "set", "rollback" if is_back else "").after_setting()


def _another_route(machine: Machine, record: Record) -> str:
    """Return what to do where an answer names another route than that of the weight that was set last, else ""."""
    route, named = route_of(record.weight_percent), machine.ask().route
    if named in {"", route}:
        return ""
    return Message(
        "answers come by the route {named}, and not by {route}: somebody changed the weight; apply {route} again",
        named=named,
        route=route,
    )


def _measure(machine: Machine, file: RolloutFile, record: Record, print_line: Callable[[str], None]) -> Measured:
    step = Step(
        record.weight_percent,
        record.next_percent,
        record.split_steps,
        route_of(record.weight_percent),
        str(file.counts),
        record.load_test,
    )
    measured = machine.measure(step)
    if measured.said:
        for line in (Message("{percent:g} %:", percent=record.weight_percent), *measured.said):
            print_line(line)
    else:
        print_line(f"{record.weight_percent:g} %: {measured.outcome}: {measured.reason}")
    return measured


def _prove(machine: Machine, record: Record, print_line: Callable[[str], None], settle_seconds: float) -> Record:
    """Wait, and take the one window; an interruption begins it again, since nothing of it was judged."""
    time.sleep(settle_seconds)
    proof = Proof()
    while not proof.complete:
        proof.add(machine.ask())
    print_line(Message("{percent:g} %: {sentence}", percent=record.weight_percent, sentence=proof.sentence))
    record = record.noted(now(), "leak" if proof.leak else "no leak", proof.sentence)
    return record.after_proof(leaks=bool(proof.leak))
