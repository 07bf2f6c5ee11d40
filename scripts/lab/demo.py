"""A canary release in a quarter of a minute: start a lab, measure 70/30, shift, measure 0/100, stop the lab.

It leaves nothing behind, even after Ctrl-C.
"""

import os
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import requests

from canary_loadtest.core.message import Message
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
from scripts.lab.show import HOST_HEADER, described, served_routes
from scripts.lab.state import SUPERVISOR, LabFolder, ProcessRecord
from scripts.lab.terminal import told

EXIT_CONFIRMED: Final = 0
EXIT_REFUTED: Final = 10
EXIT_INCONCLUSIVE: Final = 11
EXIT_FAILED: Final = 1
STEP_COUNT: Final = 6
LOAD_TEST: Final = "load-test"
# As in the article; too few to judge a weight by.
SAMPLE_SIZE: Final = 10
REQUEST_TIMEOUT_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
LOAD_TEST_STOP_SECONDS: Final = 3.0
PrintLine = Callable[[str], None]


def run(files: Sequence[str], shifted: str, *, replicas: int, print_line: PrintLine) -> int:
    """Start a lab, measure it, shift it, measure it again, end it.

    Args:
        files: the manifest files to start with, with the route 70-30.
        shifted: the VirtualService file to shift to, with the route 0-100.
        replicas: replicas of each version.
        print_line: prints a text for the user.

    Returns:
        0 if both splits are CONFIRMED; else the code of the first verdict that is not: 10 REFUTED, 11 INCONCLUSIVE,
        1 no verdict.

    Raises:
        LabError: the lab did not start, or Envoy refused a file.
        ManifestError: a file is refused.
        KeyboardInterrupt: the user interrupted it; nothing is left behind.
    """
    step = _numbered(print_line)
    with _own_lab() as folder:
        step(
            Message(
                "Starting {replicas} + {replicas} replicas of the service, and Envoy in front of them",
                replicas=replicas,
            )
        )
        started = time.monotonic()
        control.up(folder, files, replicas=replicas, tethered=True)
        url = control.running(folder).url
        print_line(
            told(Message("      ready after {seconds:.1f} s at {url}", seconds=time.monotonic() - started, url=url))
        )
        step(Message("{count} requests at 70/30, as the article sends them", count=SAMPLE_SIZE))
        print_line(_sample(url))
        step(Message("Load test: does the canary get 30 %, and is it no worse?"))
        first = _measure(folder, url, expected_canary_percent=30, route_name="70-30")
        step(Message("Shifting to {file}", file=shifted))
        applied = control.shift(folder, [shifted])
        routes = served_routes(control.running(folder).admin_url)
        served = described(routes, Message("after {milliseconds:.0f} ms", milliseconds=applied.duration_seconds * 1000))
        print_line(textwrap.indent(served, 6 * " "))
        step(Message("Load test: does the canary get all?"))
        second = _measure(folder, url, expected_canary_percent=100, route_name="0-100")
        step(Message("Stopping everything"))
    return first or second


def _numbered(print_line: PrintLine) -> PrintLine:
    numbers = iter(range(1, STEP_COUNT + 1))
    return lambda text: print_line(f"[{next(numbers)}/{STEP_COUNT}] {told(text)}")


@contextmanager
def _own_lab() -> Iterator[LabFolder]:
    """Give the folder of a new lab; at the end, stop the lab and remove the folder, even after an interruption."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="lab-run-", ignore_cleanup_errors=True) as path:
        folder = LabFolder(Path(path))
        try:
            yield folder
        finally:
            # The clean-up is bounded; a second Ctrl-C would leave it half done.
            for number in INTERRUPTIONS:
                signal.signal(number, signal.SIG_IGN)
            control.down(folder)


def _sample(url: str) -> str:
    """Return the first answers, and why they prove nothing, as lines."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy from the environment would get requests for 127.0.0.1 too
        try:
            answers = [
                session.get(f"{url}/test/test", headers={"Host": HOST_HEADER}, timeout=REQUEST_TIMEOUT_SECONDS)
                for _ in range(SAMPLE_SIZE)
            ]
        except requests.RequestException as error:
            raise LabError(Message("The lab at {url} does not answer: {error}", url=url, error=error)) from error
    canary_count = sum(answer.headers.get("x-service-version") == "v2" for answer in answers)
    lines = [f"      {answer.content.decode()}" for answer in answers]
    lines.append(
        told(
            Message(
                "      {count} answers: {canary} from the canary, {stable} from stable.\n"
                "      Ten answers cannot distinguish 70/30 from 50/50; the load test can.",
                count=SAMPLE_SIZE,
                canary=canary_count,
                stable=SAMPLE_SIZE - canary_count,
            )
        )
    )
    return "\n".join(lines)


def _measure(folder: LabFolder, url: str, *, expected_canary_percent: int, route_name: str) -> int:
    """Run the load test, which prints its own table, and report every process of the lab that dies meanwhile.

    Returns:
        The exit code of its verdict, 1 without one.
    """
    argv = [
        *(sys.executable, "-m", "locust", "-f", str(REPOSITORY / "loadtest" / "locustfile.py"), "--headless"),
        *("-u", "10", "-r", "10", "-t", "30s", "--host", url, "--host-header", HOST_HEADER),
        *("--expect-canary", str(expected_canary_percent), "--route", route_name),
    ]
    # The verdict's table goes to the user; Locust's own tables and messages go into a log.
    with deferred_interruptions() as interruptions, folder.log(LOAD_TEST).open("wb") as log:
        locust = spawn(Command(LOAD_TEST, argv, os.environ), stderr=log)
        record = ProcessRecord(LOAD_TEST, None, locust.pid, started_at_seconds(locust.pid))
        reported: set[str] = set()
        while not interruptions and locust.poll() is None:
            _report_dead(folder, reported)
            time.sleep(WATCH_SECONDS)
        stop([record], LOAD_TEST_STOP_SECONDS)
        code = locust.wait()
    if code in (EXIT_CONFIRMED, EXIT_REFUTED, EXIT_INCONCLUSIVE):
        return code
    death = describe_death(folder, replace(record, exit_code=code))
    print(told(Message("No verdict: {death}", death=death)), file=sys.stderr)
    return EXIT_FAILED


def _report_dead(folder: LabFolder, reported: set[str]) -> None:
    """Print the last log lines of each process that has died, once."""
    state = folder.read_state()
    for record in state.processes if state else ():
        # The supervisor records how the others end; no process does that for it.
        is_dead = record.exit_code is not None or (record.name == SUPERVISOR and not is_alive(record))
        if is_dead and record.name not in reported:
            reported.add(record.name)
            print(told(describe_death(folder, record)), file=sys.stderr)
