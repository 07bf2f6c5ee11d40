"""The load test, compared with a bare FastHttpUser; both ask the same fast server.

Locust takes a second to start, so each program is started once, and halted by SIGSTOP while another one is measured.
"""

import multiprocessing
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from canary_loadtest.runner.client import ANSWERS_PER_CONNECTION
from scripts import REPOSITORY
from scripts.bench import answering
from scripts.bench.budget import Budget
from scripts.bench.machine import CLIENT_CORE, SERVER_CORE, cpu_seconds, environment, family, pin, python
from scripts.bench.page import Section, Table
from scripts.bench.programs import BenchError, await_start, running
from scripts.bench.rounds import Sample, cells, interleaved

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

USERS: Final = 10
BACKLOG: Final = 512
WARM_UP_REQUESTS: Final = 500
SETTLE_SECONDS: Final = 0.1
POLL_SECONDS: Final = 0.02
LEAST_RATIO: Final = 0.97
LOCUSTFILE: Final = REPOSITORY / "loadtest" / "locustfile.py"
BARE_LOCUSTFILE: Final = Path(__file__).with_name("bare_locustfile.py")
# The tolerance is too narrow for a verdict: each answer costs what an undecided one does.
UNDECIDED: Final = ("-f", str(LOCUSTFILE), "--expect-canary", "30", "--tolerance", "0.05", "--keep-going")


def _bare(class_name: str) -> tuple[str, ...]:
    return ("-f", str(BARE_LOCUSTFILE), class_name)


COMPARISONS: Final = {
    "keep-alive": {
        "load test": (*UNDECIDED, "--keep-alive"),
        "bare user": _bare("RenewingUser"),
        "bare user that never renews": _bare("KeepAliveUser"),
    },
    "one request a connection": {"load test": UNDECIDED, "bare user": _bare("OneRequestUser")},
}
"""By connection mode, the options of each program; all are compared with the bare user."""

METHOD: Final = f"""\
{USERS} users against a server of raw sockets that answers 70/30 at random, one Locust process on a core of its own.
The bare user is a FastHttpUser that sends the same requests and ignores the answers. The load test classifies, counts
in order and tests each answer; its tolerance is set so tight that no verdict is ever reached, so every answer costs the
full price. With keep-alive both renew a connection after {ANSWERS_PER_CONNECTION} answers; a bare user that never
renews is shown next to them. All programs run through all rounds; the one that is not measured is halted."""


@dataclass(frozen=True)
class AnsweringServer:
    """The fast server in a process of its own.

    Attributes:
        port: where it listens on 127.0.0.1.
        counter: number of answers that it has sent.
    """

    port: int
    counter: "Synchronized[int]"

    @property
    def answered(self) -> int:
        """Number of answers sent."""
        return self.counter.value


def _serve(listener: socket.socket, counter: "Synchronized[int]") -> None:
    pin(SERVER_CORE)

    def count() -> None:
        counter.value += 1  # one process writes, the others only read

    answering.serve(listener, count)


@contextmanager
def answering_server() -> Iterator[AnsweringServer]:
    """Run the fast server on a free port until the block ends."""
    spawned = multiprocessing.get_context("spawn")
    counter = cast("Synchronized[int]", spawned.Value("Q", 0))
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        server = spawned.Process(target=_serve, args=(listener, counter), daemon=True)
        server.start()
        try:
            yield AnsweringServer(listener.getsockname()[1], counter)
        finally:
            server.terminate()
            server.join()


@dataclass(frozen=True)
class LocustProcess:
    """A Locust process that is halted unless it is measured.

    Attributes:
        process: the process.
        server: the server that it asks.
    """

    process: subprocess.Popen[bytes]
    server: AnsweringServer

    def measure(self, seconds: float) -> Sample:
        """Let it run for some time, halt it again, and return the sample."""
        processes = family(self.process.pid)
        self.process.send_signal(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
        started, answered, cpu = time.perf_counter(), self.server.answered, cpu_seconds(processes)
        time.sleep(seconds)
        sample = Sample(self.server.answered - answered, time.perf_counter() - started, cpu_seconds(processes) - cpu)
        self.halt()
        if not sample.requests:
            raise BenchError(f"{self.process.args!r} sent nothing in {seconds:g} s")
        return sample

    def halt(self) -> None:
        """Halt it, and wait until the server has answered its last requests."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(POLL_SECONDS)


@contextmanager
def locust(options: Sequence[str], server: AnsweringServer) -> Iterator[LocustProcess]:
    """Run Locust against the server until the block ends; it has warmed up and is not halted.

    Args:
        options: the locustfile and its own options.
        server: the server to ask.
    """
    argv = python(
        *("-m", "locust", "--headless", "-u", str(USERS), "-r", str(USERS)),
        *("--host", f"http://127.0.0.1:{server.port}", *options),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        before = server.answered
        with running(argv, environment(PYTHONPATH=str(REPOSITORY)), CLIENT_CORE, Path(folder)) as process:
            await_start(process, lambda: server.answered > before + WARM_UP_REQUESTS, Path(folder))
            try:
                yield LocustProcess(process, server)
            finally:
                process.send_signal(signal.SIGCONT)  # a halted process does not handle SIGTERM


def measure(budget: Budget) -> Section:
    """Compare load test and bare user in both connection modes."""
    rows = []
    for mode, programs in COMPARISONS.items():
        with answering_server() as server, ExitStack() as stack:
            sides = {}
            for name, options in programs.items():
                process = stack.enter_context(locust(options, server))
                process.halt()
                sides[name] = partial(process.measure, budget.round_seconds)
            rounds = interleaved(sides, budget.rounds)
        rows += [(f"{name}, {mode}", *cells(samples, rounds["bare user"])) for name, samples in rounds.items()]
    columns = ("", "requests/s", "CPU µs/request", "requests/s to bare user", "per CPU second")
    return Section("The load test", METHOD, [Table(columns, rows)], f"Aim: at least {LEAST_RATIO} of the bare user.")
