"""The Prometheus next to a lab: its configuration, how it starts, and when it is ready."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
import requests
import yaml

from scripts import REPOSITORY
from scripts.lab.errors import UsageError
from scripts.lab.ports import LOOPBACK, is_free
from scripts.lab.processes import Command
from scripts.lab.state import LabFolder, LabState, replace_file

MONITORING: Final = REPOSITORY / "monitoring"
PROBE_TIMEOUT_SECONDS: Final = 1.0
PORT_OPTION: Final = "--metrics-port"
PORT_VARIABLE: Final = "LOCUST_METRICS_PORT"
WAIT_SECONDS: Final = 5.0  # two scrapes, and a little more


def binary() -> Path:
    """Return the path of the program.

    Raises:
        UsageError: it is not on the PATH.
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
    """Write the configuration: monitoring/prometheus.yml, with the lab's addresses in place of Compose's.

    Args:
        folder: the lab's folder.
        state: the lab, with Envoy's admin interface.
        scrape_port: port of the listener that leads to the replicas' metrics.
        pods: the names of the replicas' pods.
    """
    text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    configuration: dict[str, Any] = yaml.safe_load(text)
    # Envoy is the proxy for http://micro-api-v1-0/metrics, so that each replica is a target by its own name.
    addresses = {
        "micro-api": {"proxy_url": f"http://127.0.0.1:{scrape_port}", "static_configs": _targets(*pods)},
        "envoy": {"static_configs": _targets(state.admin_url.removeprefix("http://"))},
        "loadtest": {"static_configs": _targets(f"{LOOPBACK}:{state.metrics_port}")},
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
        state: the lab, with the port to listen on.
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


def load_test_options(state: LabState, more: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the options by which the lab's Prometheus finds a load test, and reads its verdict.

    Args:
        state: the running lab.
        more: the load test's other options.
        environment: in which it is started.

    Returns:
        The options: none without a Prometheus, for a load test that has its own, and while another one runs.
    """
    has_own = PORT_VARIABLE in environment or any(one.startswith(PORT_OPTION) for one in more)
    if not state.metrics_port or has_own or not is_free(state.metrics_port):
        return []
    return [PORT_OPTION, str(state.metrics_port), "--metrics-wait", f"{WAIT_SECONDS:g}"]


def port_of(pid: int) -> int | None:
    """Return the only port that Prometheus listens on, None before it listens."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return next((one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN), None)


def is_ready(pid: int) -> bool:
    """Return whether the Prometheus with this process id answers queries."""
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
