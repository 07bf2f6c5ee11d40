"""`measure` and `guess`, typed as a user types them, against a lab with real traffic."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lab.processes import wait_until
from tests.lab.helpers import HOST, MARK, TIMEOUT_SECONDS, Client, RunningLab, edited, istio, one_line
from tests.support.repository import ROOT
from tests.support.text import too_long

pytestmark = pytest.mark.live

# Short, and a correct split is refuted in one of 10,000 runs only.
QUICK = ("-t", "20s", "--alpha", "0.0001", "--tolerance", "20", "--margin", "20")
SEED, SEED_PERCENT = "7", 46


def shift(lab: RunningLab, *files: str | Path) -> None:
    """Shift the lab to files."""
    ended = lab.command_line.run("shift", "--dir", lab.folder.path, *files)
    assert ended.returncode == 0, ended.stderr


def test_measure_knows_target_host_route_and_share(lab: RunningLab) -> None:
    """One word is enough: it prints the command that it runs, which prints the verdict."""
    ended = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    typed = one_line(ended.stdout)
    assert f"--host {lab.url} --host-header {HOST} --expect-canary 30 --route 70-30 {' '.join(QUICK)}" in typed
    assert "verdict: CONFIRMED" in typed
    assert too_long(ended.stdout) == []


def test_the_command_that_measure_prints_can_be_typed(lab: RunningLab) -> None:
    """Copied from the terminal, it measures the same."""
    ended = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK)
    command = ended.stdout.removeprefix("$").partition("\nanswers ")[0]
    typed = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (typed.returncode, "verdict:  CONFIRMED" in typed.stdout) == (0, True), typed.stderr


def test_the_share_is_that_of_the_weights_not_of_the_name(lab: RunningLab, tmp_path: Path) -> None:
    """A file that was copied and whose name was forgotten: 60 % are expected, and confirmed."""
    file = tmp_path / "renamed.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", "weight: 70", "weight: 20"))
    shift(lab, file)
    ended = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK)
    assert (ended.returncode, "--expect-canary 60 --route 70-30" in one_line(ended.stdout)) == (0, True)


def test_subsets_that_are_swapped_are_found_out(lab: RunningLab, tmp_path: Path) -> None:
    """The weight of v2 is expected, not what the labels make of it: exit code 10, the load test's own."""
    file = tmp_path / "swapped.yaml"
    text = edited("destination-rule.yaml", "version: v1", "version: v3")
    file.write_text(text.replace("version: v2", "version: v1").replace("version: v3", "version: v2"))
    shift(lab, file)
    ended = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK)
    assert (ended.returncode, "verdict:  REFUTED" in ended.stdout) == (10, True)


def test_without_subsets_the_ratio_of_the_replicas_is_expected(lab: RunningLab, tmp_path: Path) -> None:
    """One replica of each version makes 50 %, with any weights; what the header says of the draw is wrong then."""
    file = tmp_path / "no-subset.yaml"
    text = Path(istio("virtual-service-70-30.yaml")).read_text(encoding="utf-8")
    file.write_text(re.sub(r" +subset: .*\n", "", text))
    shift(lab, file)
    ended = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK, "--only-split")
    assert (ended.returncode, "--expect-canary 50" in one_line(ended.stdout)) == (0, True)


def test_a_header_selects_its_route(lab: RunningLab) -> None:
    """What the load test is told to send decides which route, and so which share, is measured."""
    shift(lab, istio("virtual-service-header.yaml"))
    with_header = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK, "--header", "x-canary: true")
    without = lab.command_line.run("measure", "--dir", lab.folder.path, *QUICK)
    assert (with_header.returncode, without.returncode) == (0, 0)
    assert "--expect-canary 100 --route header-canary" in one_line(with_header.stdout)
    assert "--expect-canary 0 --route header-stable" in one_line(without.stdout)


