"""The whole canary in a quarter of a minute: what `make lab` shows.

`__main__` calls it for `run`. It starts a lab of its own, measures 70/30, shifts, measures 0/100, and leaves nothing
behind, Ctrl-C at any moment included.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from scripts import REPOSITORY
from scripts.lab import control
from scripts.lab.errors import LabError
from scripts.lab.processes import (
    INTERRUPTIONS,
    Command,
    deferred_interruptions,
    describe_death,
    is_alive,
    spawn,
    started_at_seconds,
    stop,
)
from scripts.lab.state import SUPERVISOR, LabFolder, ProcessRecord
from scripts.lab.translation import translate

HOST_HEADER = translate.full_host_name(translate.SERVICE_NAME, "default")
EXIT_CONFIRMED, EXIT_REFUTED, EXIT_INCONCLUSIVE = 0, 10, 11
EXIT_FAILED = 1
STEP_COUNT = 6
LOAD_TEST = "load-test"
# At the load test's own 0.05 a right split would be called REFUTED once in some thirty runs, in front of a newcomer.
ALPHA = "0.01"
# What the article shows; far too few to judge a weight by.
SAMPLE_SIZE = 10
REQUEST_TIMEOUT_SECONDS = 5.0
WATCH_SECONDS = 0.1
LOAD_TEST_STOP_SECONDS = 3.0
Say = Callable[[str], None]


def run(files: Sequence[str], shifted: str, *, replicas: int, say: Say) -> int:
    """Start a lab, measure it, shift it, measure it again, end it.

    Args:
        files: the manifest files to begin with, whose routes are to be 70-30.
        shifted: the VirtualService file to shift to, whose route is to be 0-100.
        replicas: replicas of each version.
        say: shows a line to the user.

    Returns:
        0 when both splits are CONFIRMED; else the code of the first verdict that is not: 10 REFUTED,
        11 INCONCLUSIVE, 1 no verdict.

    Raises:
        LabError: the lab did not start, or Envoy refused a file.
        ManifestError: a file is refused.
        KeyboardInterrupt: the user ended it; nothing is left behind.
    """
    step = _numbered(say)
    with _own_lab() as folder:
        step(f"Starting {replicas} + {replicas} replicas of the service, and Envoy in front of them")
        started = time.monotonic()
        control.up(folder, files, replicas=replicas, tethered=True)
        url = control.running(folder).url
        say(f"      ready after {time.monotonic() - started:.1f} s at {url}")
        step(f"{SAMPLE_SIZE} requests at 70/30, as the article sends them")
        say(_sample(url))
        step("Load test: do 30 % of the answers come from the canary?")
        first = _measure(folder, url, expected_canary_percent=30, route_name="70-30")
        step(f"Shifting to {shifted}")
        applied = control.shift(folder, [shifted])
        say(f"      Envoy serves {', '.join(applied.route_names)} after {applied.duration_seconds * 1000:.0f} ms")
        step("Load test: do all answers come from the canary?")
        second = _measure(folder, url, expected_canary_percent=100, route_name="0-100")
        step("Stopping everything")
    return first or second


def _numbered(say: Say) -> Say:
    numbers = iter(range(1, STEP_COUNT + 1))
    return lambda text: say(f"[{next(numbers)}/{STEP_COUNT}] {text}")


@contextmanager
def _own_lab() -> Iterator[LabFolder]:
    """Give a lab's folder that is gone at the end, with all that was started in it, however the end comes."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="lab-run-", ignore_cleanup_errors=True) as path:
        folder = LabFolder(Path(path))
        try:
            yield folder
        finally:
            # The clean-up is bounded; a second Ctrl-C would only leave half of it undone.
            for number in INTERRUPTIONS:
                signal.signal(number, signal.SIG_IGN)
            control.down(folder)


def _sample(url: str) -> str:
    """Return what the first few answers are, and why they prove nothing."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy from the environment would be asked for 127.0.0.1, too
        try:
            answers = [
                session.get(
                    f"{url}/test/test", headers={"Host": HOST_HEADER}, timeout=REQUEST_TIMEOUT_SECONDS
                ).content.decode()
                for _ in range(SAMPLE_SIZE)
            ]
        except requests.RequestException as error:
            raise LabError(f"The lab at {url} does not answer: {error}") from error
    canary_count = sum('"V3|' in answer for answer in answers)
    lines = [f"      {answer}" for answer in answers]
    lines.append(
        f"      {SAMPLE_SIZE} answers: {canary_count} from the canary, {SAMPLE_SIZE - canary_count} from stable.\n"
        "      Ten answers cannot distinguish 70/30 from 50/50; the load test can."
    )
    return "\n".join(lines)


def _measure(folder: LabFolder, url: str, *, expected_canary_percent: int, route_name: str) -> int:
    """Run the load test, which shows its own table, and tell of every process of the lab that dies meanwhile.

    Returns:
        The code of its verdict, 1 when it has none.
    """
    argv = [
        *(sys.executable, "-m", "locust", "-f", str(REPOSITORY / "loadtest" / "locustfile.py"), "--headless"),
        *("-u", "10", "-r", "10", "-t", "30s", "--host", url, "--host-header", HOST_HEADER),
        *("--expect-canary", str(expected_canary_percent), "--route", route_name),
    ]
    environment = {"LOCUST_ALPHA": ALPHA} | os.environ
    # The verdict's table goes to the user; Locust's own tables and notes, which say less, into a file.
    with deferred_interruptions() as interruptions, folder.log(LOAD_TEST).open("wb") as log:
        locust = spawn(Command(LOAD_TEST, argv, environment), stderr=log)
        record = ProcessRecord(LOAD_TEST, None, locust.pid, started_at_seconds(locust.pid))
        told: set[str] = set()
        while not interruptions and locust.poll() is None:
            _tell_of_dead(folder, told)
            time.sleep(WATCH_SECONDS)
        stop([record], LOAD_TEST_STOP_SECONDS)
        code = locust.wait()
    if code in (EXIT_CONFIRMED, EXIT_REFUTED, EXIT_INCONCLUSIVE):
        return code
    print(f"No verdict: {describe_death(folder, replace(record, exit_code=code))}", file=sys.stderr)
    return EXIT_FAILED


def _tell_of_dead(folder: LabFolder, told: set[str]) -> None:
    """Show the last words of each process that has died, once."""
    state = folder.read_state()
    for record in state.processes if state else ():
        # The supervisor writes down how the others end; nobody does that for it.
        is_dead = record.exit_code is not None or (record.name == SUPERVISOR and not is_alive(record))
        if is_dead and record.name not in told:
            told.add(record.name)
            print(describe_death(folder, record), file=sys.stderr)
