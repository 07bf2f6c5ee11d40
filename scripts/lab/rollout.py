"""`rollout`: a canary release in the lab, step by step by the load test's verdicts, with a proved rollback.

A lab that runs is used, and stays as it is at the end; else one is started, and stopped at the end.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.message import Message
from canary_loadtest.gate import probe
from scripts import REPOSITORY
from scripts.lab import control
from scripts.lab.errors import LabError, UsageError
from scripts.lab.prometheus import load_test_options
from scripts.lab.show import HOST_HEADER
from scripts.lab.split import virtual_service
from scripts.lab.state import LabFolder, LabState
from scripts.lab.terminal import filled
from scripts.rollout import load_test, start
from scripts.rollout.engine import Measured, Step, roll_out
from scripts.rollout.file import RolloutFile
from scripts.rollout.rules.record import Record, RolloutError

SETTLE_SECONDS: Final = 2.0
FILES: Final = ("istio/gateway.yaml", "istio/destination-rule.yaml")
USUAL_LOAD: Final = ("--headless", "--skip-log-setup", "-u", "10", "-r", "10", "-t", "120s")

STEP_OPTIONS: Final = ("--expect-canary", "--route", "--next-weight", "--release", "--release-steps", "--verdict-json")


@dataclass(frozen=True)
class LabMachine:
    """What a rollout moves: the weights of a running lab."""

    folder: LabFolder
    state: LabState
    locks: Sequence[int]

    def set_weight(self, weight_percent: float, route: str) -> None:
        """Shift to a virtual service with this weight, which is served when this returns; raises RolloutError."""
        if not float(weight_percent).is_integer():
            raise RolloutError(
                Message(
                    "Istio's weights are whole numbers, and {percent:g} is none: give other --steps",
                    percent=weight_percent,
                )
            )
        file = self.folder.path / "rollout.yaml"
        file.write_text(virtual_service(int(weight_percent), route), encoding="utf-8")
        try:
            control.shift(self.folder, [str(file)])
        except LabError as error:
            raise RolloutError(Message("the weight was not set: {error}", error=error)) from error

    def measure(self, step: Step) -> Measured:
        """Return the load test's verdict on a step."""
        command = [sys.executable, str(REPOSITORY / "loadtest"), "locust", *USUAL_LOAD]
        command += ["--host", self.state.url, "--host-header", HOST_HEADER]
        command += load_test_options(self.state, step.load_test, os.environ)
        return load_test.measured(command, step, self.locks)

    def ask(self) -> Answer:
        """Send one request, and return its answer."""
        return probe.ask(self.state.url, HOST_HEADER)


def rollout(options: argparse.Namespace) -> int:
    """Release the canary of the lab, or take it back.

    Returns:
        The exit code, as `--help` explains it.
    """
    try:
        weights_percent = start.steps_percent(options.steps)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--steps {options.steps}: {error}") from None
    _check_options(options.load_test)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, which ends the load test, too
    own = options.dir.path / "rollout.json"
    file = RolloutFile(options.record or own)
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--record {file.path}: {error.strerror}") from error
    try:
        with ExitStack() as stack:
            locks = [stack.enter_context(one.lock()) for one in _distinct(RolloutFile(own), file)]
            state = stack.enter_context(_lab(options, file))
            record = _begin(file, start.wanted(weights_percent, options.load_test, _subject(state)))
            _print(Message("watch  {url} (in a browser)", url=state.page_url))
            machine = LabMachine(options.dir, state, locks)
            return roll_out(machine, file, record, _print, settle_seconds=SETTLE_SECONDS)
    except RolloutError as error:
        raise LabError(str(error)) from error


def _check_options(load_test: Sequence[str]) -> None:
    """Refuse what the rollout itself says for each step."""
    for option in (word.partition("=")[0] for word in load_test):
        if option in STEP_OPTIONS:
            raise UsageError(f"{option} is the rollout's own at each step: leave it out")


def _distinct(own: RolloutFile, file: RolloutFile) -> list[RolloutFile]:
    """Return whose locks are taken: the lab's, so that one rollout moves it, and that of the record."""
    own.path.parent.mkdir(parents=True, exist_ok=True)
    return [own] if own.path.resolve() == file.path.resolve() else [own, file]


def _subject(state: LabState) -> str:
    """Return which lab it is, and with which canary: the next one of the same folder is another."""
    supervisor = state.processes[0]
    canary = " ".join(f"{name}={value}" for name, value in sorted(state.canary_settings.items()))
    return f"the lab {supervisor.pid} of {supervisor.started_at_seconds:.0f} {canary}".strip()


def _begin(file: RolloutFile, new: Record) -> Record:
    """Return the record to go on with; that of a lab that is gone is put aside, with its counts."""
    record = file.read()
    if record is not None and not record.ended and record.subject != new.subject:
        kept = file.put_aside(record)
        _print(
            Message(
                "{path} was of another lab, and is kept as {kept}; this rollout begins at 0 %",
                path=file.path,
                kept=kept,
            )
        )
    return start.begin(file, new, _print)


@contextmanager
def _lab(options: argparse.Namespace, file: RolloutFile) -> Iterator[LabState]:
    """Give the running lab, or one for this rollout alone, which stays while the rollout can be gone on with."""
    running = options.dir.read_state()
    if running is not None:
        if options.canary_errors or options.canary_delay:
            raise UsageError(
                Message(
                    "a lab runs already, and its canary is as it is: stop it for --canary-errors and "
                    "--canary-delay, with\n  {command}",
                    command=options.dir.command("down"),
                )
            )
        yield control.running(options.dir)
        return
    files = [*(str(REPOSITORY / name) for name in FILES), str(REPOSITORY / "istio/virtual-service-100-0.yaml")]
    control.up(options.dir, files, canary_settings=_faults(options))
    try:
        yield control.running(options.dir)
    finally:
        record = file.read()
        if record is None or record.ended:
            control.down(options.dir)
        else:
            _print(
                Message(
                    "The lab goes on serving {weight_percent:g} %; to stop it: {command}",
                    weight_percent=record.weight_percent,
                    command=options.dir.command("down"),
                )
            )


def _faults(options: argparse.Namespace) -> Mapping[str, str]:
    """Return the variables that make the canary bad."""
    found = {}
    if options.canary_errors:
        found["SERVICE_ERROR_RATIO"] = f"{options.canary_errors / 100:g}"
    if options.canary_delay:
        found["SERVICE_DELAY_SECONDS"] = f"{options.canary_delay / 1000:g}"
    return found


def _print(line: str) -> None:
    print(filled(line), flush=True)
