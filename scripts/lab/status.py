"""The status of a lab, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from canary_loadtest.core.message import Message
from scripts.lab.errors import LabError
from scripts.lab.processes import describe_death, is_alive
from scripts.lab.show import described, served_routes
from scripts.lab.state import LabFolder, LabState
from scripts.lab.terminal import told, wrapped
from scripts.proxy.served import Served


@dataclass(frozen=True)
class Status:
    """The status of a lab.

    Attributes:
        state: its state.
        files: the applied manifest file of each kind.
        served: the routes that Envoy serves, None where it does not answer.
        is_alive: for each process, by name, whether it runs.
        last_log_lines: for each dead process, by name, the end of its log.
    """

    state: LabState
    files: Mapping[str, str]
    served: Sequence[Served] | None
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
            "inside_url": self.state.inside_url,
            "prometheus_url": self.state.prometheus_url,
            "metrics_port": self.state.metrics_port,
            "files": dict(self.files),
            "routes": None if self.served is None else [_route(route) for route in self.served],
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
        served=_served(state) if alive.get("envoy") else None,
        is_alive=alive,
        last_log_lines={name: folder.log_tail(name) for name, lives in alive.items() if not lives},
    )


def _served(state: LabState) -> list[Served] | None:
    """Return the routes that the lab's Envoy serves, None where it does not answer."""
    try:
        return served_routes(state.admin_url) if state.admin_url else None
    except LabError:
        return None


def _route(route: Served) -> dict[str, Any]:
    return {
        "hosts": list(route.hosts),
        "name": route.name,
        "requests": route.requests,
        "action": route.action,
        "weights": [{"version": one.version, "weight_percent": one.weight_percent} for one in route.shares],
    }


def render(status: Status, folder: LabFolder) -> str:
    """Return the status as text for a terminal."""
    state = status.state
    lines = [
        Message("Lab in {path}: {phase}, {url}", path=folder.path, phase=state.phase, url=state.url),
        *([described(status.served)] if status.served is not None else []),
        wrapped(Message("Files: {files}", files=", ".join(status.files.values()))),
        Message("Envoy's admin interface: {url}", url=state.admin_url or Message("not ready")),
        *([Message("Page for a browser: {url}", url=state.page_url)] if state.page_url else []),
        *([Message("For clients inside the mesh: {url}", url=state.inside_url)] if state.inside_url else []),
        *([Message("Prometheus: {url}", url=state.prometheus_url)] if state.prometheus_port else []),
        *(
            [Message("Metrics of a load test: --metrics-port {port}", port=state.metrics_port)]
            if state.metrics_port
            else []
        ),
        "",
        Message("PROCESS          VERSION       PID  STATE"),
    ]
    for record in state.processes:
        word = told(Message("alive") if status.is_alive[record.name] else Message("DEAD"))
        lines.append(f"{record.name:<16} {record.version or '-':<8} {record.pid:>8}  {word}")
    dead = [record for record in state.processes if not status.is_alive[record.name]]
    for record in dead:
        lines += ["", describe_death(folder, record)]
    if state.failure:
        lines += ["", state.failure]
    if dead:
        lines += [
            "",
            Message(
                "The lab restarts nothing. Start it again with:\n  {down}\n  {up}",
                down=folder.command("down"),
                up=folder.command("up"),
            ),
        ]
    return "\n".join(map(told, lines))
