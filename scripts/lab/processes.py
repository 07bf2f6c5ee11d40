"""Start processes that cannot outlive their parent, recognise them later, and stop them reliably."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from canary_loadtest.core.message import Message, joined
from scripts.lab.state import LabFolder, ProcessRecord

# Clock adjustments move a process's start time a little from one reading to the next; no process id is used again
# within this time, and after a restart of the machine start times differ by far more.
START_TIME_TOLERANCE_SECONDS: Final = 2.0
# Envoy ends at once, a replica when its last request is answered; a process that needs longer hangs.
STOP_TIMEOUT_SECONDS: Final = 8.0
READY_TIMEOUT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02

TETHER: Final = str(Path(__file__).with_name("tether.py"))
INTERRUPTIONS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
        tethered: whether the kernel sends it SIGTERM when this process ends for any reason. Linux only: elsewhere the
            next command cleans up after a killed parent.

    Returns:
        The process.
    """
    tether = [sys.executable, "-IS", TETHER, str(os.getpid())] if tethered and sys.platform == "linux" else []
    return subprocess.Popen(  # noqa: S603 - argv contains no foreign input
        [*tether, *command.argv],
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


@contextmanager
def deferred_interruptions() -> Iterator[Sequence[int]]:
    """Defer Ctrl-C and similar signals, so that none arrives between the start of a process and its record.

    Yields:
        The signals that have arrived so far, which code that waits inside must check. The first of them takes effect
        at the end.
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
        log: its log file, which is truncated.

    Returns:
        The process and its record.
    """
    with log.open("wb") as output:
        process = spawn(command, stdout=output, stderr=output)
    return process, ProcessRecord(command.name, command.version, process.pid, started_at_seconds(process.pid))


def started_at_seconds(pid: int) -> float:
    """Return when a process started, in seconds since the epoch, or 0.0 if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def is_alive(record: ProcessRecord) -> bool:
    """Return whether the recorded process runs: not a zombie, and not another process with its id."""
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
    cause = Message("ended, exit code unknown")
    if record.exit_code is not None:
        cause = Message("ended with exit code {exit_code}", exit_code=record.exit_code)
        if record.exit_code < 0:
            cause = Message("was killed by {name}", name=signal.Signals(-record.exit_code).name)
    lines = folder.log_tail(record.name) or [Message("(nothing)")]
    return joined(
        "\n    ",
        [
            Message(
                "{name} {cause}; the last lines of {log}:", name=record.name, cause=cause, log=folder.log(record.name)
            ),
            *lines,
        ],
    )


def stop(records: Iterable[ProcessRecord], timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
    """End processes: SIGTERM to each, then SIGKILL to the whole group of those that do not end in time.

    Args:
        records: the processes; those that are gone, and other processes with their ids, are left alone.
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
        condition: called repeatedly until it is true.
        timeout_seconds: maximum time to wait.

    Returns:
        Whether the condition came true in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
