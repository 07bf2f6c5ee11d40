"""The service with its metrics and its log, compared with a bare Flask view under the same gunicorn."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from scripts import REPOSITORY
from scripts.bench.budget import Budget
from scripts.bench.client import Drive, driving
from scripts.bench.machine import SERVER_CORE, cpu_seconds, environment, family, python, resident_bytes
from scripts.bench.page import Section, Table, number
from scripts.bench.programs import await_start, listens, running
from scripts.bench.rounds import Sample, cells, interleaved

CONNECTIONS: Final = 8
WARM_UP_SECONDS: Final = 0.5
REQUEST: Final = b"GET /test/test HTTP/1.1\r\nHost: micro-api\r\nAccept: */*\r\n\r\n"
FAST_PARSER_FOLDER: Final = REPOSITORY / ".venv" / "fast-parser"
"""Where `make bench` installs gunicorn's C parser, which is not part of the project's own environment."""
PARSERS: Final = {"python": "Python parser", "fast": "C parser"}
APPLICATIONS: Final = {"service": (), "bare view": ("scripts.bench.bare_view:app",)}
CONFIGURATION: Final = REPOSITORY / "services" / "micro_api" / "gunicorn_conf.py"
LEAST_RATIO: Final = 0.85
MOST_MEMORY_MB: Final = 85

METHOD: Final = f"""\
One worker with the service's own settings on one core, the client on another, {CONNECTIONS} keep-alive connections
over a Unix socket. The bare view is a Flask application that returns the same body under the same gunicorn
configuration, without metrics, log lines or headers of its own. The service's log goes to a file. CPU time is that of
master and worker; memory is the resident size of both after all rounds."""


@dataclass(frozen=True)
class _Server:
    """A running gunicorn."""

    address: str
    process_id: int

    def measure(self, drive: Drive, seconds: float) -> Sample:
        """Load it for some time, and return the sample."""
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
    parsers = {key: name for key, name in PARSERS.items() if key == "python" or FAST_PARSER_FOLDER.is_dir()}
    with ExitStack() as stack:
        drive = stack.enter_context(driving())
        servers = {
            f"{application}, {name}": stack.enter_context(_serving(arguments, parser))
            for parser, name in parsers.items()
            for application, arguments in APPLICATIONS.items()
        }
        for server in servers.values():
            server.measure(drive, WARM_UP_SECONDS)
        sides = {name: partial(server.measure, drive, budget.round_seconds) for name, server in servers.items()}
        rounds = interleaved(sides, budget.rounds)
        memory_mb = {name: number(server.memory_mb()) for name, server in servers.items()}
    rows = [
        (name, *cells(samples, rounds[name.replace("service", "bare view")]), memory_mb[name])
        for name, samples in rounds.items()
    ]
    columns = ("", "requests/s", "CPU µs/request", "requests/s to bare view", "per CPU second", "memory MB")
    note = f"Aims: at least {LEAST_RATIO} of the bare view, at most {MOST_MEMORY_MB} MB."
    return Section("The service", METHOD, [Table(columns, rows)], note)
