"""The limit of `--max-rate`: its arithmetic, and what a server gets from one process, from several, from own tasks."""

import signal
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from canary_loadtest.runner.pacing import Pacer
from tests.loadtest.locust_process import LOCUSTFILE, end_of, forked_workers, locust, wait_until
from tests.loadtest.server import Reply, Request, Server, serving
from tests.loadtest.traffic import Handler, split
from tests.support.processes import free_port

RATE = 40
# How much later than the others the first request may reach the server, whose record of the time then is too short.
DELAY_SECONDS = 1
OWN_CLASS = """\
import os
from locust import task
from canary_loadtest import CanaryUser
class User(CanaryUser):
    timeout_seconds = 0.5
    def on_start(self):
        self.headers["X-Process"] = str(os.getpid())
"""
OTHER_TASK = """\
    @task
    def look_around(self):
        self.client.get("/around")
        self.client.get("/around")
        self.ask()
"""


class FakeTime:
    """A clock that only sleeping moves, and a sleep that may be too short."""

    def __init__(self, slept: float = 1.0) -> None:
        """Begin at 100 s; of each sleep a fraction is slept."""
        self.now = 100.0
        self._slept = slept

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock; by a millisecond at least, as a loop of events does."""
        self.now += max(self._slept * seconds, 0.001)


def starts(pacer: Pacer, fake: FakeTime, count: int) -> list[float]:
    """Return when each of some requests may be sent."""
    found = []
    for _ in range(count):
        pacer.wait()
        found.append(fake.now)
    return found


@pytest.mark.parametrize("slept", [1.0, 0.5])
def test_requests_are_an_interval_apart(slept: float) -> None:
    """The first one need not wait, and no later one is early, even where a sleep ends too soon."""
    fake = FakeTime(slept)
    found = starts(Pacer(lambda: 4, fake.clock, fake.sleep), fake, 5)
    assert found == pytest.approx([100, 100.25, 100.5, 100.75, 101], abs=0.01)
    assert all(later - earlier >= 0.25 - 1e-9 for earlier, later in pairwise(found))


def test_what_was_missed_is_not_made_up_for() -> None:
    """After a pause the requests are as far apart as ever."""
    fake = FakeTime()
    pacer = Pacer(lambda: 4, fake.clock, fake.sleep)
    pacer.wait()
    fake.now += 10
    assert starts(pacer, fake, 3) == pytest.approx([110, 110.25, 110.5])


def test_another_share_holds_from_the_next_request_on() -> None:
    """Where a worker joins, the interval that is just waited for is longer already."""
    fake = FakeTime()
    workers = 1
    pacer = Pacer(lambda: 4 / workers, fake.clock, fake.sleep)
    pacer.wait()
    workers = 2
    assert starts(pacer, fake, 2) == pytest.approx([100.5, 101])


class Arrivals:
    """A handler that notes when each request arrives, what it asks for, and which process it is from."""

    def __init__(self) -> None:
        """Answer 30 % by the canary."""
        self._handler: Handler = split(3)
        self.times: list[float] = []
        self.paths: Counter[str] = Counter()
        self.processes: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply:
        """Note a request, and answer it."""
        self.times.append(time.monotonic())
        lines = request.head.splitlines()
        self.paths[lines[0].split()[1]] += 1
        self.processes.update(line for line in lines if line.startswith("X-Process: "))
        return self._handler(request)

    @property
    def most(self) -> float:
        """How many requests the rate allows between the first and the last one."""
        return RATE * (max(self.times) - min(self.times) + DELAY_SECONDS)


def own(folder: Path, text: str = "") -> Path:
    """Write a locustfile with a class of its own, and return its path."""
    file = folder / "own.py"
    file.write_text(OWN_CLASS + text, encoding="utf-8")
    return file


def options(server: Server) -> str:
    """Return the options of a run that is limited, and ends by its time; users outnumber the requests of a second."""
    return f"--host {server.url} --expect-canary 30 --keep-going --max-rate {RATE} -u 60 -t 4s"


@pytest.mark.parametrize("task", ["", OTHER_TASK], ids=["ask", "other requests, too"])
def test_all_users_together_keep_to_the_rate(tmp_path: Path, task: str) -> None:
    """All that a user's tasks ask for counts, and waiting for the turn is no part of the time that an answer takes."""
    arrivals = Arrivals()
    with serving(arrivals) as server, locust(tmp_path, options(server), own(tmp_path, task)) as process:
        ended = end_of(process, tmp_path)
    assert arrivals.paths.keys() == ({"/test/test", "/around"} if task else {"/test/test"}), ended.stderr
    assert RATE < len(arrivals.times) <= arrivals.most
    assert ended.counts["other"] == 0, ended.stdout
    counted = ended.counts["canary"] + ended.counts["stable"] + ended.verdict["unfinished"]
    assert counted == arrivals.paths["/test/test"]


