"""Programs under measurement: started on a core of their own, waited for, and ended whatever happens.

`service`, `load_test` and `soak` start what they measure here; `envoy` has the lab's own commands for it.
"""

import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.bench.client import Address
from scripts.bench.machine import pin
from scripts.lab.processes import STOP_TIMEOUT_SECONDS, Command, spawn, wait_until

START_TIMEOUT_SECONDS = 30.0
LOG_TAIL_CHARACTERS = 2000


class BenchError(Exception):
    """Something could not be measured; the message tells what, and what to do."""


@contextmanager
def running(
    argv: Sequence[str], environment: Mapping[str, str], core: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core until the block ends.

    Args:
        argv: the command.
        environment: all of its variables.
        core: where it and its children run.
        folder: where its output goes, for the case that it fails.
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
    """End a program: gently, and for certain."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def await_start(process: subprocess.Popen[bytes], ready: Callable[[], bool], folder: Path) -> None:
    """Wait until a program is ready.

    Raises:
        BenchError: it has ended, or does not become ready in time; with the end of its output.
    """
    wait_until(lambda: ready() or process.poll() is not None, START_TIMEOUT_SECONDS)
    if process.poll() is not None or not ready():
        output = (folder / "output.log").read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]
        raise BenchError(f"{process.args!r} did not start:\n{output}")


def listens(address: Address) -> bool:
    """Tell whether somebody takes connections at an address."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.connect(address)
        return True
    return False
