"""What a run of the load test ends as: its exit code, table and verdict file, each from a real process."""

import json
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.loadtest.locust_process import (
    DEADLINE_SECONDS,
    end_of,
    is_usage_error,
    locust,
    run,
    run_until_held,
    wait_until,
)
from tests.loadtest.server import Reply, Request, serving
from tests.loadtest.traffic import held_after, split
from tests.support.repository import ROOT
from tests.support.text import unwrapped

USER = "from locust import events\nfrom canary_loadtest import CanaryUser\nclass User(CanaryUser):\n    pass\n"

EVENTS = ["init", "test_start", "request", "test_stop", "quitting", "quit"]


@pytest.mark.parametrize(
    ("canary_of_ten", "expect_canary", "exit_code", "outcome"),
    [
        (3, "30", 0, "CONFIRMED"),
        (3, "50", 10, "REFUTED"),
        (0, "0", 0, "CONFIRMED"),
        (10, "100", 0, "CONFIRMED"),
        (1, "0", 10, "REFUTED"),
        (9, "100", 10, "REFUTED"),
    ],
)
def test_split_decides_exit_code(
    tmp_path: Path, canary_of_ten: int, expect_canary: str, exit_code: int, outcome: str
) -> None:
    """A run ends by itself once the verdict is certain, and exit code, table and verdict file all tell it."""
    with serving(split(canary_of_ten)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary {expect_canary}")
    assert ended.exit_code == ended.verdict["exit_code"] == exit_code, ended.stderr
    assert ended.verdict["verdict"] == outcome
    assert f"verdict:  {outcome} - {ended.verdict['reason']}\nnext:     " in ended.stdout
    assert ended.verdict["decided_after"] == sum(ended.taken.values())
    not_judged = server.sent.total() - ended.verdict["decided_after"]
    # Those under way, and those that were answered while an earlier one was not; in its 60 s it would send thousands.
    assert 0 <= not_judged <= 100, "it stops at the verdict"


@pytest.mark.live
def test_run_time_ends_undecided_run(tmp_path: Path) -> None:
    """A run whose time is over before the verdict says so, how many answers it took, and ends with 11."""
    with serving(held_after(20, split(3))) as server:
        ended = run(tmp_path, f"-u 1 -t 4s --host {server.url} --expect-canary 30")
    assert ended.exit_code == 11, ended.stderr
    assert "20 answers are too few; about" in ended.verdict["reason"]
    assert ended.taken == {"canary": 6, "stable": 14}
    assert ended.verdict["unfinished"] == 1


def test_run_without_a_request_is_inconclusive(tmp_path: Path) -> None:
    """A run without a request has no verdict, although nothing failed."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"-u 0 -t 1s --host {server.url} --expect-canary 30")
    assert (ended.exit_code, ended.verdict["reason"]) == (11, "no answer was counted")
    assert server.connections == 0


def test_answer_that_never_comes_is_inconclusive(tmp_path: Path) -> None:
    """A target that takes requests and answers none is told apart from one that was never asked."""
    with serving(held_after(0, split(3))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30")
    assert ended.exit_code == 11
    assert ended.verdict["reason"] == "no request was answered; 1 still waits"


def test_dead_target_is_inconclusive(tmp_path: Path) -> None:
    """A port without a listener ends the run soon, with no verdict even for an expected 0 %."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended = run(tmp_path, f"--host {host} --expect-canary 0")
    assert ended.exit_code == 11, ended.stderr
    assert 500 <= sum(ended.taken.values()) < 1000, "it does not take its whole time"
    assert set(ended.taken) == {"connection_refused"}
    assert "nothing listens at the target" in ended.stdout
    assert "ConnectionRefusedError" in ended.stderr, "Locust's statistics keep the original error"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--expect-canary 30", ["--host is missing"]),
        ("--host http://127.0.0.1", ["--expect-canary is missing"]),
        ("--expect-canary 30 --host 127.0.0.1:8080", ["--host", "write http://127.0.0.1:8080"]),
        ("--expect-canary 30 --host localhost:8080/", ["--host", "write http://localhost:8080"]),
        ("--expect-canary 30 --host ftp://localhost", ["--host", "http:// or https://"]),
        ("--expect-canary 30 --host http://127.0.0.1:port", ["--host", "port"]),
        ("--expect-canary 30 --host http://127.0.0.1 --header x-user", ["--header", "'NAME: VALUE'"]),
        ("--expect-canary 30 --host http://127.0.0.1 --header x-user:", ["--header", "'NAME: VALUE'"]),
        ("--expect-canary 30 --host http://127.0.0.1 --header Host:a", ["--header", "--host-header"]),
        ("--expect-canary 30 --host http://127.0.0.1 --header Connection:close", ["--header", "itself"]),
        ("--expect-canary 30 --host http://", ["--host", "names no host", "http://127.0.0.1:8080"]),
        ("--expect-canary 30 --host http://127.0.0.1 --host-header a/b", ["--host-header", "HOST:PORT"]),
        ("--expect-canary 30 --host http://127.0.0.1/a/?b=c", ["--host", "write http://127.0.0.1/a,"]),
        ("--expect-canary 30 --host https://127.0.0.1 --ca-file none.pem", ["--ca-file", "cannot be read"]),
        (f"--expect-canary 30 --host https://127.0.0.1 --ca-file {__file__}", ["--ca-file", "PEM"]),
        ("--expect-canary 130", ["--expect-canary", "130", "from 0 to 100"]),
        ("--expect-canary nan", ["--expect-canary", "nan", "from 0 to 100"]),
        ("--expect-canary third", ["--expect-canary", "'third' is not a number"]),
        ("--expect-canary 30 --tolerance 0", ["--tolerance", "0.0", "0.001 points or more"]),
        ("--expect-canary 30 --alpha 5", ["--alpha", "5.0", "to 0.5"]),
        ("--expect-canary 30 --alpha-stop 5", ["--alpha-stop", "5.0", "to 0.5"]),
        ("--expect-canary 30 --max-errors 101", ["--max-errors", "101", "from 0 to 100"]),
        ("--expect-canary 30 --tolerance 0.001 --host http://127.0.0.1", ["0.001 points around 30 %", "10,000,000"]),
        ("--expect-canary 30 --verdict-json nowhere/v.json", ["--verdict-json", "nowhere", "does not exist"]),
        ("--expect-canary 30 --verdict-json .", ["--verdict-json", "is a folder"]),
        ("--expect-canary 30 --verdict-text nowhere/v.txt", ["--verdict-text", "nowhere", "does not exist"]),
        ("--expect-canary 30 --report report.pdf", ["--report", "report.pdf", "ends in .html"]),
        ("--expect-canary 30 --report nowhere/report.html", ["--report", "nowhere", "does not exist"]),
        ("--expect-canary 30 --summary .", ["--summary", "is a folder"]),
        ("--expect-canary 30 --junit nowhere/junit.xml", ["--junit", "nowhere", "does not exist"]),
        ("--expect-canary 30 --metrics-port 65536", ["--metrics-port", "65536", "up to 65535"]),
        ("--expect-canary 30 --metrics-port http", ["--metrics-port", "'http' is not a port"]),
        ("--expect-canary 30 --metrics-host=", ["--metrics-host", "no address", "127.0.0.1"]),
        ("--expect-canary 30 --metrics-wait -1", ["--metrics-wait", "'-1' is not a time", "give seconds"]),
        ("--expect-canary 30 --metrics-wait nan", ["--metrics-wait", "'nan' is not a time"]),
        ("--expect-canary 30 --sumary", ["unrecognized arguments: --sumary", "Did you mean '--summary'"]),
    ],
)
def test_wrong_option_is_named(tmp_path: Path, options: str, words: list[str]) -> None:
    """A missing or impossible option ends the process with 2 and one line that names it, without a traceback."""
    assert is_usage_error(ended := run(tmp_path, options), *words), ended


