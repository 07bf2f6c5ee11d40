"""`lab up --prometheus`: a real Prometheus that reads a real run, and a dashboard whose every query it answers."""

import json
import math
import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.lab import control
from scripts.lab.state import LabFolder
from tests.docs.documents import console_examples, is_shown
from tests.lab.helpers import HOST, STATES, TIMEOUT_SECONDS, Client, CommandLine, Load, RunningLab, istio, one_line
from tests.loadtest import locust_process
from tests.loadtest.metrics import by_verdict
from tests.monitoring import prometheus
from tests.monitoring.files import LAST_RULES, MONITORING, queries
from tests.monitoring.prometheus import Prometheus
from tests.support.processes import free_port, run, wait_until

pytestmark = pytest.mark.prometheus

REPLICAS = 2
SERVICE_COUNTS = 'sum by (version) (http_requests_total{route="/test/test"})'
# What passed Envoy's listener for clients, to either version.
CLIENT_COUNTS = (
    'label_replace(sum(envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="lab"}), "of", "all", "", "")'
)
LABELS = {
    "canary_answers_total": ("result", "version"),
    "canary_expected_weight_percent": (),
    "canary_health": ("finding", "signal"),
    "canary_next_weight_percent": (),
    "canary_share_interval_percent": ("bound",),
    "canary_split": ("outcome",),
    "canary_verdict": ("outcome",),
}
ENVOY_COUNTS = 'sum by (version) (envoy_cluster_upstream_rq_total{version!=""})'


@contextmanager
def running(path: Path) -> Iterator[RunningLab]:
    """Give a lab with a Prometheus, at 70/30, once each target has been read."""
    line = CommandLine()
    try:
        started = line.run("up", "--dir", path, "--replicas", str(REPLICAS), "--prometheus")
        assert started.returncode == 0, started.stderr
        lab = RunningLab(LabFolder(path), line)
        of(lab).wait_for(f"count(up == 1) == {2 * REPLICAS + 1}")
        yield lab
        control.down(lab.folder)
        assert line.processes() == []
        assert not lab.folder.prometheus.exists()
    finally:
        line.kill_all()


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Give the one lab of this module."""
    with running(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(module_lab: RunningLab) -> RunningLab:
    """Give the module's lab, at 70/30, with all counted that was asked before. Its processes must stay alive."""
    control.shift(module_lab.folder, STATES)
    of(module_lab).wait_for_scrape(time.time())
    return module_lab


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[RunningLab]:
    """Give a lab whose processes the test may kill."""
    with running(tmp_path) as lab:
        yield lab


def of(lab: RunningLab) -> Prometheus:
    """Return the lab's Prometheus."""
    return prometheus.at(control.running(lab.folder).prometheus_url)


def test_every_query_of_the_dashboard_has_an_answer(lab: RunningLab, tmp_path: Path) -> None:
    """While a load test runs, each panel, annotation and variable has finite numbers to show."""
    metrics = f"--metrics-port {control.running(lab.folder).metrics_port}"
    options = (
        f"--host {lab.url} --host-header {HOST} --expect-canary 30 --max-slowdown 2 --keep-going -t 600s {metrics}"
    )
    with locust_process.locust(tmp_path, options, environment=locust_process.BOTH_FINDINGS):
        for rule in LAST_RULES:
            of(lab).wait_for(f"count({rule} >= 0) == 2")
        of(lab).wait_for('canary_verdict{outcome="CONFIRMED"} == 1')
        answers = {where: of(lab).query(query) for where, query in queries("default").items()}
    assert len(answers) >= 20
    for where, answer in answers.items():
        assert answer, where
        assert all(map(math.isfinite, answer.values())), (where, answer)
    shown = [answers[f"Verdict {row}"] for row in "AB"]
    assert [list(row.values()) for row in shown] == [[1.0], [1.0]]
    assert answers["Verdict C"] == {("errors",): 11.0, ("latency",): 11.0}


def test_the_last_that_prometheus_has_of_a_load_test_is_its_verdict(lab: RunningLab, tmp_path: Path) -> None:
    """`measure` serves its metrics where the lab's Prometheus looks, and a wrong split is REFUTED there, too."""
    file = tmp_path / "verdict.json"
    done = lab.command_line.run(*("measure", "--dir", lab.folder.path, "--expect-canary", "60", "--verdict-json", file))
    assert done.returncode == 10, done.stdout + done.stderr
    assert of(lab).value("last_over_time(canary_run_ended[5m])") == 1
    for (name, *labels), value in by_verdict(json.loads(file.read_text(encoding="utf-8"))).items():
        found = of(lab).query(f"last_over_time({name}[5m])", "namespace", *LABELS[name])
        assert found["default", *labels] == pytest.approx(value), (name, labels)


