"""`rollout`: a canary release in the lab, step by step by the load test's verdicts, with a proved rollback.

A lab that runs is used, and stays as it is at the end; else one is started, and stopped at the end.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
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
from scripts.rollout.rules.record import RolloutError

SETTLE_SECONDS: Final = 2.0
FILES: Final = ("istio/gateway.yaml", "istio/destination-rule.yaml")
USUAL_LOAD: Final = ("--headless", "--skip-log-setup", "-u", "10", "-r", "10", "-t", "120s")


@dataclass(frozen=True)
class LabMachine:
    """What a rollout moves: the weights of a running lab."""

    folder: LabFolder
    state: LabState
    lock: int

    def set_weight(self, weight_percent: float, route: str) -> None:
        """Shift to a virtual service with this weight, which is served when this returns; raises RolloutError."""
        if not float(weight_percent).is_integer():
            raise RolloutError(f"Istio's weights are whole numbers, and {weight_percent:g} is none: give other --steps")
        file = self.folder.path / "rollout.yaml"
        file.write_text(virtual_service(int(weight_percent), route), encoding="utf-8")
        try:
            control.shift(self.folder, [str(file)])
        except LabError as error:
            raise RolloutError(f"the weight was not set: {error}") from error

    def measure(self, step: Step) -> Measured:
        """Return the load test's verdict on a step."""
        command = [sys.executable, str(REPOSITORY / "loadtest"), "locust", *USUAL_LOAD]
        command += ["--host", self.state.url, "--host-header", HOST_HEADER]
        command += load_test_options(self.state, step.load_test, os.environ)
        return load_test.measured(command, step, (self.lock,))

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
    file = RolloutFile(options.record)
    options.record.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.lock() as lock, _lab(options, file) as state:
            record = start.begin(file, weights_percent, tuple(options.load_test), _print)
            _print(f"watch  {state.page_url} (in a browser)")
            machine = LabMachine(options.dir, state, lock)
            return roll_out(machine, file, record, _print, settle_seconds=SETTLE_SECONDS)
    except RolloutError as error:
        raise LabError(str(error)) from error


@contextmanager
def _lab(options: argparse.Namespace, file: RolloutFile) -> Iterator[LabState]:
    """Give the running lab, or one for this rollout alone, which stays while the rollout can be gone on with."""
    running = options.dir.read_state()
    if running is not None:
        if options.canary_errors or options.canary_delay:
            raise UsageError(
                "a lab runs already, and its canary is as it is: stop it for --canary-errors and --canary-delay, with\n"
                f"  {options.dir.command('down')}"
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
            _print(f"The lab goes on serving {record.weight_percent:g} %; to stop it: {options.dir.command('down')}")


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
