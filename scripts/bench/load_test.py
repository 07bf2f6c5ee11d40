"""The load test beside a bare FastHttpUser, and the load test over a million answers.

Both ask the same fast server. Locust takes a second to start, so each program is started once, and the one that is not
measured is stopped by SIGSTOP meanwhile: rounds alternate on a core that is warm and belongs to one of them.
"""

import multiprocessing
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from scripts import REPOSITORY
from scripts.bench import answering
from scripts.bench.budget import Budget
from scripts.bench.machine import (
    CLIENT_CORE,
    SERVER_CORE,
    cpu_seconds,
    environment,
    family,
    pin,
    python,
    resident_bytes,
)
from scripts.bench.page import Section, Table, number
from scripts.bench.programs import BenchError, await_start, running
from scripts.bench.rounds import (
    Rounds,
    Sample,
    interleaved,
    median_cpu_microseconds,
    median_per_second,
    speed_ratio,
    thrift_ratio,
)

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

USERS = 10
BACKLOG = 512
WARM_UP_REQUESTS = 500
SETTLE_SECONDS = 0.1
POLL_SECONDS = 0.02
LEAST_RATIO = 0.97
LOCUSTFILE = REPOSITORY / "loadtest" / "locustfile.py"
BARE_LOCUSTFILE = Path(__file__).with_name("bare_locustfile.py")
# So narrow a tolerance that the verdict is never reached: each answer costs what an undecided one does.
UNDECIDED = ("-f", str(LOCUSTFILE), "--expect-canary", "30", "--tolerance", "0.01", "--keep-going")


def _bare(class_name: str) -> tuple[str, ...]:
    return ("-f", str(BARE_LOCUSTFILE), class_name)


KEEP_ALIVE = (*UNDECIDED, "--keep-alive")
COMPARISONS = {
    "keep-alive": {
        "load test": KEEP_ALIVE,
        "bare user": _bare("RenewingUser"),
        "bare user that never renews": _bare("KeepAliveUser"),
    },
    "one request a connection": {"load test": UNDECIDED, "bare user": _bare("OneRequestUser")},
}
"""By connection mode, the options of each program; all are compared with the bare user."""

METHOD = f"""\
{USERS} users against a server of raw sockets that answers 70/30 at random, one Locust process on a core of its own.
The bare user is a FastHttpUser that sends the same requests and looks at nothing. The load test classifies, counts in
order and tests each answer, and never reaches a verdict, so that it never saves itself the work. With keep-alive it
renews its connections after so many answers each, and so does the bare user; one that never does stands beside them.
All programs live through all rounds; those whose turn it is not are halted."""


@dataclass(frozen=True)
class AnsweringServer:
    """The fast server, running in a process of its own.

    Attributes:
        port: where it listens on 127.0.0.1.
        counter: how many answers it has sent.
    """

    port: int
    counter: "Synchronized[int]"

    @property
    def answered(self) -> int:
        """How many answers have been sent."""
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
    """A Locust that is halted unless it is measured.

    Attributes:
        process: the process.
        server: whom it asks.
    """

    process: subprocess.Popen[bytes]
    server: AnsweringServer

    def measure(self, seconds: float) -> Sample:
        """Let it run for some time, and return what came of it; it is halted again at the end."""
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
        """Stop its time, and wait until the server has nothing of it left to do."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(POLL_SECONDS)

    def memory_mb(self) -> float:
        """Return its resident memory in megabytes."""
        return resident_bytes(family(self.process.pid)) / 1e6


@contextmanager
def locust(options: Sequence[str], server: AnsweringServer) -> Iterator[LocustProcess]:
    """Run Locust against the server until the block ends; it has warmed up, and is not halted.

    Args:
        options: the locustfile and its own options.
        server: whom to ask.
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
                process.send_signal(signal.SIGCONT)  # a halted process does not hear that it is to end


def measure(budget: Budget) -> Section:
    """Compare load test and bare user in both connection modes."""
    rows = []
    for mode, programs in COMPARISONS.items():
        with answering_server() as server, ExitStack() as stack:
            processes = {}
            for name, options in programs.items():
                processes[name] = stack.enter_context(locust(options, server))
                processes[name].halt()
            rounds = interleaved(_sides(processes, budget.round_seconds), budget.rounds)
        rows += _rows(mode, rounds)
    columns = ("", "requests/s", "CPU µs/request", "requests/s to bare user", "per CPU second")
    notes = [f"Aim: at least {LEAST_RATIO} of the bare user."]
    return Section("The load test", METHOD, [Table(columns, rows)], notes)


def _sides(processes: dict[str, LocustProcess], seconds: float) -> dict[str, Callable[[], Sample]]:
    return {name: partial(process.measure, seconds) for name, process in processes.items()}


def _rows(mode: str, rounds: Rounds) -> list[tuple[str, ...]]:
    base = rounds["bare user"]
    return [
        (
            f"{name}, {mode}",
            number(median_per_second(samples)),
            number(median_cpu_microseconds(samples)),
            f"{speed_ratio(samples, base):.3f}",
            f"{thrift_ratio(samples, base):.3f}",
        )
        for name, samples in rounds.items()
    ]
