"""Start processes that cannot outlive their parent, tell them from strangers, and stop them for certain.

The supervisor starts the replicas and Envoy with it, `demo` the load test; `control` judges and stops what a lab
has written down.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from scripts.lab.state import LabFolder, ProcessRecord

# Clock adjustments move a process's start time a little from one reading to the next; no process id is used again
# within this time, and after a restart of the machine start times differ by far more.
START_TIME_TOLERANCE_SECONDS = 2.0
# Envoy ends at once, a replica when its last request is answered; whoever needs longer than this hangs.
STOP_TIMEOUT_SECONDS = 8.0
READY_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.02

TETHER = str(Path(__file__).with_name("tether.py"))
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Command:
    """What to start.

    Attributes:
        name: the process's name in `status` and of its log file.
        argv: the program's path, and its arguments.
        environment: the whole environment.
        version: `v1` or `v2` for a replica, None otherwise.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    version: str | None = None


def spawn(
    command: Command, *, stdout: IO[bytes] | None = None, stderr: IO[bytes] | None = None, tethered: bool = True
) -> subprocess.Popen[bytes]:
    """Start a process as leader of its own session, away from the terminal's Ctrl-C.

    Args:
        command: what to start.
        stdout: where its standard output goes; None for this process's own.
        stderr: where its standard error goes; None for this process's own.
        tethered: whether the kernel ends it (SIGTERM) when this process ends, however that happens. Linux only:
            elsewhere the next command sweeps up what a killed parent left behind.

    Returns:
        The process.
    """
    tether = [sys.executable, "-IS", TETHER, str(os.getpid())] if tethered and sys.platform == "linux" else []
    return subprocess.Popen(  # noqa: S603 - argv is made by the lab, of no foreign input
        [*tether, *command.argv],
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


@contextmanager
def deferred_interruptions() -> Iterator[Sequence[int]]:
    """Hold Ctrl-C and its like back, so that none comes between the start of a process and the note of it.

    Yields:
        The signals that have come, empty until then: whoever waits inside has to look. The first of them takes
        effect at the end.
    """
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in INTERRUPTIONS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def start(command: Command, log: Path) -> tuple[subprocess.Popen[bytes], ProcessRecord]:
    """Start a tethered process that writes to a log file of its own.

    Args:
        command: what to start.
        log: its log file, begun anew.

    Returns:
        The process, and what to write down about it.
    """
    with log.open("wb") as output:
        process = spawn(command, stdout=output, stderr=output)
    return process, ProcessRecord(command.name, command.version, process.pid, started_at_seconds(process.pid))


def started_at_seconds(pid: int) -> float:
    """Return when a process started, in seconds since the epoch, or 0.0 when it is gone already."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def is_alive(record: ProcessRecord) -> bool:
    """Tell whether the recorded process runs: the same one, not another with its id, nor its unburied rest."""
    if record.exit_code is not None:
        return False
    try:
        process = psutil.Process(record.pid)
        return (
            abs(process.create_time() - record.started_at_seconds) < START_TIME_TOLERANCE_SECONDS
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def describe_death(folder: LabFolder, record: ProcessRecord) -> str:
    """Return what a dead process ended with, and the last lines of its log."""
    cause = "ended, exit code unknown"
    if record.exit_code is not None:
        cause = f"ended with exit code {record.exit_code}"
        if record.exit_code < 0:
            cause = f"was killed by {signal.Signals(-record.exit_code).name}"
    lines = folder.log_tail(record.name) or ["(nothing)"]
    return "\n    ".join([f"{record.name} {cause}; the last lines of {folder.log(record.name)}:", *lines])


def stop(records: Iterable[ProcessRecord], timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
    """End processes: SIGTERM to each, and SIGKILL to the whole group of those that do not heed it in time.

    Args:
        records: the processes; those that are gone, and strangers with their ids, are left alone.
        timeout_seconds: how long SIGTERM may take.
    """
    alive = [record for record in records if is_alive(record)]
    for record in alive:
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
    if wait_until(lambda: not any(map(is_alive, alive)), timeout_seconds):
        return
    for record in filter(is_alive, alive):
        with suppress(ProcessLookupError):
            os.killpg(record.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, alive)), timeout_seconds)


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Wait for a condition.

    Args:
        condition: asked again and again until it is true.
        timeout_seconds: how long to wait at most.

    Returns:
        Whether the condition came true in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
