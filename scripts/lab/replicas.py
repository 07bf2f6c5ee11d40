"""The replicas of a lab: which there are, where they listen, how they start, and when they are ready."""

import http.client
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts import REPOSITORY
from scripts.lab.errors import UsageError
from scripts.lab.processes import Command
from scripts.lab.state import LabState
from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.translate import SERVICE_NAME

# More of somebody's subsets share them: each replica takes memory, and time of the lab's start.
GROUP_LIMIT: Final = 4
PROBE_TIMEOUT_SECONDS: Final = 1.0
# The shortest limit of any system for the address of a Unix socket (macOS; Linux has 108), less the final zero.
SOCKET_PATH_LIMIT_BYTES: Final = 103
# Variables of the user's shell that would change how the replicas serve.
FOREIGN_SETTINGS: Final = ("GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR", "WEB_CONCURRENCY")


@dataclass(frozen=True)
class Replica:
    """One replica of the service.

    Attributes:
        version: `v1` or `v2`.
        pod_name: such as `micro-api-v1-0`.
        socket_path: the Unix socket that it listens on.
        group: as `Endpoint` has it.
        settings: further variables of its own, such as its faults.
    """

    version: str
    pod_name: str
    socket_path: str
    group: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self) -> Command:
        """Return how to start it."""
        settings = {
            "SERVICE_VERSION": self.version,
            "SERVICE_BIND": f"unix:{self.socket_path}",
            "POD_NAME": self.pod_name,
        }
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SERVICE_") and name not in FOREIGN_SETTINGS
        }
        argv = [sys.executable, "-m", "gunicorn", "-c", str(REPOSITORY / "services" / "micro_api" / "gunicorn_conf.py")]
        return Command(self.pod_name, argv, {**inherited, **settings, **self.settings}, self.version)

    def is_ready(self) -> bool:
        """Return whether it reports that it can answer."""
        connection = UnixConnection(self.socket_path)
        try:
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def replicas_of(state: LabState) -> list[Replica]:
    """Return the replicas of a lab, those of v1 first."""
    return [
        Replica(
            version,
            pod_name,
            f"{state.socket_folder}/{pod_name}.sock",
            index // state.replicas,
            state.canary_settings if version == "v2" else {},
        )
        for version, groups in (("v1", state.groups), ("v2", 1))
        for index in range(groups * state.replicas)
        for pod_name in [f"{SERVICE_NAME}-{version}-{index}"]
    ]


def endpoints_of(state: LabState) -> list[Endpoint]:
    """Return the replicas of a lab as the endpoints of the Service."""
    return [
        Endpoint({"app": SERVICE_NAME, "version": replica.version}, replica.socket_path, replica.group)
        for replica in replicas_of(state)
    ]


def sockets_of(state: LabState) -> dict[str, str]:
    """Return the Unix socket of each replica by its pod's name."""
    return {replica.pod_name: replica.socket_path for replica in replicas_of(state)}


def make_socket_folder(count: int) -> str:
    """Make the folder for the sockets of up to `count` replicas of each version.

    Raises:
        UsageError: the path of a socket would be too long for the system.
    """
    folder = tempfile.mkdtemp(prefix="lab-")
    paths = sockets_of(LabState(count, port=0, socket_folder=folder)).values()
    excess = max(len(os.fsencode(path)) for path in paths) - SOCKET_PATH_LIMIT_BYTES
    if excess > 0:
        shutil.rmtree(folder)
        raise UsageError(
            f"TMPDIR={tempfile.gettempdir()}: {excess} bytes too long for Unix sockets; set TMPDIR to a shorter path, "
            "such as /tmp"
        )
    return folder


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        """Connect to the socket at `path` with the first request."""
        super().__init__("localhost", timeout=PROBE_TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
