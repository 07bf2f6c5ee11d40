"""Writing what a run is asked for: `canary_loadtest.output.files`."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from canary_loadtest.output.files import append, write_in_place, write_whole
from tests.loadtest.schema import read
from tests.support.repository import ROOT

Write = Callable[[str, str], None]
COUNTS = "--expect-canary 30 --canary 600 --stable 1400 --other 0"
FULL = Path("/dev/full")
JUDGE = (sys.executable, str(ROOT / "loadtest"), "judge", *COUNTS.split())


def judge(*arguments: str | Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run the judge on counts that confirm."""
    return subprocess.run([*JUDGE, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


def test_a_link_is_followed_and_the_file_keeps_its_permissions(tmp_path: Path) -> None:
    """The link stays a link, and a file that others may not read stays so."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o600)
    link.symlink_to(file)
    write_whole("new", str(link))
    assert (link.is_symlink(), file.read_text()) == (True, "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("write", [write_whole, write_in_place, append])
def test_a_fifo_gets_the_text_and_stays(tmp_path: Path, write: Write) -> None:
    """A program that reads a FIFO reads the verdict, and the FIFO is there for the next one."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    while True:
        try:
            write("text" * 50_000, str(fifo))
            break
        except OSError:  # the reader has not opened it yet
            continue
    reader.join(10)
    assert read == ["text" * 50_000]
    assert fifo.is_fifo()


@pytest.mark.parametrize("write", [write_whole, write_in_place, append])
def test_a_fifo_that_nothing_reads_is_an_error(tmp_path: Path, write: Write) -> None:
    """A run does not wait for a reader at its end."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="No such device or address"):
        write("text", str(fifo))
    assert fifo.is_fifo()


@pytest.mark.parametrize("write", [write_whole, write_in_place, append])
def test_a_device_stays_a_device(write: Write) -> None:
    """A full device is an error, and root does not replace it by a file."""
    assert FULL.is_char_device()  # or the test would make a file of this name
    with pytest.raises(OSError, match="No space left on device"):
        write("text", str(FULL))
    assert FULL.is_char_device()
    write("text", os.devnull)
    assert Path(os.devnull).is_char_device()


def test_the_judge_names_a_full_device_in_a_line() -> None:
    """A verdict file that could not be written is no verdict."""
    assert FULL.is_char_device()
    ended = judge("--verdict-json", FULL)
    assert (ended.returncode, ended.stderr) == (1, "the file /dev/full was not written: No space left on device\n")


def test_the_judge_survives_a_reader_that_leaves() -> None:
    """With `| head` the exit code is the verdict, and nothing is said."""
    read, write = os.pipe()
    os.close(read)
    ended = judge(stdout=write)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_judge_names_a_full_standard_output() -> None:
    """A verdict that could not be printed ends with 1 and a line."""
    assert FULL.is_char_device()
    with FULL.open("w") as full:
        ended = judge(stdout=full.fileno())
    assert (ended.returncode, ended.stderr) == (1, "standard output was not written: No space left on device\n")


@pytest.mark.parametrize("option", ["--verdict-json", "--summary", "--junit"])
def test_standard_output_is_a_file_like_any_other(option: str) -> None:
    """/dev/stdout is a pipe here, as >(command) of a shell is: without a name of its own, and written in place."""
    ended = judge(option, "/dev/stdout")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("are from the canary") > 1


def test_the_judges_verdict_file_has_the_exit_code_of_the_process(tmp_path: Path) -> None:
    """Where another file was not written, a program that reads the verdict file learns it there, too."""
    assert FULL.is_char_device()
    for option in ("--summary", "--junit"):
        ended = judge(option, FULL, "--verdict-json", tmp_path / "verdict.json")
        assert ended.returncode == read(tmp_path / "verdict.json")["exit_code"] == 1