def test_client_tally_and_counters_agree_to_the_request(lab: RunningLab, tmp_path: Path) -> None:
    """What the load test judged, what the replicas counted, and what Envoy sent are the same requests."""
    sides = (SERVICE_COUNTS, ENVOY_COUNTS, CLIENT_COUNTS)
    before = {side: counts(lab, side) for side in sides}
    # Answers that come after the verdict are not judged, and those in flight at the end would be cut off.
    options = "--expect-canary 30 --route 70-30 -u 5 -t 10s --keep-going --stop-timeout 30"
    ended = locust_process.run(tmp_path, f"--host {lab.url} --host-header {HOST} {options}")
    assert ended.verdict, ended.stderr
    of(lab).wait_for_scrape(time.time())
    tally = Counter({"v1": ended.counts["stable"], "v2": ended.counts["canary"]})
    assert tally.total() > 100
    counted = {side: counts(lab, side) - before[side] for side in sides}
    assert counted == {SERVICE_COUNTS: tally, ENVOY_COUNTS: tally, CLIENT_COUNTS: Counter({"all": tally.total()})}


def counts(lab: RunningLab, query: str) -> Counter[str]:
    """Return the counts of a query by its one label."""
    return Counter({label: int(count) for (label,), count in of(lab).query(query).items()})


def test_a_shift_is_seen(lab: RunningLab) -> None:
    """The annotation names the moment of the shift, and the canary's share rises from the declared one to all."""
    share = 'namespace_version:http_requests_share:ratio_rate30s{version="v2"}'
    mark = queries("default")["Routes changed"]
    with Load(lab.url, clients=2) as load:
        load.wait_for(300)
        of(lab).wait_for(f"{share} > 0 < 1")
        before = of(lab).value(mark)
        shift_started = time.time()
        control.shift(lab.folder, [istio("virtual-service-0-100.yaml")])
        shift_ended = time.time()
        of(lab).wait_for(f"{mark} > {before}")
        assert shift_started - 0.001 <= of(lab).value(mark) / 1000 <= shift_ended
        of(lab).wait_for(f"{share} == 1")


def test_scrapes_are_no_requests(lab: RunningLab) -> None:
    """No replica counts what Prometheus reads, and neither does Envoy's listener for clients."""
    reads = "sum(envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix='scrape'})"
    before = {side: counts(lab, side) for side in (SERVICE_COUNTS, ENVOY_COUNTS, CLIENT_COUNTS)}
    of(lab).wait_for(f"{reads} >= {of(lab).value(reads) + 3 * REPLICAS}")
    assert {side: counts(lab, side) for side in before} == before
    with Client(lab.url) as client:
        assert client.ask().status == 200
    of(lab).wait_for_scrape(time.time())
    assert {(counts(lab, side) - before[side]).total() for side in before} == {1}


def test_a_dead_replica_is_named(own_lab: RunningLab) -> None:
    """A replica that dies is a target that cannot be read, by its pod's name, and the alert for that is on its way."""
    victim = own_lab.replicas("v2")[0]
    own_lab.kill(victim)
    of(own_lab).wait_for(f'up{{job="micro-api",instance="{victim.name}"}} == 0')
    of(own_lab).wait_for(f'ALERTS{{alertname="ScrapeFailed",instance="{victim.name}"}}')
    assert of(own_lab).value('count(up{job="micro-api"} == 1)') == 2 * REPLICAS - 1


def test_status_shows_it_and_its_death(own_lab: RunningLab) -> None:
    """`status` has its address and its process; when it is dead, its last words, and the lab is not well."""
    url = control.running(own_lab.folder).prometheus_url
    alive = own_lab.command_line.run("status", "--dir", own_lab.folder.path)
    assert alive.returncode == 0
    assert f"Prometheus: {url}\n" in alive.stdout
    (record,) = [one for one in control.running(own_lab.folder).processes if one.name == "prometheus"]
    os.kill(record.pid, signal.SIGKILL)
    found = own_lab.command_line.run("status", "--dir", own_lab.folder.path, "--json")
    assert wait_until(
        lambda: own_lab.command_line.run("status", "--dir", own_lab.folder.path).returncode == 1, TIMEOUT_SECONDS
    )
    assert json.loads(found.stdout)["prometheus_url"] == url
    assert f"Metrics of a load test: --metrics-port {json.loads(found.stdout)['metrics_port']}\n" in alive.stdout
    dead = own_lab.command_line.run("status", "--dir", own_lab.folder.path)
    assert "prometheus was killed by SIGKILL; the last lines of " in dead.stdout
    with Client(own_lab.url) as client:
        assert client.ask().status == 200


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    """A port that is taken is refused by the option's name, before anything has started."""
    line = CommandLine()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = line.run("up", "--dir", tmp_path, "--prometheus-port", str(port))
    assert up.returncode == 1
    assert one_line(up.stderr).startswith(f"lab: --prometheus-port {port}: Address already in use: ")
    assert line.processes() == []


def test_the_readme_is_what_happens(tmp_path: Path) -> None:
    """Each command of monitoring/README.md, in its order, prints what it shows there, figures aside."""
    examples = console_examples(MONITORING / "README.md")
    assert len(examples) >= 5
    ports = {documented: str(free_port()) for documented in ("18095", "18096")}
    folder = tmp_path / "lab"
    try:
        for example, shown in examples:
            command = re.sub(r"(scripts\.lab \w+)", rf"\1 --dir {folder}", example)
            for documented, port in ports.items():
                command = command.replace(documented, port)
            done = run("bash", "-c", command)
            said = done.stdout.replace(f" --dir {folder}", "")
            assert is_shown(shown, said), f"$ {command}\n{said}\n{done.stderr}"
    finally:
        control.down(LabFolder(folder))
