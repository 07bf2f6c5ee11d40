"""Processes end when they must, even if they or their parents do not cooperate."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from scripts.lab.processes import Command, describe_death, is_alive, start, stop, wait_until
from scripts.lab.state import LabFolder, ProcessRecord
from tests.lab.helpers import TIMEOUT_SECONDS, CommandLine

STUBBORN: Final = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
print("deaf", flush=True)
signal.pause()
"""


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    """`stop` kills the whole process group of a process that does not end in time."""
    log = tmp_path / "stubborn.log"
    process, record = start(Command("stubborn", [sys.executable, "-c", STUBBORN], os.environ), log)
    assert wait_until(lambda: log.read_text().count("deaf") == 2, TIMEOUT_SECONDS)
    family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
    assert len(family) == 2
    stop([record], timeout_seconds=0.1)
    assert process.wait() == -signal.SIGKILL
    assert wait_until(lambda: not any(map(_runs, family)), TIMEOUT_SECONDS)


def test_a_process_that_is_gone_is_not_an_error(tmp_path: Path) -> None:
    """`stop` of a dead process does nothing."""
    process, record = start(Command("brief", [sys.executable, "-c", ""], os.environ), tmp_path / "brief.log")
    process.wait()
    assert not is_alive(record)
    stop([record])


@pytest.mark.parametrize(("number", "cause"), [(3, "ended with exit code 3"), (-15, "was killed by SIGTERM")])
def test_a_death_is_described_with_the_last_lines(tmp_path: Path, number: int, cause: str) -> None:
    """The description has the cause and the last ten lines of a log of any length."""
    folder = LabFolder(tmp_path)
    folder.create()
    folder.log("x").write_text("".join(f"line {line}\n" for line in range(50_000)))
    lines = describe_death(folder, ProcessRecord("x", None, 1, 0.0, number)).splitlines()
    assert lines[0] == f"x {cause}; the last lines of {folder.log('x')}:"
    assert [line.strip() for line in lines[1:]] == [f"line {line}" for line in range(49_990, 50_000)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_tethered_process_ends_with_its_parent(
    command_line: Callable[..., CommandLine], number: signal.Signals
) -> None:
    """The kernel ends the child, even if the parent is killed."""
    line = command_line()
    parent_code = (
        "import os, sys, signal; from scripts.lab.processes import Command, spawn;"
        "spawn(Command('child', [sys.executable, '-c', 'import signal; signal.pause()'], os.environ));"
        "print('started', flush=True); signal.pause()"
    )
    with line.python("-c", parent_code) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert wait_until(lambda: len(line.processes()) == 2, TIMEOUT_SECONDS)
        parent.send_signal(number)
        assert wait_until(lambda: line.processes() == [], TIMEOUT_SECONDS)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
