"""What can be said of the files of monitoring/ without a Prometheus: their form, and that all they name exists."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from scripts.lab import control
from scripts.lab.state import LabFolder
from tests.lab.helpers import HOST, TIMEOUT_SECONDS, CommandLine
from tests.loadtest import locust_process
from tests.loadtest.metrics import read
from tests.monitoring.files import DASHBOARD, MONITORING, dashboard, metrics_of, panels, queries, rules
from tests.support.processes import free_port
from tests.support.repository import resource, resources, versions

# What Prometheus makes itself of each target.
OWN = {"up"}


def test_one_prometheus_everywhere() -> None:
    """Compose and the cluster run the version that versions.env names."""
    image = f"prom/prometheus:v{versions()['PROMETHEUS_VERSION']}"
    (deployment,) = resources("monitoring/kubernetes/deployment.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
    assert resource("docker-compose.yml")["services"]["prometheus"]["image"] == image


def jobs(name: str) -> dict[str, dict[str, Any]]:
    """Return the jobs of one of the configurations, by their names."""
    return {job["job_name"]: job for job in resource(f"monitoring/{name}")["scrape_configs"]}


def test_the_configurations_differ_in_nothing_but_their_targets() -> None:
    """Envoy's metrics are put right in the same way wherever it runs, and a pod is found in the same way."""
    compose, plain, mesh = (
        jobs(name) for name in ("prometheus.yml", "kubernetes/prometheus.yml", "mesh/prometheus.yml")
    )
    assert compose["envoy"]["metric_relabel_configs"] == mesh["envoy"]["metric_relabel_configs"]
    for job in ("micro-api", "loadtest"):
        assert {name: value for name, value in mesh[job].items() if name not in {"scheme", "tls_config"}} == plain[job]
    assert mesh["loadtest"]["tls_config"] == mesh["micro-api"]["tls_config"]


def test_a_load_test_is_found_where_it_serves_its_metrics() -> None:
    """On the cluster by its labels and the name of its port, in Compose by its name and its number."""
    (job,) = resources("k8s/load/master.yaml")
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    settings = {one["name"]: one["value"] for one in container["env"]}
    (selector,) = jobs("kubernetes/prometheus.yml")["loadtest"]["kubernetes_sd_configs"][0]["selectors"]
    wanted = dict(one.split("=") for one in selector["label"].split(","))
    assert wanted.items() <= pod["metadata"]["labels"].items()
    kept = {
        rule["regex"] for rule in jobs("kubernetes/prometheus.yml")["loadtest"]["relabel_configs"] if "regex" in rule
    }
    ((name, port),) = [(one["name"], one["containerPort"]) for one in container["ports"]]
    assert name in kept
    assert settings["LOCUST_METRICS_PORT"] == str(port)
    services = resource("docker-compose.yml")["services"]
    (discovery,) = jobs("prometheus.yml")["loadtest"]["dns_sd_configs"]
    assert services[discovery["names"][0]]["environment"]["LOCUST_METRICS_PORT"] == str(discovery["port"])
    for variables, configuration in (
        (settings, "kubernetes/prometheus.yml"),
        (services["loadtest"]["environment"], "prometheus.yml"),
    ):
        assert variables["LOCUST_METRICS_HOST"] == "*"
        interval = resource(f"monitoring/{configuration}")["global"]["scrape_interval"]
        assert float(variables["LOCUST_METRICS_WAIT"]) > 2 * float(interval.removesuffix("s"))


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Give the names of all metrics of a real lab: the service's, Envoy's after relabelling, and a load test's."""
    folder = LabFolder(tmp_path_factory.mktemp("lab"))
    line = CommandLine()
    try:
        assert line.run("up", "--dir", folder.path, "--replicas", "1").returncode == 0
        state = control.running(folder)
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Host"] = HOST
            session.get(f"{state.url}/test/test", timeout=TIMEOUT_SECONDS).raise_for_status()
            service = session.get(f"{state.url}/metrics", timeout=TIMEOUT_SECONDS).text
            envoy = session.get(f"{state.admin_url}/stats/prometheus", timeout=TIMEOUT_SECONDS).text
        loadtest = metrics_of_a_load_test(state.url, tmp_path_factory.mktemp("load-test"))
        control.down(folder)
    finally:
        line.kill_all()
    return {relabelled(name) for name in re.findall(r"^(\w+)[ {]", f"{service}\n{envoy}\n{loadtest}", re.MULTILINE)}


def metrics_of_a_load_test(url: str, folder: Path) -> str:
    """Return what a load test serves that asks a lab."""
    port = free_port()
    options = f"--host {url} --host-header {HOST} --expect-canary 30 --max-slowdown 2 --keep-going"
    environment = locust_process.BOTH_FINDINGS | {"LOCUST_METRICS_PORT": str(port)}
    with locust_process.locust(folder, options, environment=environment) as process:
        locust_process.wait_until(lambda: read(port) is not None, process)
        return read(port) or ""


def relabelled(name: str) -> str:
    """Return the name that a metric gets by the rules of relabelling that write names."""
    for rule in jobs("prometheus.yml")["envoy"]["metric_relabel_configs"]:
        if rule.get("target_label") == "__name__" and (found := re.fullmatch(rule["regex"], name)):
            return found.expand(re.sub(r"\$\{(\d)\}", r"\\g<\1>", rule["replacement"]))
    return name


@pytest.mark.live
def test_every_metric_that_is_asked_for_exists(exposed: set[str]) -> None:
    """Rules and dashboard name metrics that the service or Envoy really shows, and rules that there are."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    expressions = [rule["expr"] for rule in rules()] + list(queries("default").values())
    asked = {expression: metrics_of(expression) for expression in expressions}
    assert all(asked.values()), asked
    assert set().union(*asked.values()) - exposed - recorded - OWN == set()


def test_no_rule_is_recorded_for_nothing() -> None:
    """Each recorded rule is asked for by another rule or by the dashboard."""
    expressions = [rule["expr"] for rule in rules()] + list(queries("default").values())
    asked = set().union(*map(metrics_of, expressions))
    assert {rule["record"] for rule in rules() if "record" in rule} - asked == set()


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    """An alert has a severity, a summary and an action, and a test of its own."""
    tested = yaml.safe_load((MONITORING / "rules" / "rules-test.yml").read_text(encoding="utf-8"))["tests"]
    raised = {
        case["alertname"] for test in tested for case in test.get("alert_rule_test", ()) if case.get("exp_alerts")
    }
    alerts = [rule for rule in rules() if "alert" in rule]
    for alert in alerts:
        assert alert["labels"]["severity"] in {"page", "warn"}
        assert set(alert["annotations"]) == {"summary", "action"}
    assert raised == {alert["alert"] for alert in alerts}


def test_the_dashboard_is_whole() -> None:
    """Panels have names and descriptions of their own, do not overlap, and ask the Prometheus that is chosen."""
    board = dashboard()
    shown = panels(board)
    source = {"type": "prometheus", "uid": "${datasource}"}
    everything = board["panels"]
    assert len({one["id"] for one in everything}) == len({one["title"] for one in everything}) == len(everything)
    for panel in shown:
        assert panel["description"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert all(target["datasource"] == source for target in panel["targets"])
        assert panel["datasource"] == source
    assert not any(overlap(one["gridPos"], other["gridPos"]) for one, other in combinations(everything, 2))
    assert all(annotation["datasource"] == source for annotation in board["annotations"]["list"])
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", DASHBOARD.read_text(encoding="utf-8"))) == variables


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Return whether two places of the grid share a field."""
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
