"""Both flows as docs/workshop/ shows them, under clients that count what they lose. The steps build on each other."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.chapters import FLOW_CHAPTERS
from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster, ready_counts
from tests.support.processes import until
from tests.support.repository import ROOT
from tests.support.text import unwrapped

pytestmark = pytest.mark.e2e

OLD = ("1.1-SNAPSHOT", "stable")
CANARY = ("1.3-SNAPSHOT", "canary")
REQUESTS = 20_000
OVERLAYS = ("base", "update", "canary", "with-options", "load", "load-keep-alive")
FILES = ("namespace.yaml", "node-port.yaml", "article/micro-api.yaml", "article/micro-api-canary.yaml")
ARTICLE_NODE_PORT = '{"spec": {"type": "NodePort", "ports": [{"port": 19090, "nodePort": 30190}]}}'
TEN_CALLS = (
    "for i in {1..10}; do curl -s http://127.0.0.1:19090/test/test; done"
    " | .venv/bin/python loadtest judge --expect-canary 50"
)
LOAD = ("jobs,pods,services,configmaps", "--selector=app=loadtest")
RUNNING_LOAD = ("pods", "--selector=app=loadtest", "--field-selector=status.phase=Running")
MASTER_LOG = ("logs", "--selector=app=loadtest,role=master", "--tail=-1")
ROOT_POD = ("run", "intruder", "--image=micro-api:1.0-SNAPSHOT", "--dry-run=server")


@pytest.fixture(scope="module")
def clients(cluster: Cluster) -> Iterator[Clients]:
    """Clients that ask from the first deployment to the last step."""
    cluster.script("cluster/rolling", "deploy")
    until(lambda: answers_of_ten(cluster) == {"stable"}, "the first release does not answer")
    with Clients("127.0.0.1", cluster.port) as asking:
        yield asking


def answers_of_ten(cluster: Cluster) -> set[str]:
    """Return which answers ten new connections get: canary, stable, or what went wrong."""
    with Clients("127.0.0.1", cluster.port) as asking:
        until(lambda: asking.requests >= 10, "no answers")
    return {*asking.answers, *(lost.reason for lost in asking.lost)}


def start_canary(cluster: Cluster) -> str:
    """Pause a canary as the script does, and return what it showed; there are two old and two new pods then."""
    shown = cluster.script("cluster/pause", "start")
    assert cluster.ready_pods() == [OLD, OLD, CANARY, CANARY]
    assert cluster.get("deployment/micro-api")["spec"]["paused"] is True
    return shown


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_accepts_each_step(cluster: Cluster, overlay: str) -> None:
    """A server-side dry run of every kustomization, strictly validated, in the namespace that enforces `restricted`."""
    shown = cluster.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "--kustomize", str(ROOT / "k8s" / overlay)
    )
    assert "(server dry run)" in shown


@pytest.mark.parametrize("file", FILES)
def test_the_api_server_accepts_each_file(cluster: Cluster, file: str) -> None:
    """A server-side dry run of every file that is applied alone."""
    path = str(ROOT / "k8s" / file)
    shown = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", path, namespace="default")
    assert "(server dry run)" in shown


def test_the_namespace_refuses_an_unrestricted_pod(cluster: Cluster) -> None:
    """`restricted` is enforced: a pod without a security context does not get in."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.kubectl(*ROOT_POD)
    assert 'violates PodSecurity "restricted' in refused.value.stderr


def test_a_rolling_update_replaces_every_pod(cluster: Cluster, clients: Clients) -> None:
    """1.0 becomes 1.1 pod by pod and back: revision by revision, with the stable answer all the time."""
    assert cluster.ready_pods() == [("1.0-SNAPSHOT", "stable")] * 3
    assert cluster.revisions() == [1]
    assert "successfully rolled out" in cluster.script("cluster/rolling", "update")
    assert cluster.ready_pods() == [OLD] * 3
    assert cluster.revisions() == [1, 2]
    cluster.script("cluster/rolling", "undo")
    assert cluster.ready_pods() == [("1.0-SNAPSHOT", "stable")] * 3
    assert cluster.revisions() == [2, 3]
    assert clients.answers.keys() == {"stable"}


def test_a_paused_update_is_a_canary(cluster: Cluster, clients: Clients) -> None:
    """Two old and two new pods, ten calls shown as in the article, and both answers for everybody."""
    before = clients.answers
    shown = start_canary(cluster)
    assert shown.count('无依赖测试接口返回->OK!","message":"成功"}\n') == 10
    assert "4/3     2            4" in shown
    until(
        lambda: all((clients.answers - before)[answer] > 100 for answer in ("canary", "stable")),
        "not both answers come",
    )


@pytest.mark.usefixtures("clients")
def test_ten_calls_decide_nothing(cluster: Cluster) -> None:
    """The article's ten calls, judged: INCONCLUSIVE, with any mix of versions."""
    cluster.typed(TEN_CALLS, exit_code=11)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "verdict"),
    [
        ((), 0, "verdict:  CONFIRMED"),
        (("--expect-canary", "30"), 10, "verdict:  REFUTED"),
        (("--keep-alive",), 11, "verdict:  INCONCLUSIVE - connections are pinned to a version"),
    ],
)
@pytest.mark.usefixtures("clients")
def test_a_job_judges_the_share(cluster: Cluster, arguments: tuple[str, ...], exit_code: int, verdict: str) -> None:
    """In the cluster the ready pods' ratio is confirmed, another share refuted, and kept connections decide nothing."""
    shown = cluster.script("cluster/measure", *arguments, exit_code=exit_code)
    assert verdict in shown
    assert f"\n{exit_code}\n\n$ kubectl delete jobs/loadtest-" in shown