@pytest.mark.live
def test_all_workers_together_keep_to_the_rate(tmp_path: Path) -> None:
    """Each process takes its share."""
    arrivals = Arrivals()
    with serving(arrivals) as server:
        limited = options(server).replace(f"--host {server.url}", forked_workers(server, ""))
        with locust(tmp_path, limited, own(tmp_path)) as process:
            ended = end_of(process, tmp_path)
    assert len(arrivals.processes) == 2, ended.stderr
    assert RATE < len(arrivals.times) <= arrivals.most


@pytest.mark.live
def test_a_worker_that_joins_takes_its_share_from_the_others(tmp_path: Path) -> None:
    """The rate holds before and after a second worker comes into a run."""
    arrivals = Arrivals()
    port = free_port()
    worker = f"--worker --master-host 127.0.0.1 --master-port {port}"
    environment = {"LOCUST_HEADLESS": "false"}
    file = own(tmp_path)
    with serving(arrivals) as server:
        master = f"{options(server)} -t 60s --master --master-bind-port {port} --expect-workers 1"
        with (
            locust(tmp_path, master, file) as process,
            locust(tmp_path, worker, file, environment),
        ):
            # Locust gives users to a worker that joins only after all of them have been started.
            wait_until(lambda: len(arrivals.times) > 2 * RATE, process)
            with locust(tmp_path, worker, file, environment):
                wait_until(
                    lambda: min(arrivals.processes.values()) > 2 * RATE and len(arrivals.processes) == 2, process
                )
                process.send_signal(signal.SIGTERM)
                ended = end_of(process, tmp_path)
    assert len(arrivals.processes) == 2, ended.stderr
    assert len(arrivals.times) <= arrivals.most


def test_who_waits_for_the_turn_waits_for_no_answer(tmp_path: Path) -> None:
    """Ctrl-C ends a run at a request in two seconds, and the many users that wait have nothing under way."""
    arrivals = Arrivals()
    with serving(arrivals) as server:
        slow = f"--host {server.url} --expect-canary 30 --max-rate 0.5 -u 20"
        with locust(tmp_path, slow, LOCUSTFILE) as process:
            wait_until(lambda: len(arrivals.times) > 1, process)
            process.send_signal(signal.SIGINT)
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 11, ended.stderr
    assert "Traceback" not in ended.stderr
    counted = ended.counts["canary"] + ended.counts["stable"] + ended.verdict["unfinished"]
    assert counted == len(arrivals.times)


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "fast"])
def test_a_rate_that_is_none_is_wrong_usage(tmp_path: Path, rate: str) -> None:
    """It is named before anything is sent."""
    with locust(tmp_path, f"--host http://127.0.0.1:9 --expect-canary 30 --max-rate {rate}") as process:
        ended = end_of(process, tmp_path)
    assert ended.exit_code == 2
    assert "argument --max-rate: " in ended.stderr
    assert rate in ended.stderr
