"""The folder of a lab: its state, its traffic state, its logs and its lock.

Later commands find, check and stop a lab by it. Each file has one writer at a time and is replaced by rename, so a
reader never sees half of one.
"""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from scripts.lab.errors import LabError
from scripts.lab.terminal import PROGRAM
from scripts.lab.traffic_state import TrafficState

# The name of the supervisor's own process record.
SUPERVISOR: Final = "supervisor"
# More than any ten lines need; a log under load grows to hundreds of megabytes.
LOG_TAIL_BYTES: Final = 64 * 1024


DEFAULT_FOLDER: Final = Path(".lab")


@dataclass(frozen=True)
class ProcessRecord:
    """One process of the lab, with what identifies it after its id was given to another process.

    Attributes:
        name: `supervisor`, `envoy`, `prometheus`, or the pod's name such as `micro-api-v1-0`.
        version: `v1` or `v2` for a replica, None otherwise.
        pid: process id; every recorded process leads a process group of the same id.
        started_at_seconds: when the process started, in seconds since the epoch.
        exit_code: what it ended with (minus the signal's number when killed), None while it runs or when unknown.
    """

    name: str
    version: str | None
    pid: int
    started_at_seconds: float
    exit_code: int | None = None


@dataclass(frozen=True)
class LabState:
    """The state of a lab: written by `up`, then by the supervisor alone.

    Attributes:
        replicas: replicas of each version, of v1 in each group.
        port: the port asked for, 0 for a free one; the real one once `ready`.
        admin_url: Envoy's admin interface, empty until `ready`.
        browser_port: port of the service's page, 0 until `ready`.
        inside_port: port for clients inside the mesh, 0 until `ready`.
        socket_folder: folder of the replicas' Unix sockets.
        phase: `starting`, `ready` or `failed`.
        failure: why it failed, as a message.
        processes: the supervisor first, then its children.
        prometheus_port: as `port`, for Prometheus; None without one.
        metrics_port: the port at which Prometheus looks for a load test, 0 without a Prometheus.
        groups: groups of replicas of v1, each of which stands for another of somebody's subsets.
        canary_settings: variables of the replicas of v2 alone, such as faults.
    """

    replicas: int
    port: int
    socket_folder: str
    admin_url: str = ""
    phase: str = "starting"
    failure: str = ""
    processes: tuple[ProcessRecord, ...] = ()
    browser_port: int = 0
    prometheus_port: int | None = None
    metrics_port: int = 0
    inside_port: int = 0
    groups: int = 1
    canary_settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """URL for clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def page_url(self) -> str:
        """URL of the service's page for browsers, empty until `ready`."""
        return f"http://127.0.0.1:{self.browser_port}/" if self.browser_port else ""

    @property
    def inside_url(self) -> str:
        """URL for clients inside the mesh, empty until `ready`."""
        return f"http://127.0.0.1:{self.inside_port}" if self.inside_port else ""

    @property
    def prometheus_url(self) -> str:
        """URL of Prometheus, empty without one."""
        return "" if self.prometheus_port is None else f"http://127.0.0.1:{self.prometheus_port}"

    def with_process(self, record: ProcessRecord) -> Self:
        """Return the state with one process added, or replaced if its name is known."""
        by_name = {known.name: known for known in self.processes} | {record.name: record}
        return replace(self, processes=tuple(by_name.values()))


@dataclass(frozen=True)
class LabFolder:
    """The folder of one lab; `down` removes everything in it except the logs."""

    path: Path

    @property
    def envoy(self) -> Path:
        """Folder of Envoy's configuration."""
        return self.path / "envoy"

    @property
    def prometheus(self) -> Path:
        """Folder of Prometheus's configuration and data."""
        return self.path / "prometheus"

    def log(self, name: str) -> Path:
        """Return the log file of the process called `name`."""
        return self.path / "logs" / f"{name}.log"

    def command(self, name: str, arguments: str = "") -> str:
        """Return a command for the lab in this folder, as a person types it."""
        folder = [] if self.path == DEFAULT_FOLDER else ["--dir", shlex.quote(str(self.path))]
        return " ".join([PROGRAM, name, *folder, *filter(None, [arguments])])

    def create(self) -> None:
        """Make the folders.

        Raises:
            LabError: they cannot be made.
        """
        try:
            for folder in (self.path / "logs", self.envoy / "rds", self.envoy / "cds"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(
                f"--dir {self.path}: {error.strerror}: {error.filename}; use a folder that is writable"
            ) from error

    def read_state(self) -> LabState | None:
        """Return the state of the lab, or None if there is no lab."""
        text = _read(self.path / "state.json")
        if text is None:
            return None
        fields: dict[str, Any] = json.loads(text)
        processes = tuple(ProcessRecord(**record) for record in fields.pop("processes"))
        return LabState(**fields, processes=processes)

    def write_state(self, state: LabState) -> None:
        """Replace the state of the lab."""
        replace_file(self.path / "state.json", asdict(state))

    def read_traffic_state(self) -> TrafficState:
        """Return the applied traffic state.

        Raises:
            LabError: none is written here.
        """
        text = _read(self.path / "applied.json")
        if text is None:
            raise LabError(f"{self.path}: no applied manifests here")
        return TrafficState.from_dict(json.loads(text))

    def write_traffic_state(self, traffic_state: TrafficState) -> None:
        """Replace the applied traffic state."""
        replace_file(self.path / "applied.json", traffic_state.to_dict())

    def forget(self) -> None:
        """Remove everything except the logs."""
        for folder in (self.envoy, self.prometheus):
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("state.json", "applied.json"):
            (self.path / name).unlink(missing_ok=True)

    def log_tail(self, name: str, line_count: int = 10) -> Sequence[str]:
        """Return the last lines that the process called `name` wrote."""
        try:
            with self.log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                return log.read().decode("utf-8", errors="replace").splitlines()[-line_count:]
        except FileNotFoundError:
            return []

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep two commands from changing one lab at the same time.

        Raises:
            LabError: another command holds the lock.
        """
        self.create()
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"Another command is changing the lab in {self.path}: wait for it to end") from None
            yield


def replace_file(path: Path, content: object) -> None:
    """Write `content` as JSON in place of `path`, by rename, so that no reader sees a part of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # A path that the locale cannot decode contains surrogates, and Envoy needs the original bytes.
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8", errors="surrogateescape")
    draft.replace(path)


def _read(path: Path) -> str | None:
    """Return a file's text, or None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