@pytest.mark.usefixtures("clients")
def test_a_killed_worker_is_missed_by_name(cluster: Cluster) -> None:
    """The counts of a pod that is killed in the middle are gone, so that there is no verdict but INCONCLUSIVE."""
    until(lambda: cluster.get(*LOAD)["items"] == [], "what earlier load tests made is still there")
    with ThreadPoolExecutor() as background:
        ended = background.submit(cluster.script, "cluster/measure", "--keep-alive", exit_code=11)
        until(lambda: len(cluster.get(*RUNNING_LOAD)["items"]) == 3, "the load test does not start")
        until(lambda: "All users spawned" in cluster.kubectl(*MASTER_LOG), "no load")
        worker = cluster.kubectl("get", *RUNNING_LOAD, "--selector=role=worker", "--output=name").split()[0]
        cluster.kubectl("delete", worker, "--force", "--grace-period=0")
    name = worker.removeprefix("pod/")
    assert f"verdict:  INCONCLUSIVE - the last counts of {name}" in unwrapped(ended.result())


def test_a_rollback_keeps_the_old_pods(cluster: Cluster, clients: Clients, tmp_path: Path) -> None:
    """The old manifest, then `resume`: never fewer than two old pods are ready, and only the stable answer is left."""
    old = cluster.replica_set("1.1-SNAPSHOT")
    with cluster.watching_ready(tmp_path / "watch") as counts:
        cluster.script("cluster/pause", "rollback")
        until(lambda: counts(old)[-1] == 3, "three old pods are not shown")
    assert cluster.ready_pods() == [OLD] * 3
    assert set(counts(old)) == {2, 3}
    assert answers_of_ten(cluster) == {"stable"}
    assert clients.lost == []


def test_resume_and_undo_leave_no_old_pod_for_a_while(cluster: Cluster, clients: Clients) -> None:
    """`undo` is refused while paused, and after `resume` the bad version is all that is ready, before it recovers."""
    start_canary(cluster)
    old, canary = cluster.replica_set("1.1-SNAPSHOT"), cluster.replica_set("1.3-SNAPSHOT")
    shown = cluster.script("cluster/pause", "undo")
    assert 0 in ready_counts(shown, old)
    assert 2 in ready_counts(shown, canary)
    assert cluster.ready_pods() == [OLD] * 3
    assert clients.lost == []


def test_resume_makes_the_canary_the_release(cluster: Cluster, clients: Clients) -> None:
    """After `resume` all pods are canaries, and everybody gets the V3 answer."""
    start_canary(cluster)
    cluster.script("cluster/pause", "resume")
    assert cluster.ready_pods() == [CANARY] * 3
    assert answers_of_ten(cluster) == {"canary"}
    assert clients.lost == []


def test_the_chapters_show_what_happened(cluster: Cluster) -> None:
    """Each example of both chapters was run above, and compared with what it printed."""
    assert cluster.chapters.unproven(FLOW_CHAPTERS) == []


def test_no_request_is_lost(cluster: Cluster, clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    """Deleted pods and fewer replicas cost no request either: none of 20,000, over all that happened here."""
    pod = cluster.staying_pods()[0]["metadata"]["name"]
    cluster.kubectl("delete", "pod", pod)
    cluster.kubectl("rollout", "status", "deployment/micro-api", "--timeout=60s")
    cluster.kubectl("scale", "deployment/micro-api", "--replicas=1")
    until(lambda: len(cluster.get("pods", "--selector=app=micro-api")["items"]) == 1, "the pods do not leave")
    until(lambda: clients.requests >= REQUESTS, f"only {clients.requests} requests", seconds=120)
    with capsys.disabled():
        print(f"\nk8s/ lost {len(clients.lost)} of {clients.requests} requests in all steps so far")
    assert clients.lost == []


def test_the_articles_manifest_for_comparison(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """The same update with the article's manifest: what it loses is counted and reported."""
    cluster.kubectl("delete", "deployment/micro-api", "service/micro-api-node-port")
    cluster.kubectl("create", "namespace", "article", namespace="default")
    cluster.kubectl("apply", "--filename", str(ROOT / "k8s/article/micro-api.yaml"), namespace="article")
    # Its own Service becomes the node port: k8s/node-port.yaml uses the port's name, which leads nowhere here.
    cluster.kubectl("patch", "service/micro-api", "--patch", ARTICLE_NODE_PORT, namespace="article")
    cluster.kubectl("rollout", "status", "deployment/micro-api", "--timeout=60s", namespace="article")
    with Clients("127.0.0.1", cluster.port) as asking:
        until(lambda: asking.answers["stable"] > 100, "the article's release does not answer")
        update = "set", "image", "deployment/micro-api", "micro-api=micro-api:1.1-SNAPSHOT"
        cluster.kubectl(*update, namespace="article")
        cluster.kubectl("rollout", "status", "deployment/micro-api", "--timeout=120s", namespace="article")
    assert asking.requests == asking.answers.total() + len(asking.lost)
    with capsys.disabled():
        print(f"\nthe article's manifest lost {len(asking.lost)} of {asking.requests} requests in one update")
