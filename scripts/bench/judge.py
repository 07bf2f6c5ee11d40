"""How many answers a second `python loadtest judge` reads, in each of its formats, and how long it takes to start."""

import base64
import json
import resource
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import IO, Final

from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, LOG_MESSAGE, STABLE_BODY
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.judge.readers import FORMATS
from scripts import REPOSITORY
from scripts.bench.budget import Budget
from scripts.bench.machine import CLIENT_CORE, environment, pin, python
from scripts.bench.page import Section, Table, number
from scripts.bench.programs import BenchError
from scripts.bench.rounds import Sample, interleaved, median_cpu_microseconds, median_per_second, ratios

SEED: Final = 7
BODIES: Final = {CANARY: CANARY_BODY, STABLE: STABLE_BODY}
VERSIONS: Final = {CANARY: "v2", STABLE: "v1"}
LEAST_BODIES_PER_SECOND: Final = 200_000
MOST_START_SECONDS: Final = 0.2
COUNTS: Final = ("--canary", "600", "--stable", "1400", "--other", "0")

METHOD: Final = """\
The same random answers at 70/30 are written in each format, and the judge reads them from standard input, on one core.
The time is that of the whole process, including its start. The start is that of a judge which is given the counts of
2,000 answers, next to that of a Python which does nothing, both with their bytecode on the disk."""


def _headers(more: Mapping[str, str]) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "X-Canary-Route": "70-30", **more}


def _jsonl(label: str) -> bytes:
    record = {"status": 200, "headers": _headers({}), "body": BODIES[label].decode()}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _vegeta(label: str) -> bytes:
    record = {
        "attack": "",
        "seq": 17,
        "code": 200,
        "timestamp": "2026-01-01T00:00:00.000000001Z",
        "latency": 1234567,
        "bytes_out": 0,
        "bytes_in": len(BODIES[label]),
        "error": "",
        "body": base64.b64encode(BODIES[label]).decode(),
        "method": "GET",
        "url": "http://127.0.0.1/test/test",
        "headers": {name: [value] for name, value in _headers({"X-Service-Version": VERSIONS[label]}).items()},
    }
    return json.dumps(record).encode() + b"\n"


def _service_log(label: str) -> bytes:
    record = {
        "timestamp": "2026-01-01T00:00:00.000Z",
        "level": "info",
        "message": LOG_MESSAGE,
        "version": VERSIONS[label],
        "release": "dev",
        "pod": "micro-api-0",
        "request_id": "0123456789abcdef0123456789abcdef",
        "trace_id": "",
        "span_id": "",
        "method": "GET",
        "path": "/test/test",
        "status": 200,
        "duration_ms": 0.123,
    }
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


WRITERS: Mapping[str, Callable[[str], bytes]] = {
    "bodies": lambda label: BODIES[label],
    "lines": lambda label: b"2026-01-01T00:00:00Z 200 " + BODIES[label] + b"\n",
    "jsonl": _jsonl,
    "vegeta": _vegeta,
    "service-log": _service_log,
}
"""By format, what writes an answer with a given label."""


def write_answers(path: Path, file_format: str, count: int) -> None:
    """Write `count` answers at 70/30 to a file.

    Args:
        path: the file.
        file_format: one of the judge's formats.
        count: number of answers.
    """
    chance = Random(SEED)  # noqa: S311 - traffic, not a secret
    record = {label: WRITERS[file_format](label) for label in BODIES}
    with path.open("wb") as file:
        file.writelines(record[CANARY if chance.random() < 0.3 else STABLE] for _ in range(count))


def judge(path: Path, file_format: str, count: int) -> Sample:
    """Let the judge read a file of `count` answers, and return the sample.

    Raises:
        BenchError: the judge counts another number of answers.
    """
    argv = python("loadtest", "judge", "--expect-canary", "30", "--format", file_format, "--sent", str(count))
    verdict = path.with_suffix(".verdict")
    with path.open("rb") as answers:
        _, sample = _timed([*argv, "--verdict-json", str(verdict)], environment(), count, answers)
    counts = json.loads(verdict.read_text(encoding="utf-8"))["counts"] if verdict.exists() else {}
    if counts.get("canary", 0) + counts.get("stable", 0) != count:
        raise BenchError(f"the judge was given {count} answers as {file_format} and counted {counts}")
    return sample


def start(*arguments: str) -> Sample:
    """Let this Python run with these arguments in the repository, and return the sample of one request.

    Raises:
        BenchError: it ended with another exit code than 0.
    """
    argv = python(*arguments)
    exit_code, sample = _timed(argv, environment(PYTHONDONTWRITEBYTECODE=""), requests=1)
    if exit_code:
        raise BenchError(f"{shlex.join(argv)} ended with exit code {exit_code}")
    return sample


def _timed(
    argv: Sequence[str], variables: Mapping[str, str], requests: int, stdin: IO[bytes] | None = None
) -> tuple[int, Sample]:
    """Run a command to its end on one core, and return its exit code and the sample."""
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - this Python and this repository's own module
        argv, cwd=REPOSITORY, env=variables, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    pin(CLIENT_CORE, process.pid)
    cpu_seconds = _wait(process)
    return process.returncode, Sample(requests, time.perf_counter() - started, cpu_seconds)


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process, and return the CPU time that it used in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(budget: Budget) -> Section:
    """Measure every format."""
    count = budget.piped_answers
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        files = {name: Path(folder) / f"answers.{name}" for name in FORMATS}
        for name, path in files.items():
            write_answers(path, name, count)
        sides = {name: lambda name=name, path=path: judge(path, name, count) for name, path in files.items()}
        rounds = interleaved(sides, budget.rounds)
        bytes_each = {name: path.stat().st_size / count for name, path in files.items()}
    rows = [
        (
            name,
            number(median_per_second(samples)),
            number(1e6 / median_cpu_microseconds(samples)),
            f"{bytes_each[name] * median_per_second(samples) / 1e6:.0f}",
        )
        for name, samples in rounds.items()
    ]
    columns = ("format", "answers/s", "answers per CPU second", "MB/s")
    note = (
        f"{count:,} answers a round. Aims: at least {LEAST_BODIES_PER_SECOND:,} bodies a second on one core,"
        f" and a start in less than {MOST_START_SECONDS} s."
    )
    return Section("The judge on piped answers", METHOD, [Table(columns, rows), starts(budget)], note)


def starts(budget: Budget) -> Table:
    """Measure the start of the judge next to that of Python."""
    judging = ("loadtest", "judge", "--expect-canary", "30", *COUNTS)
    sides = {"judge": lambda: start(*judging), "python -c pass": lambda: start("-c", "pass")}
    start(*judging)  # writes the bytecode
    rounds = interleaved(sides, budget.rounds)
    base = rounds["python -c pass"]
    rows = []
    for name, samples in rounds.items():
        per_second, per_cpu_second = ratios(base, samples)
        milliseconds = 1e3 / median_per_second(samples), 1e-3 * median_cpu_microseconds(samples)
        rows.append((name, *map(number, milliseconds), f"{per_second:.2f}", f"{per_cpu_second:.2f}"))
    return Table(("start", "ms", "CPU ms", "ms to Python's", "CPU ms to Python's"), rows)
