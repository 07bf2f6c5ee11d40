"""Commands that tests run, ports that they listen on, and conditions that they wait for."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.support.repository import ROOT

COMMAND_SECONDS: Final = 120.0
CONDITION_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02


def run(
    *argv: str | Path,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout_seconds: float = COMMAND_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without the variables of a make that may run the tests.

    Args:
        argv: the program and its arguments.
        cwd: the working directory.
        environment: variables that are set in addition to the tests' own.
        stdin: what the command reads.
        timeout_seconds: how long it may take.

    Returns:
        The exit code and both outputs, also of a command that failed.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env=inherited | dict(environment or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def executable(path: Path, text: str) -> Path:
    """Write a program, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago, for programs that cannot report which one they chose."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout_seconds: float = CONDITION_SECONDS) -> bool:
    """Return whether a condition comes true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def until(
    condition: Callable[[], bool], problem: str = "the condition does not hold", seconds: float = CONDITION_SECONDS
) -> None:
    """Wait for a condition.

    Args:
        condition: asked again and again until it is true.
        problem: what is wrong when it does not come true.
        seconds: how long to wait at most.

    Raises:
        AssertionError: the condition did not come true in time.
    """
    assert wait_until(condition, seconds), f"{problem} (after {seconds:.0f} s)"