def test_what_cannot_be_measured_is_said(lab: RunningLab, tmp_path: Path) -> None:
    """A host without a route, a version without replicas, an unknown option: each in a sentence."""
    host = lab.command_line.run("measure", "--dir", lab.folder.path, "--host-header", "other.test")
    assert host.returncode == 1
    assert "no route takes /test/test of other.test: such requests get 404" in one_line(host.stderr)
    assert f"Envoy has routes for {HOST}" in one_line(host.stderr)
    file = tmp_path / "unknown.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", "subset: v2", "subset: v9"))
    shift(lab, file)
    version = lab.command_line.run("measure", "--dir", lab.folder.path)
    assert (version.returncode, "v9 has no replica" in one_line(version.stderr)) == (2, True)
    option = lab.command_line.run("measure", "--dir", lab.folder.path, "--expect-canary", "30", "--nothing")
    assert (option.returncode, "unrecognized arguments: --nothing" in option.stderr) == (2, True)


def test_an_interrupted_measurement_has_the_load_tests_own_end(lab: RunningLab) -> None:
    """Ctrl-C reaches the load test, which prints what it has; its exit code is passed on, and no process is left."""
    before = {process.pid for process in lab.command_line.processes()}
    with lab.command_line.start("measure", "--dir", lab.folder.path, "--keep-going") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("$")
        assert wait_until(lambda: lab.requests_in_flight() > 0, TIMEOUT_SECONDS)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert "verdict:" in stdout, stderr
    assert process.returncode in (0, 10, 11)
    assert {one.pid for one in lab.command_line.processes()} <= before


def test_a_bet_is_judged_and_the_earlier_state_comes_back(lab: RunningLab) -> None:
    """A wrong bet is REFUTED, then the truth is told: the same for the same seed."""
    shift(lab, istio("virtual-service-90-10.yaml"))
    ended = lab.command_line.run("guess", "--dir", lab.folder.path, "--seed", SEED, "--bet", "5", "-t", "20s")
    assert ended.returncode == 10, ended.stdout + ended.stderr
    words = one_line(ended.stdout)
    assert f"v2 {SEED_PERCENT} %" not in words.partition("verdict:")[0]
    assert f"The truth: v1 {100 - SEED_PERCENT} %, v2 {SEED_PERCENT} %; your bet of 5 % is 41 points off." in words
    assert re.search(r"The load test REFUTED it after \d+ answers, and is right\.", words)
    assert too_long(ended.stdout) == []
    with Client(lab.url) as client:
        assert client.ask().route_name == "90-10"
    assert "istio/virtual-service-90-10.yaml" in lab.command_line.run("status", "--dir", lab.folder.path).stdout
    assert not (lab.folder.path / "guess.yaml").exists()


def test_a_good_bet_is_asked_for_on_a_terminal_and_confirmed(lab: RunningLab) -> None:
    """What is no percentage is asked for again; the verdict is 0, with the number of answers."""
    master, slave = pty.openpty()
    os.write(master, f"many\n{SEED_PERCENT + 1} %\n".encode())
    argv = [sys.executable, "-m", "scripts.lab", "guess", "--dir", str(lab.folder.path), "--seed", SEED, *QUICK]
    environment = {**os.environ, MARK: lab.command_line.mark}
    ended = subprocess.run(argv, cwd=ROOT, env=environment, stdin=slave, capture_output=True, text=True, check=False)
    os.close(master)
    os.close(slave)
    words = one_line(ended.stdout)
    assert ended.returncode == 0, words + ended.stderr
    assert "'many' is not a percentage from 0 to 100." in words
    assert f"your bet of {SEED_PERCENT + 1} % is 1 point off" in words
    assert re.search(r"The load test CONFIRMED it after \d+ answers: you were right, to less than 20 points", words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_guess_restores_the_earlier_state(lab: RunningLab, number: signal.Signals) -> None:
    """Ctrl-C while the load test runs: the hidden split is gone when the command ends."""
    with lab.command_line.start("guess", "--dir", lab.folder.path, "--bet", "50", "--keep-going") as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("$"):
            assert process.poll() is None
        with Client(lab.url) as client:
            assert client.ask().route_name == "guess"
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert "The earlier traffic state is served again." in stdout
    with Client(lab.url) as client:
        assert client.ask().route_name == "70-30"


def test_without_a_terminal_a_bet_is_an_option(lab: RunningLab) -> None:
    """There it ends with 2 before anything is changed."""
    ended = subprocess.run(
        [sys.executable, "-m", "scripts.lab", "guess", "--dir", str(lab.folder.path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "give it with --bet PERCENT" in one_line(ended.stderr)) == (2, True)
    with Client(lab.url) as client:
        assert client.ask().route_name == "70-30"
