"""The status of a lab, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.lab.processes import describe_death, is_alive
from scripts.lab.state import LabFolder, LabState
from scripts.lab.terminal import wrapped
from scripts.lab.translation.translate import route_names


@dataclass(frozen=True)
class Status:
    """The status of a lab.

    Attributes:
        state: its state.
        files: the applied manifest file of each kind.
        route_names: the values of `x-canary-route` that the applied routes set.
        is_alive: for each process, by name, whether it runs.
        last_log_lines: for each dead process, by name, the end of its log.
    """

    state: LabState
    files: Mapping[str, str]
    route_names: Sequence[str]
    is_alive: Mapping[str, bool]
    last_log_lines: Mapping[str, Sequence[str]]

    @property
    def is_well(self) -> bool:
        """Whether the lab is ready and all its processes are alive."""
        return self.state.phase == "ready" and all(self.is_alive.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the status as JSON."""
        return {
            "phase": self.state.phase,
            "url": self.state.url,
            "admin_url": self.state.admin_url,
            "page_url": self.state.page_url,
            "prometheus_url": self.state.prometheus_url,
            "files": dict(self.files),
            "routes": list(self.route_names),
            "processes": [
                {
                    "name": record.name,
                    "version": record.version,
                    "pid": record.pid,
                    "alive": self.is_alive[record.name],
                    "exit_code": record.exit_code,
                    "last_log_lines": list(self.last_log_lines.get(record.name, ())),
                }
                for record in self.state.processes
            ],
        }


def read(folder: LabFolder) -> Status | None:
    """Return the status of the lab in a folder, or None if there is no lab."""
    state = folder.read_state()
    if state is None:
        return None
    alive = {record.name: is_alive(record) for record in state.processes}
    traffic_state = folder.read_traffic_state()
    return Status(
        state=state,
        files=traffic_state.files,
        route_names=route_names(traffic_state.manifests),
        is_alive=alive,
        last_log_lines={name: folder.log_tail(name) for name, lives in alive.items() if not lives},
    )


def render(status: Status, folder: LabFolder) -> str:
    """Return the status as text for a terminal."""
    state = status.state
    lines = [
        f"Lab in {folder.path}: {state.phase}, {state.url}",
        wrapped(f"Routes: {', '.join(status.route_names)}, from {', '.join(status.files.values())}"),
        f"Envoy's admin interface: {state.admin_url or 'not ready'}",
        *([f"Page for a browser: {state.page_url}"] if state.page_url else []),
        *([f"Prometheus: {state.prometheus_url}"] if state.prometheus_port else []),
        "",
        f"{'PROCESS':<16} {'VERSION':<8} {'PID':>8}  STATE",
    ]
    for record in state.processes:
        word = "alive" if status.is_alive[record.name] else "DEAD"
        lines.append(f"{record.name:<16} {record.version or '-':<8} {record.pid:>8}  {word}")
    dead = [record for record in state.processes if not status.is_alive[record.name]]
    for record in dead:
        lines += ["", describe_death(folder, record)]
    if state.failure:
        lines += ["", state.failure]
    if dead:
        lines += [
            "",
            f"The lab restarts nothing. Start it again with:\n  {folder.command('down')}\n  {folder.command('up')}",
        ]
    return "\n".join(lines)
