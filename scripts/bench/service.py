"""The service with its metrics and its log, beside a bare Flask view under the same gunicorn."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts import REPOSITORY
from scripts.bench.budget import Budget
from scripts.bench.client import Drive, driving
from scripts.bench.machine import SERVER_CORE, cpu_seconds, environment, family, python, resident_bytes
from scripts.bench.page import Section, Table, number
from scripts.bench.programs import await_start, listens, running
from scripts.bench.rounds import (
    Rounds,
    Sample,
    interleaved,
    median_cpu_microseconds,
    median_per_second,
    speed_ratio,
    thrift_ratio,
)

CONNECTIONS = 8
WARM_UP_SECONDS = 0.5
REQUEST = b"GET /test/test HTTP/1.1\r\nHost: micro-api\r\nAccept: */*\r\n\r\n"
FAST_PARSER_FOLDER = REPOSITORY / ".venv" / "fast-parser"
"""Where `make bench` puts gunicorn's C parser, which is no part of the project's own environment."""
PARSERS = {"python": "Python parser", "fast": "C parser"}
APPLICATIONS = {"service": (), "bare view": ("scripts.bench.bare_view:app",)}
CONFIGURATION = REPOSITORY / "services" / "micro_api" / "gunicorn_conf.py"
LEAST_RATIO = 0.85
MOST_MEMORY_MB = 85

METHOD = f"""\
One worker with the service's own settings on one core, the client on another, {CONNECTIONS} keep-alive connections
over a Unix socket. The bare view is a Flask application that returns the same body, under the same configuration file
of gunicorn, without metrics, log lines or headers of its own. The service's log goes to a file. CPU time is that of
master and worker; memory is the resident size of both, after all rounds."""


@dataclass(frozen=True)
class _Server:
    """A running gunicorn."""

    address: str
    process_id: int

    def measure(self, drive: Drive, seconds: float) -> Sample:
        """Load it for some time, and return what that cost."""
        processes = family(self.process_id)
        before = cpu_seconds(processes)
        driven = drive([self.address], CONNECTIONS, seconds, REQUEST)
        return Sample(driven.requests, driven.seconds, cpu_seconds(processes) - before)

    def memory_mb(self) -> float:
        """Return the resident memory of master and worker in megabytes."""
        return resident_bytes(family(self.process_id)) / 1e6


@contextmanager
def _serving(application: tuple[str, ...], parser: str) -> Iterator[_Server]:
    """Run one gunicorn until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        address = str(folder / "socket")
        path = [str(REPOSITORY), *([str(FAST_PARSER_FOLDER)] if parser == "fast" else [])]
        argv = python("-m", "gunicorn", "-c", str(CONFIGURATION), "--http-parser", parser, *application)
        variables = environment(SERVICE_BIND=f"unix:{address}", PYTHONPATH=":".join(path))
        with running(argv, variables, SERVER_CORE, folder) as process:
            await_start(process, lambda: listens(address), folder)
            yield _Server(address, process.pid)


def measure(budget: Budget) -> Section:
    """Measure service and bare view with each parser that is installed."""
    parsers = [parser for parser in PARSERS if parser == "python" or FAST_PARSER_FOLDER.is_dir()]
    with ExitStack() as stack:
        drive = stack.enter_context(driving())
        servers = {
            _side(application, parser): stack.enter_context(_serving(argument, parser))
            for parser in parsers
            for application, argument in APPLICATIONS.items()
        }
        for server in servers.values():
            server.measure(drive, WARM_UP_SECONDS)
        rounds = interleaved(_sides(servers, drive, budget.round_seconds), budget.rounds)
        memory_mb = {name: server.memory_mb() for name, server in servers.items()}
    return _section(parsers, rounds, memory_mb)


def _side(application: str, parser: str) -> str:
    return f"{application}, {PARSERS[parser]}"


def _sides(servers: Mapping[str, _Server], drive: Drive, seconds: float) -> dict[str, Callable[[], Sample]]:
    return {name: partial(server.measure, drive, seconds) for name, server in servers.items()}


def _section(parsers: list[str], rounds: Rounds, memory_mb: Mapping[str, float]) -> Section:
    """Put the figures together."""
    rows = []
    for name, samples in rounds.items():
        base = rounds[name.replace("service", "bare view")]
        rows.append(
            (
                name,
                number(median_per_second(samples)),
                number(median_cpu_microseconds(samples)),
                f"{speed_ratio(samples, base):.3f}",
                f"{thrift_ratio(samples, base):.3f}",
                number(memory_mb[name]),
            )
        )
    columns = ("", "requests/s", "CPU µs/request", "requests/s to bare view", "per CPU second", "memory MB")
    notes = [f"Aims: at least {LEAST_RATIO} of the bare view, at most {MOST_MEMORY_MB} MB."]
    if len(parsers) < len(PARSERS):
        notes.append("gunicorn's C parser was not installed: `make bench` installs it where a C compiler is at hand.")
    return Section("The service", METHOD, [Table(columns, rows)], notes)
