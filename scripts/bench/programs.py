"""Programs under measurement: started on a core of their own, waited for, and ended in any case."""

import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scripts.bench.client import Address
from scripts.bench.machine import pin
from scripts.lab.processes import STOP_TIMEOUT_SECONDS, Command, spawn, wait_until

START_TIMEOUT_SECONDS: Final = 30.0
LOG_TAIL_CHARACTERS: Final = 2000


class BenchError(Exception):
    """Something could not be measured; the message says what, and what to do."""


@contextmanager
def running(
    argv: Sequence[str], environment: Mapping[str, str], core: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core until the block ends.

    Args:
        argv: the command.
        environment: all of its variables.
        core: where it and its children run.
        folder: where its output is written, to be shown when it fails.
    """
    with (folder / "output.log").open("ab") as log:
        process = spawn(Command(argv[0], argv, environment), stdout=log, stderr=log)
        with process:
            try:
                pin(core, process.pid)
                yield process
            finally:
                end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a program, and kill it if it does not end in time."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def await_start(process: subprocess.Popen[bytes], ready: Callable[[], bool], folder: Path) -> None:
    """Wait until a program is ready.

    Raises:
        BenchError: it has ended or is not ready in time; the message has the end of its output.
    """
    wait_until(lambda: ready() or process.poll() is not None, START_TIMEOUT_SECONDS)
    if process.poll() is not None or not ready():
        output = (folder / "output.log").read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]
        raise BenchError(f"{process.args!r} did not start:\n{output}")


def listens(address: Address) -> bool:
    """Return whether something accepts connections at an address."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.connect(address)
        return True
    return False
