"""Locust's master and workers as real processes: the counts travel, and nothing that is missing is overlooked."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.session import Session
from tests.loadtest.locust_process import (
    DEADLINE_SECONDS,
    LOCUSTFILE,
    VERDICT_FILE,
    Ended,
    end_of,
    forked_workers,
    locust,
    wait_until,
    workers_of,
)
from tests.loadtest.server import Reply, Request, Server, answer, serving
from tests.loadtest.traffic import HELD, held_after, split
from tests.loadtest.web_ui import WebUi, web_ui
from tests.support.processes import free_port

pytestmark = pytest.mark.live


@contextmanager
def worker(folder: Path, port: int, locustfile: Path = LOCUSTFILE) -> Iterator[subprocess.Popen[bytes]]:
    """Run one worker of the master at `port`."""
    options = f"--worker --master-host 127.0.0.1 --master-port {port}"
    with locust(folder, options, locustfile, {"LOCUST_HEADLESS": "false"}) as process:
        yield process


def run_processes(folder: Path, server: Server, options: str) -> Ended:
    """Run two workers and their master, and return how the master ended."""
    with locust(folder, forked_workers(server, options), environment={"LOCUST_USERS": "6"}) as process:
        return end_of(process, folder)


@pytest.mark.parametrize(("expected", "exit_code"), [(30, 0), (50, 10)])
def test_the_counts_of_all_workers_decide(tmp_path: Path, expected: int, exit_code: int) -> None:
    """A right split is CONFIRMED and a wrong one REFUTED by what two workers count, long before the time is over."""
    with serving(split(3)) as server:
        ended = run_processes(tmp_path, server, f"--expect-canary {expected} -t 50s")
    assert ended.exit_code == exit_code, ended.stderr
    counts = ended.counts
    assert counts["canary"] + counts["stable"] <= server.sent.total()
    assert counts["other"] == 0


@pytest.mark.parametrize("expected", [0, 100])
def test_four_workers_need_no_more_answers_than_one_process(tmp_path: Path, expected: int) -> None:
    """At 0 and 100 % as many answers count as in one process, of hardly more that were sent.

    The server gives twice as many and then none, so that every worker waits: the verdict has to come of these. Users
    pause, so that no worker has used them up before another has begun.
    """
    locustfile = tmp_path / "unhurried.py"
    locustfile.write_text(
        "from locust import constant\n"
        "from canary_loadtest import CanaryUser\n"
        "class User(CanaryUser):\n"
        "    wait_time = constant(0.05)\n",
        encoding="utf-8",
    )
    alone = Session(Expectation(expected))
    while not alone.decided:
        alone.add(Answer(CANARY if expected else STABLE))
    needed, users = alone.tally.total, 8
    with serving(held_after(2 * needed, split(expected // 10))) as server:
        options = f"--expect-canary {expected} -t 50s -u {users}"
        with locust(tmp_path, forked_workers(server, options, count=4), locustfile) as process:
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 0, ended.stderr
    assert ended.verdict["decided_after"] == needed
    assert ended.taken == {(CANARY if expected else STABLE): needed}
    assert server.sent[HELD] <= users


def test_a_worker_can_have_its_locustfile_from_the_master(tmp_path: Path) -> None:
    """With `-f -` a worker needs the package alone."""
    port = free_port()
    options = f"--master --master-bind-port {port} --expect-workers 1 -u 4 -r 4 -t 50s --expect-canary 30"
    with (
        serving(split(3)) as server,
        worker(tmp_path, port, Path("-")),
        locust(tmp_path, f"{options} --host {server.url}") as master,
    ):
        ended = end_of(master, tmp_path)
    assert ended.exit_code == 0, ended.stderr


def test_workers_send_the_headers_of_the_master(tmp_path: Path) -> None:
    """--header of the master travels to the workers."""
    with serving(split(3)) as server:
        ended = run_processes(tmp_path, server, "--expect-canary 30 -t 50s --header X-User:a --header X-Team:b")
    assert ended.exit_code == 0, ended.stderr
    assert all({"X-User: a", "X-Team: b"} <= set(head.splitlines()) for head in server.heads)


def test_fault_of_a_classifier_ends_the_run_of_all_workers(tmp_path: Path) -> None:
    """The master names the fault once, also where several workers met it, and ends with 2."""
    locustfile = tmp_path / "own.py"
    locustfile.write_text(
        "from canary_loadtest import CanaryUser\n"
        "class User(CanaryUser):\n"
        "    classify = staticmethod(lambda *_: None)\n",
        encoding="utf-8",
    )
    with (
        serving(split(3)) as server,
        locust(tmp_path, forked_workers(server, "--expect-canary 30"), locustfile=locustfile) as process,
    ):
        ended = end_of(process, tmp_path)
    assert ended.exit_code == 2, ended.stderr
    assert ended.stderr.count("no verdict: classify returned None") == 1
    assert "INCONCLUSIVE - classify returned None" in ended.stdout
    assert "Traceback" not in ended.stderr


LATE_USER = """\
import gevent
from canary_loadtest import CanaryUser
from locust.runners import WorkerRunner
connect = WorkerRunner.connect_to_master
def connect_slowly(worker):
    connect(worker)
    gevent.sleep(1)
