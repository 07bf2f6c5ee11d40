"""`run`, which is `make lab`: both verdicts, and that nothing outlives it."""

import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.lab.processes import wait_until
from tests.lab.helpers import TIMEOUT_SECONDS, CommandLine, edited, istio

pytestmark = pytest.mark.live

MakeCommandLine = Callable[..., CommandLine]
# Calls `run` with another first state than 70/30, which its options do not allow.
RUN_WITH_STATE: Final = """
import sys
from scripts.lab import demo
files = sys.argv[1:4]
raise SystemExit(demo.run(files, sys.argv[4], replicas=1, print_line=print))
"""


@pytest.fixture
def temporary_folder() -> Iterator[Path]:
    """Give a folder for a run's temporary files, with a name short enough for the path of a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="t-") as path:
        yield Path(path)


def test_run_confirms_both_splits_and_leaves_nothing(command_line: MakeCommandLine, temporary_folder: Path) -> None:
    """70/30 and 0/100 are both CONFIRMED by the load test, in numbered steps."""
    # So that a correct split is REFUTED in one of 10,000 runs only.
    line = command_line(TMPDIR=str(temporary_folder), LOCUST_ALPHA_STOP="1e-6")
    ended = line.run("run", "--replicas", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    steps = [text[:5] for text in ended.stdout.splitlines() if text.startswith("[")]
    assert steps == [f"[{number}/6]" for number in range(1, 7)]
    assert ended.stdout.count("CONFIRMED") == 2
    assert "Ten answers cannot distinguish 70/30 from 50/50" in ended.stdout
    assert (ended.stderr, line.processes(), list(temporary_folder.iterdir())) == ("", [], [])


def test_run_ends_with_the_code_of_the_first_verdict_that_is_not_confirmed(
    command_line: MakeCommandLine, tmp_path: Path
) -> None:
    """If the first split is REFUTED, the exit code is 10, although the second is CONFIRMED."""
    wrong = tmp_path / "wrong.yaml"
    weights = edited("virtual-service-70-30.yaml", "weight: 70", "weight: 10").replace("weight: 30", "weight: 90")
    wrong.write_text(weights)
    files = [istio("gateway.yaml"), str(wrong), istio("destination-rule.yaml"), istio("virtual-service-0-100.yaml")]
    with command_line().python("-c", RUN_WITH_STATE, *files) as run:
        stdout, stderr = run.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert run.returncode == 10, stderr
    assert "REFUTED" in stdout
    assert "CONFIRMED" in stdout


def test_run_without_a_load_test_has_no_verdict(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """A load test that cannot start has no verdict: exit code 1, with the end of its log."""
    broken = tmp_path / "path" / "locust"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise SystemExit('no locust today')\n")
    ended = command_line(PYTHONPATH=str(broken.parent)).run("run", "--replicas", "1")
    assert ended.returncode == 1
    assert ended.stderr.count("No verdict: load-test ended with exit code 1") == 2
    assert "no locust today" in ended.stderr


@pytest.mark.parametrize(
    ("step", "number"), [(1, signal.SIGINT), (3, signal.SIGINT), (5, signal.SIGINT), (3, signal.SIGTERM)]
)
def test_an_interrupted_run_leaves_nothing(
    command_line: MakeCommandLine, temporary_folder: Path, step: int, number: signal.Signals
) -> None:
    """Ctrl-C in any step ends with 130, without a traceback, and leaves no process and no file."""
    line = command_line(TMPDIR=str(temporary_folder))
    with line.start("run", "--replicas", "1") as run:
        assert run.stdout is not None
        while not run.stdout.readline().startswith(f"[{step}/"):
            assert run.poll() is None
        run.send_signal(number)
        _, stderr = run.communicate(timeout=TIMEOUT_SECONDS)
    assert (run.returncode, stderr) == (130, "lab: interrupted\n")
    assert (line.processes(), list(temporary_folder.iterdir())) == ([], [])


def test_run_reports_a_death_when_it_happens(command_line: MakeCommandLine) -> None:
    """A replica that dies during the load test is named at once on standard error, with its last log lines."""
    line = command_line()
    with line.start("run") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        while not run.stdout.readline().startswith("[3/"):
            assert run.poll() is None
        victims = [process for process in line.processes() if process.environ().get("POD_NAME") == "micro-api-v1-1"]
        for victim in victims:
            victim.kill()
        assert run.stderr.readline().startswith("micro-api-v1-1 was killed by SIGKILL; the last lines of ")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=TIMEOUT_SECONDS)


def test_a_killed_run_leaves_no_process(command_line: MakeCommandLine, temporary_folder: Path) -> None:
    """After kill -9 of `run` during its load test everything else ends, and only the folder with its logs is left."""
    line = command_line(TMPDIR=str(temporary_folder))
    with line.start("run", "--replicas", "1") as run:
        assert run.stdout is not None
        while not run.stdout.readline().startswith("[3/"):
            assert run.poll() is None
        run.kill()
        run.communicate(timeout=TIMEOUT_SECONDS)
    assert wait_until(lambda: line.processes() == [], TIMEOUT_SECONDS)
    assert [path.name.startswith("lab-run-") for path in temporary_folder.iterdir()] == [True]
