"""Run the Prometheus of this machine beside a lab: what it reads, how it starts, and when it answers.

`control` looks for the program before anything starts; the supervisor starts it once Envoy's ports are known.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml

from scripts import REPOSITORY
from scripts.lab.errors import UsageError
from scripts.lab.processes import Command
from scripts.lab.state import LabFolder, LabState, replace_file

MONITORING = REPOSITORY / "monitoring"
PROBE_TIMEOUT_SECONDS = 1.0


def binary() -> Path:
    """Return the program.

    Raises:
        UsageError: there is none on the PATH.
    """
    found = shutil.which("prometheus")
    if found is None:
        raise UsageError(
            "--prometheus: no program `prometheus` on the PATH. Download it from https://prometheus.io/download/ "
            "(one file, nothing to install), or on macOS: brew install prometheus. With Docker, see "
            "monitoring/README.md"
        )
    return Path(found).absolute()


def write_configuration(folder: LabFolder, state: LabState, scrape_port: int, pods: Iterable[str]) -> None:
    """Write what Prometheus reads: monitoring/prometheus.yml, with the lab's addresses in place of Compose's.

    Args:
        folder: the lab's folder.
        state: the lab, with Envoy's admin interface.
        scrape_port: where Envoy leads to the replicas' metrics, by the pod's name.
        pods: the replicas.
    """
    text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    configuration: dict[str, Any] = yaml.safe_load(text)
    # A proxy is asked for http://micro-api-v1-0/metrics, which is how each replica keeps a name of its own.
    addresses = {
        "micro-api": {"proxy_url": f"http://127.0.0.1:{scrape_port}", "static_configs": _targets(*pods)},
        "envoy": {"static_configs": _targets(state.admin_url.removeprefix("http://"))},
    }
    for job in configuration["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job.update(addresses[job["job_name"]])
    configuration["rule_files"] = [str(MONITORING / file) for file in configuration["rule_files"]]
    folder.prometheus.mkdir(exist_ok=True)
    replace_file(_configuration(folder), configuration)  # JSON is YAML


def command(folder: LabFolder, state: LabState, environment: Mapping[str, str]) -> Command:
    """Return how to start Prometheus.

    Args:
        folder: the lab's folder, with the configuration written.
        state: says on which port.
        environment: the environment to start it in.

    Returns:
        The command.
    """
    argv = [
        str(binary()),
        f"--config.file={_configuration(folder)}",
        f"--storage.tsdb.path={folder.prometheus / 'data'}",
        f"--web.listen-address=127.0.0.1:{state.prometheus_port}",
    ]
    return Command("prometheus", argv, environment)


def port_of(pid: int) -> int | None:
    """Return the port on which the process listens, None before it does; Prometheus has no other."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return next((one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN), None)


def is_ready(pid: int) -> bool:
    """Tell whether the Prometheus with this process id answers queries."""
    port = port_of(pid)
    if port is None:
        return False
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"http://127.0.0.1:{port}/-/ready", timeout=PROBE_TIMEOUT_SECONDS).ok
        except requests.RequestException:
            return False


def _targets(*addresses: str) -> list[dict[str, list[str]]]:
    return [{"targets": list(addresses)}]


def _configuration(folder: LabFolder) -> Path:
    return folder.prometheus / "prometheus.yml"