WorkerRunner.connect_to_master = connect_slowly
class MicroApiUser(CanaryUser):
    def on_start(self):
        self.headers["X-Late"] = "yes"
"""


def test_a_worker_that_joins_takes_part(tmp_path: Path) -> None:
    """It is told to start as soon as it has called, perhaps before Locust has made it ready."""
    late = tmp_path / "late.py"
    late.write_text(LATE_USER, encoding="utf-8")
    port = free_port()
    answers, late_requests = split(3), threading.Event()

    def reply(request: Request) -> Reply:
        if "X-Late: yes" in request.head:
            late_requests.set()
        return answers(request)

    options = f"--master --master-bind-port {port} --expect-workers 1 -u 4 --expect-canary 30 --keep-going"
    with (
        serving(reply) as server,
        locust(tmp_path, f"{options} --host {server.url}") as master,
        worker(tmp_path, port),
    ):
        wait_until(lambda: server.sent.total() > 200, master)
        with worker(tmp_path, port, late):
            wait_until(late_requests.is_set, master)
            master.send_signal(signal.SIGTERM)
            ended = end_of(master, tmp_path)
    assert late_requests.is_set()
    assert "the last counts of" not in ended.verdict["reason"]


def test_a_worker_that_cannot_read_the_authorities_ends_the_run(tmp_path: Path) -> None:
    """The path of --ca-file is the master's; a worker without the file names it, and so does the master, with 2."""
    authorities = tmp_path / "authorities.pem"
    shutil.copy(DEFAULT_CA_BUNDLE_PATH, authorities)
    port = free_port()
    options = f"--master --master-bind-port {port} --expect-workers 1 --expect-canary 30 --ca-file {authorities}"
    with serving(split(3)) as server, locust(tmp_path, f"{options} --host {server.url}") as master:
        wait_until(lambda: is_listening(port), master)
        authorities.unlink()
        with worker(tmp_path, port) as lacking:
            ended = end_of(master, tmp_path)
            _, said = lacking.communicate(timeout=DEADLINE_SECONDS)
    assert ended.exit_code == ended.verdict["exit_code"] == 2, ended.stderr
    problem = f"{authorities} cannot be read: No such file or directory"
    assert f"cannot use --ca-file: {problem}" in ended.stderr
    assert problem in " ".join(said.decode().split())
    assert "Traceback" not in said.decode() + ended.stderr
    assert server.sent.total() == 0