@pytest.mark.parametrize("end_with", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_is_inconclusive(tmp_path: Path, end_with: signal.Signals) -> None:
    """A run that is interrupted before its verdict ends with 11, and still shows and writes what it counted."""
    with serving(held_after(50, split(3))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30", end_with=end_with)
    assert ended.exit_code == ended.verdict["exit_code"] == 11, ended.stderr
    assert "verdict:  INCONCLUSIVE - 50 answers are too few" in ended.stdout
    assert ended.taken == {"canary": 15, "stable": 35}
    assert "Traceback" not in ended.stderr


def test_ctrl_c_while_a_user_works_is_no_crash(tmp_path: Path) -> None:
    """It ends the run as anywhere else, without a traceback, and the user's answer is counted."""
    locustfile = tmp_path / "own.py"
    locustfile.write_text(
        f"import os, signal\ninterrupts = [signal.SIGINT]\n{USER}"
        "    @staticmethod\n    def classify(*_):\n"
        "        if interrupts:\n            os.kill(os.getpid(), interrupts.pop())\n"
        "        return 'canary'\n",
        encoding="utf-8",
    )
    with serving(split(3)) as server:
        ended = run(tmp_path, f"-u 1 --host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == ended.verdict["exit_code"] == 11, ended.stderr
    assert ended.verdict["counts"]["canary"] > 0
    assert "Traceback" not in ended.stderr
    assert "KeyboardInterrupt" not in ended.stderr


def test_ctrl_c_before_the_run_is_one_line(tmp_path: Path) -> None:
    """What Locust does before it can be interrupted, such as to read a locustfile, is not shown as a traceback."""
    locustfile = tmp_path / "own.py"
    reading = tmp_path / "reading"
    locustfile.write_text(f"import pathlib, time\npathlib.Path({str(reading)!r}).touch()\ntime.sleep(60)\n", "utf-8")
    command = [sys.executable, str(ROOT / "loadtest"), "locust", "-f", str(locustfile), "--headless"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(reading.exists, process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, stdout, stderr) == (130, b"", b"load test: interrupted, no verdict\n")


@pytest.mark.parametrize("canary_of_ten", [3, 8])
@pytest.mark.parametrize("event", EVENTS)
def test_crash_in_a_listener_leaves_no_verdict(tmp_path: Path, event: str, canary_of_ten: int) -> None:
    """A listener that crashes never leaves the exit code of a verdict, however the split came out."""
    locustfile = tmp_path / "crashing.py"
    locustfile.write_text(
        f"{USER}@events.{event}.add_listener\ndef crash(**_):\n    raise RuntimeError('broken')\n", encoding="utf-8"
    )
    with serving(split(canary_of_ten)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code not in {0, 10}, ended.stderr
    assert "Traceback" in ended.stderr, "the crash itself is shown"


@pytest.mark.parametrize(
    "body",
    [
        "    def __init__(self, environment):\n        raise RuntimeError('broken')\n",
        "    def on_start(self):\n        raise RuntimeError('broken')\n",
    ],
    ids=["__init__", "on_start"],
)
def test_user_that_crashes_is_inconclusive(tmp_path: Path, body: str) -> None:
    """A user that cannot start gives no verdict."""
    locustfile = tmp_path / "crashing.py"
    locustfile.write_text(USER + body, encoding="utf-8")
    with serving(split(3)) as server:
        ended = run(tmp_path, f"-t 1s --host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code not in {0, 10}, ended.stderr
    assert ended.verdict.get("verdict", "INCONCLUSIVE") == "INCONCLUSIVE"


@pytest.mark.parametrize("source", [None, "def broken(:\n", "import no_such_module_anywhere\n", "x = 1\n"])
def test_locustfile_that_cannot_run_leaves_no_verdict(tmp_path: Path, source: str | None) -> None:
    """A missing, broken or empty locustfile ends with neither 0 nor 10."""
    locustfile = tmp_path / "other.py"
    if source is not None:
        locustfile.write_text(source, encoding="utf-8")
    ended = run(tmp_path, "--host http://127.0.0.1", locustfile=locustfile)
    assert ended.exit_code in {1, 2}, ended


def test_help_shows_every_option(tmp_path: Path) -> None:
    """`python loadtest locust --help` shows the load test's options and Locust's, from any directory."""
    argv = [sys.executable, str(ROOT / "loadtest"), "locust", "--help"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    options = (
        "--expect-canary --tolerance --max-errors --alpha --alpha-stop --route --host-header --header --ca-file"
        " --insecure --keep-alive --keep-going --verdict-json --verdict-text --report --summary"
        " --junit --annotations --headless"
    )
    assert [option for option in options.split() if option not in done.stdout] == []


@pytest.mark.live
def test_options_work_as_environment_variables(tmp_path: Path) -> None:
    """Every option can be set by its variable, for a container that has no command line."""
    with serving(held_after(200, split(3, x_canary_route="70-30"))) as server:
        variables = {
            "LOCUST_USERS": "1",
            "LOCUST_HOST": server.url,
            "LOCUST_EXPECT_CANARY": "31",
            "LOCUST_TOLERANCE": "12",
            "LOCUST_MAX_ERRORS": "7",
            "LOCUST_ALPHA": "0.02",
            "LOCUST_ALPHA_STOP": "0.003",
            "LOCUST_ROUTE": "70-30",
            "LOCUST_HOST_HEADER": "micro-api.test",
            "LOCUST_KEEP_ALIVE": "true",
            "LOCUST_KEEP_GOING": "true",
            "LOCUST_VERDICT_JSON": "verdict.json",
            "LOCUST_VERDICT_TEXT": "verdict.txt",
            "LOCUST_REPORT": "report.html",
            "LOCUST_SUMMARY": "summary.md",
            "LOCUST_JUNIT": "junit.xml",
            "LOCUST_ANNOTATIONS": "true",
            "LOCUST_RUN_TIME": "5s",
        }
        ended = run(tmp_path, "", environment=variables)
    assert ended.exit_code == 0, ended.stderr
    assert ended.verdict["expected"] == {
        "canary_percent": 31.0,
        "tolerance_points": 12.0,
        "alpha": 0.02,
        "alpha_stop": 0.003,
        "max_errors_percent": 7.0,
        "max_slowdown": None,
        "slow_percentile": None,
        "slow_above_milliseconds": None,
    }
    assert list(ended.counts["routes"]) == ["70-30"]
    assert "host: micro-api.test" in server.heads[0].lower()
    assert server.connections == 200 // 20 + 1  # a connection is kept for 20 answers
    assert sum(ended.taken.values()) == 200 > ended.verdict["decided_after"]
    table, _, message = ended.stdout.rpartition("::notice title=")
    assert message.count("\n") == 1
    assert table.endswith(unwrapped((tmp_path / "verdict.txt").read_text(encoding="utf-8")))
    assert all((tmp_path / name).exists() for name in ("report.html", "report.json", "summary.md", "junit.xml"))


@pytest.mark.live
def test_run_told_to_go_on_stays_until_its_time(tmp_path: Path) -> None:
    """With --keep-going a verdict stands over all answers of the time given, not only over the first."""
    with serving(held_after(200, split(3))) as server:
        ended = run(tmp_path, f"-u 1 -t 5s --host {server.url} --expect-canary 30 --tolerance 10 --keep-going")
    assert ended.exit_code == 0, ended.stderr
    assert ended.verdict["decided_after"] < 200
    assert ended.taken == {"canary": 60, "stable": 140}


def test_interrupt_of_a_run_told_to_go_on_takes_its_verdict(tmp_path: Path) -> None:
    """Ctrl-C before the end of a run that was told to go on leaves it INCONCLUSIVE, confirmed so far or not."""
    with serving(held_after(3000, split(3))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --keep-going", end_with=signal.SIGINT)
    assert ended.exit_code == 11, ended.stderr
    assert ended.verdict["reason"] == "interrupted before the end of the test"
    assert ended.verdict["decided_after"] < 3000


def test_later_answers_refute_a_confirmed_share(tmp_path: Path) -> None:
    """With --keep-going a share that changes after its confirmation is refuted, and the reason names both points."""
    right, wrong = split(3), split(8)
    with serving(held_after(400, lambda request: (right if request.number < 200 else wrong)(request))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30 --tolerance 10 --keep-going")
    assert ended.verdict["verdict"] == "REFUTED"
    assert ended.exit_code == 10, ended.stderr
    assert ended.verdict["decided_after"] < 200
    assert f"confirmed after {ended.verdict['decided_after']} answers" in ended.verdict["reason"]
    assert "but refuted after 2" in ended.verdict["reason"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["@staticmethod", "def classify(*_): raise ValueError('no JSON')"], "classify raised ValueError('no JSON')"),
        (["@staticmethod", "def classify(*_): raise SystemExit(0)"], "classify raised SystemExit(0)"),
        (["@staticmethod", "def classify(*_): return None"], "classify returned None and no label"),
        (["@staticmethod", "def classify(*_): return 7"], "classify returned 7 and no label"),
        (["def classify(self, status, headers, body): return 'canary'"], "classify raised TypeError("),
    ],
    ids=["raises", "exits", "None", "number", "no-staticmethod"],
)
def test_classifier_that_gives_no_label_is_named_once(tmp_path: Path, lines: list[str], fault: str) -> None:
    """A fault in a classifier ends the run at once with 2 and its name, without a traceback for each request."""
    locustfile = tmp_path / "own.py"
    locustfile.write_text(USER + "".join(f"    {line}\n" for line in lines), encoding="utf-8")
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == ended.verdict["exit_code"] == 2, ended.stderr
    assert ended.stderr.count(f"no verdict: {fault}") == 1
    assert ended.stdout.count(f"INCONCLUSIVE - {fault}") == 1
    assert "Traceback" not in ended.stderr
    assert server.sent.total() < 1000


@pytest.mark.live
def test_users_that_are_taken_away_hold_nothing_back(tmp_path: Path) -> None:
    """The request of a user that a ramp-down ends is an unanswered one, and what comes after it is judged."""
    locustfile = tmp_path / "down_and_up.py"
    locustfile.write_text(
        f"{USER}from locust import LoadTestShape\n"
        "class DownAndUp(LoadTestShape):\n"
        "    def tick(self):\n"
        "        seconds = self.get_run_time()\n"
        "        return None if seconds > 9 else (0 if 2 < seconds < 4 else 3, 100)\n",
        encoding="utf-8",
    )
    right, wrong, held = split(3), split(8), held_after(0, split(3))

    def reply(request: Request) -> Reply:
        return (held if request.number < 3 else right if request.number < 400 else wrong)(request)

    with serving(reply) as server:
        options = f"--host {server.url} --expect-canary 30 --tolerance 10 --keep-going"
        ended = run(tmp_path, options, locustfile=locustfile)
    assert ended.counts["other_by_kind"] == {"abandoned": 3}
    assert ended.verdict["decided_after"] < 400
    assert ended.exit_code == 10, ended.verdict["reason"]
    assert ended.verdict["unfinished"] <= 100  # under way, or answered while an earlier one was not


@pytest.mark.parametrize("expect_canary", ["30", "0"])
def test_one_error_does_not_block_a_confirmation(tmp_path: Path, expect_canary: str) -> None:
    """A single failed request among many right answers is counted, and does not stand against CONFIRMED for good."""
    right = split(int(expect_canary) // 10)
    dropped = Reply("connection_error", b"")
    with serving(lambda request: dropped if request.number == 9 else right(request)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary {expect_canary}")
    assert ended.exit_code == 0, ended.stderr
    assert ended.counts["other_by_kind"] == {"connection_error": 1}


@pytest.mark.parametrize("option", ["--verdict-json", "--verdict-text", "--junit"])
def test_verdict_file_that_cannot_be_written_is_no_verdict(tmp_path: Path, option: str) -> None:
    """A folder that vanishes during the run is reported, and the run ends with neither 0 nor 10."""
    folder = tmp_path / "results"
    folder.mkdir()
    gone = threading.Event()
    right = split(3)
    with (
        serving(lambda request: replace(right(request), gate=gone)) as server,
        locust(tmp_path, f"--host {server.url} --expect-canary 30 {option} results/verdict") as process,
    ):
        wait_until(lambda: bool(server.heads), process)
        folder.rmdir()
        gone.set()
        ended = end_of(process, tmp_path)
    assert "verdict:  CONFIRMED" in ended.stdout
    assert ended.exit_code == 1, ended.stderr
    assert f"{folder / 'verdict'} was not written: No such file or directory" in ended.stderr


def test_locusts_json_has_standard_output_for_itself(tmp_path: Path) -> None:
    """With --json the table is on standard error, so that a program can read Locust's statistics."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30 --json")
    assert ended.exit_code == 0, ended.stderr
    assert sum(entry["num_requests"] for entry in json.loads(ended.stdout)) >= sum(ended.taken.values())
    assert "verdict:  CONFIRMED" in ended.stderr
