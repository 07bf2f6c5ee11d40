"""docker-compose.yml: the split of a file below istio/, judged by the load test's exit code, in confined containers."""

import http.client
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

import docker
import pytest
import yaml

from tests.compose.project import Project
from tests.lab.helpers import Client, Load
from tests.support.processes import wait_until
from tests.support.repository import ROOT

pytestmark = pytest.mark.docker

SPLIT: Final = "virtual-service-70-30.yaml"
POLL_SECONDS: Final = 60.0


def test_the_declared_split_is_confirmed(project: Project) -> None:
    """Exit code 0: 30 % of the real answers are from the canary, as in the file below istio/."""
    shifted = project.shift(SPLIT)
    assert shifted.returncode == 0, shifted.stderr
    judged = project.load_test("--route", "70-30")
    assert judged.returncode == 0, judged.stdout
    assert "verdict:  CONFIRMED" in judged.stdout


def test_a_wrong_expectation_is_refuted(project: Project) -> None:
    """Exit code 10: options after the service's name reach Locust, and 50 % is not what is configured."""
    assert project.shift(SPLIT).returncode == 0
    judged = project.load_test("--expect-canary", "50")
    assert judged.returncode == 10, judged.stdout
    assert "verdict:  REFUTED" in judged.stdout


def test_a_shift_under_load_loses_nothing(project: Project) -> None:
    """The running Envoy loads the new routes: every request is answered, and soon all of them by the canary."""
    assert project.shift(SPLIT).returncode == 0
    with Load(project.url("envoy", 8080), clients=2) as load:
        load.wait_for(100)
        shifted = project.shift("virtual-service-0-100.yaml")
        assert shifted.returncode == 0, shifted.stderr
        assert shifted.stdout == "Written for Envoy below /lab: routes 0-100\n"
        assert wait_until(lambda: load.answers[-1][1].route_name == "0-100", POLL_SECONDS)
        load.note = "shifted"
        load.wait_for(100)
    assert {answer.status for _, answer in load.answers} == {http.client.OK}
    assert {answer.version for note, answer in load.answers if note} == {"v2"}


def test_a_state_that_is_refused_changes_nothing(project: Project) -> None:
    """A missing file exits with 2 and is named, and Envoy keeps the old routes."""
    assert project.shift("virtual-service-90-10.yaml").returncode == 0
    refused = project.shift("nowhere.yaml")
    assert refused.returncode == 2
    assert "/istio/nowhere.yaml: cannot be read" in refused.stderr + refused.stdout
    with Client(project.url("envoy", 8080)) as client:
        assert wait_until(lambda: client.ask().route_name == "90-10", POLL_SECONDS)


def test_every_container_is_confined(project: Project) -> None:
    """Read-only, no capability, no new privileges, limits, no root; and what is published is on loopback."""
    containers = project.containers()
    assert len(containers) >= 4
    for container in containers:
        host, user = container.attrs["HostConfig"], container.attrs["Config"]["User"]
        limits = [host[name] for name in ("Memory", "NanoCpus", "PidsLimit")]
        assert all(limit > 0 for limit in limits), container.name
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False), container.name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], container.name
        assert user == "10001:10001", container.name
        published = [address for addresses in (host["PortBindings"] or {}).values() for address in addresses]
        assert {address["HostIp"] for address in published} <= {"127.0.0.1"}


def test_prometheus_sees_both_versions_envoy_and_a_load_test(project: Project) -> None:
    """The profile's Prometheus scrapes all of them, counts the requests of each version, and has rules and verdict."""
    assert project.shift(SPLIT).returncode == 0
    with Load(project.url("envoy", 8080), clients=1) as load:
        load.wait_for(100)
    started = project.compose("up", "--wait", "prometheus")
    assert started.returncode == 0, started.stderr
    url = project.url("prometheus", 9090)

    def labels(query: str, label: str) -> list[str]:
        return sorted(series["metric"][label] for series in _query(url, query))

    assert wait_until(lambda: labels("up == 1", "job") == ["envoy", "micro-api", "micro-api"], POLL_SECONDS)
    requests = 'sum by (version) (http_requests_total{route="/test/test"}) > 0'
    assert wait_until(lambda: labels(requests, "version") == ["v1", "v2"], POLL_SECONDS)
    downstream = 'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="lab"} >= 100'
    assert wait_until(lambda: labels(downstream, "job") == ["envoy"], POLL_SECONDS)
    sent = 'sum by (version) (envoy_cluster_upstream_rq_total{namespace="default",version!=""}) > 0'
    assert wait_until(lambda: labels(sent, "version") == ["v1", "v2"], POLL_SECONDS)
    assert wait_until(
        lambda: labels("namespace_version:http_requests:rate30s", "version") == ["v1", "v2"], POLL_SECONDS
    )
    judged = project.compose("run", "--use-aliases", "--rm", "loadtest", "--expect-canary", "50")
    assert judged.returncode == 10, judged.stdout
    last = 'last_over_time(canary_verdict{namespace="default"}[5m]) == 1'
    assert labels(last, "outcome") == ["REFUTED"]


def _query(url: str, query: str) -> list[Any]:
    """Return the series that a query of Prometheus gives."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=10) as answer:
        result: list[Any] = json.load(answer)["data"]["result"]
    return result


@pytest.mark.parametrize(
    ("environment", "port", "state"),
    [
        ({"LAB_PORT": ""}, "18080", "/istio/virtual-service-70-30.yaml"),
        ({"LAB_PORT": "18181", "STATE": "virtual-service-50-50.yaml"}, "18181", "/istio/virtual-service-50-50.yaml"),
    ],
)
def test_variables_and_their_defaults(
    engine: docker.DockerClient, environment: dict[str, str], port: str, state: str
) -> None:
    """Port and state are the documented ones unless a variable names others."""
    shown = Project(engine).compose("config", "--format", "json", **environment)
    assert shown.returncode == 0, shown.stderr
    services = json.loads(shown.stdout)["services"]
    assert services["envoy"]["ports"][0]["host_ip"] == "127.0.0.1"
    assert services["envoy"]["ports"][0]["published"] == port
    assert services["render"]["command"][-1] == state


def test_a_version_that_cannot_start_fails_up(engine: docker.DockerClient, tmp_path: Path) -> None:
    """`up --wait` fails, the log of the version has the reason, and `down` leaves nothing."""
    override = tmp_path / "override.yaml"
    broken = {"services": {"micro-api-v2": {"environment": {"SERVICE_THREADS": "many"}}}}
    override.write_text(yaml.safe_dump(broken), encoding="utf-8")
    project = Project(engine)
    files = ("--file", str(ROOT / "docker-compose.yml"), "--file", str(override))
    try:
        started = project.compose(*files, "up", "--build", "--wait")
        assert started.returncode != 0
        assert "SERVICE_THREADS='many' is not allowed" in project.compose(*files, "logs", "micro-api-v2").stdout
    finally:
        ended = project.compose(*files, "down", "--volumes")
    assert ended.returncode == 0, ended.stderr
    assert project.left_over() == []