def is_listening(port: int) -> bool:
    """Return whether a process listens at a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_nothing_is_lost_at_the_end_of_a_run(tmp_path: Path) -> None:
    """With --keep-going all that the workers counted until the end is in the verdict, to the request."""
    with serving(split(3)) as server:
        ended = run_processes(tmp_path, server, "--expect-canary 30 -t 4s --keep-going")
    assert ended.exit_code == 0, ended.stderr
    counted = ended.counts["canary"] + ended.counts["stable"] + ended.counts["other"]
    # What is answered while the master asks for the last counts is sent, and rightly not counted.
    assert 0 < counted <= server.sent.total()
    # Unfinished are the requests in flight, at most one for each user, and what waits for an earlier one of them.
    assert counted + ended.verdict["unfinished"] <= server.sent.total() + 6


def test_a_killed_worker_makes_it_inconclusive_by_name(tmp_path: Path) -> None:
    """A verdict over counts of which a part died with its worker is none."""
    options = "--expect-canary 30 -t 5s --keep-going"
    with serving(split(3)) as server, locust(tmp_path, forked_workers(server, options)) as process:
        wait_until(lambda: server.sent.total() > 200, process)
        os.kill(workers_of(process)[0].pid, signal.SIGKILL)
        ended = end_of(process, tmp_path)
    assert ended.exit_code == 11, ended.stderr
    assert "the last counts of " in ended.verdict["reason"]
    assert socket.gethostname() in ended.verdict["reason"]


def test_a_stopped_worker_makes_it_inconclusive_by_name(tmp_path: Path) -> None:
    """A worker that hangs and never sends its last counts is missed."""
    options = "--expect-canary 30 -t 4s --keep-going"
    with serving(split(3)) as server, locust(tmp_path, forked_workers(server, options)) as process:
        wait_until(lambda: server.sent.total() > 200, process)
        frozen = workers_of(process)[0]
        frozen.suspend()
        try:
            wait_until((tmp_path / VERDICT_FILE).exists, process)
        finally:
            frozen.kill()
        ended = end_of(process, tmp_path)
    assert ended.exit_code == 11, ended.stderr
    assert "the last counts of " in ended.verdict["reason"]


def test_a_master_without_workers_confirms_nothing(tmp_path: Path) -> None:
    """A master without workers ends without a verdict on the split."""
    with serving(split(3)) as server:
        options = f"--master --master-bind-port {free_port()} --host {server.url} --expect-canary 30 -t 2s"
        with locust(tmp_path, f"{options} --expect-workers-max-wait 2") as process:
            ended = end_of(process, tmp_path)
    assert ended.exit_code not in {0, 10}
    assert server.sent.total() == 0


def test_a_second_run_starts_clean_with_another_share(tmp_path: Path) -> None:
    """In the web UI the start form sets the expected share, and clears every worker for the next run."""
    port = free_port()
    options = f"--master --master-bind-port {port} --web-host 127.0.0.1 --expect-canary 30"
    with (
        serving(split(3)) as server,
        web_ui(tmp_path, f"{options} --host {server.url}") as ui,
        worker(tmp_path, port),
    ):
        ui.wait_for(lambda: has_worker(ui))
        ui.start(expect_canary="30")
        ui.wait_for(lambda: len(ui.verdicts()) == 1)
        ui.start(expect_canary="60")
        ui.wait_for(lambda: len(ui.verdicts()) == 2)
    assert ui.verdicts()[:2] == ["CONFIRMED", "REFUTED"]


def test_reset_forgets_what_all_workers_have_sent(tmp_path: Path) -> None:
    """After a reset in the middle of a test only later answers count, on the master and on the workers."""
    port = free_port()
    options = f"--master --master-bind-port {port} --web-host 127.0.0.1 --expect-canary 0 --keep-going"
    label = CANARY
    with (
        serving(lambda _: answer(label)) as server,
        web_ui(tmp_path, f"{options} --host {server.url}") as ui,
        worker(tmp_path, port),
    ):
        ui.wait_for(lambda: has_worker(ui))
        ui.start()
        ui.wait_for(lambda: counts_of(ui)["canary"] > 0)
        label = STABLE
        ui.wait_for(lambda: server.sent[STABLE] > 100)
        ui.session.post(f"{ui.url}/stats/reset")
        ui.wait_for(lambda: counts_of(ui)["stable"] > 300)
        counts = counts_of(ui)
        ui.session.post(f"{ui.url}/stop")
        ui.wait_for(lambda: len(ui.verdicts()) == 1)
    assert counts["canary"] == 0
    assert ui.verdicts()[0] == "CONFIRMED"


def counts_of(ui: WebUi) -> Mapping[str, int]:
    """Return what the page shows as counted so far."""
    counts: Mapping[str, int] = ui.session.get(f"{ui.url}/canary-split/data").json()["counts"]
    return counts


def has_worker(ui: WebUi) -> bool:
    """Return whether the web UI is up and shows a worker."""
    try:
        return bool(ui.session.get(f"{ui.url}/stats/requests").json().get("workers"))
    except requests.ConnectionError:
        return False
