"""What `up --prometheus` does before Prometheus runs; tests/monitoring runs it."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scripts.lab import prometheus
from scripts.lab.state import LabFolder, LabState
from tests.lab.helpers import CommandLine, one_line

MakeCommandLine = Callable[..., CommandLine]


@pytest.mark.parametrize("option", [("--prometheus",), ("--prometheus-port", "0"), ("--metrics-port", "0")])
def test_without_a_prometheus_the_lab_names_where_to_get_one(
    command_line: MakeCommandLine, tmp_path: Path, option: tuple[str, ...]
) -> None:
    """If the PATH has none, the message names where to download it; exit code 2, and nothing has started."""
    line = command_line(PATH=str(tmp_path))
    up = line.run("up", "--dir", tmp_path / "lab", *option)
    assert (up.returncode, up.stdout) == (2, "")
    assert one_line(up.stderr).startswith("lab: --prometheus: no program `prometheus` on the PATH. ")
    assert "https://prometheus.io/download/" in up.stderr
    assert line.processes() == []
    assert not (tmp_path / "lab" / "state.json").exists()


def test_the_configuration_is_the_one_of_compose_with_the_labs_addresses(tmp_path: Path) -> None:
    """Each replica is a target by its pod's name, through a listener of Envoy; rules and relabelling stay."""
    folder = LabFolder(tmp_path)
    state = LabState(1, 0, "", admin_url="http://127.0.0.1:9901", prometheus_port=0, metrics_port=9646)
    prometheus.write_configuration(folder, state, 9902, ["micro-api-v1-0", "micro-api-v2-0"])
    written = yaml.safe_load((folder.prometheus / "prometheus.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((prometheus.MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    service, loadtest, envoy = written["scrape_configs"]
    assert service["static_configs"] == [{"targets": ["micro-api-v1-0", "micro-api-v2-0"]}]
    assert service["proxy_url"] == "http://127.0.0.1:9902"
    assert envoy["static_configs"] == [{"targets": ["127.0.0.1:9901"]}]
    assert loadtest["static_configs"] == [{"targets": ["127.0.0.1:9646"]}]
    assert "dns_sd_configs" not in service | loadtest
    for job, of_compose in zip((service, loadtest, envoy), compose["scrape_configs"], strict=True):
        assert job["job_name"] == of_compose["job_name"]
        for relabelling in ("relabel_configs", "metric_relabel_configs"):
            assert job.get(relabelling) == of_compose.get(relabelling)
    assert written["global"] == compose["global"]
    assert all(Path(file).is_file() for file in written["rule_files"])
    assert written["rule_files"]


def test_a_load_test_is_told_where_prometheus_looks_for_it() -> None:
    """`measure` and `rollout` serve its metrics there, where there is a Prometheus, and nothing else serves them."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with_prometheus = LabState(1, 0, "", prometheus_port=0, metrics_port=port)
        assert prometheus.load_test_options(with_prometheus, (), {}) == []
    assert prometheus.load_test_options(with_prometheus, (), {}) == [
        *("--metrics-port", str(port)),
        *("--metrics-wait", "5"),
    ]
    assert prometheus.load_test_options(with_prometheus, ("--metrics-port=1",), {}) == []
    assert prometheus.load_test_options(with_prometheus, ("-t", "9s", "--metrics-port", "1"), {}) == []
    assert prometheus.load_test_options(with_prometheus, (), {"LOCUST_METRICS_PORT": "1"}) == []
    assert prometheus.load_test_options(LabState(1, 0, ""), (), {}) == []
