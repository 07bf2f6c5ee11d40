"""What the manifests say fits together: ports, labels, versions, shutdown, security."""

import re
from typing import Any

import pytest
import yaml

from canary_loadtest.core.expectation import DEFAULT_ALPHA, DEFAULT_ALPHA_STOP
from micro_api.settings import VARIABLES
from tests.manifests.files import container, pod_spec
from tests.support.repository import resource, resources, text_of

DEPLOYMENT = "k8s/base/deployment.yaml"
MASTER = "k8s/load/master.yaml"
WORKERS = "k8s/load/workers.yaml"
RUN = "loadtest-run"
DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
NODE_PORT = 30190
ISTIO_NODE_PORT = 30080
LOCUST_PORT = 5557  # Locust's own default


def env(path: str) -> dict[str, str]:
    """Return the variables of a manifest's container that have a value of their own."""
    return {entry["name"]: entry["value"] for entry in container(path)["env"] if "value" in entry}


@pytest.mark.parametrize("path", ["k8s/base/service.yaml", "k8s/node-port.yaml"])
def test_a_service_leads_to_the_port_on_which_the_pods_listen(path: str) -> None:
    """19090 goes to the named port, which is the one that the service binds."""
    (port,) = resource(path)["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (19090, "http")
    assert container(DEPLOYMENT)["ports"] == [{"name": "http", "containerPort": 9090}]
    assert DEFAULTS["SERVICE_BIND"] == "0.0.0.0:9090"
    assert "SERVICE_BIND" not in env(DEPLOYMENT)


@pytest.mark.parametrize(
    "selector",
    [
        resource("k8s/base/service.yaml")["spec"]["selector"],
        resource("k8s/node-port.yaml")["spec"]["selector"],
        resource(DEPLOYMENT)["spec"]["selector"]["matchLabels"],
        resource("k8s/base/pod-disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        resource("k8s/options/network-policy.yaml")["spec"]["podSelector"]["matchLabels"],
    ],
)
def test_every_selector_takes_old_and_new_pods_alike(selector: dict[str, str]) -> None:
    """All select by `app` alone, which every pod has: a canary is behind the same Service, and under the same rules."""
    assert selector == {"app": "micro-api"}
    assert selector.items() <= resource(DEPLOYMENT)["spec"]["template"]["metadata"]["labels"].items()


def test_the_slices_of_the_service_can_be_listed_with_its_pods() -> None:
    """The Service has the label of its pods, which Kubernetes copies to its EndpointSlices."""
    assert resource("k8s/base/service.yaml")["metadata"]["labels"] == {"app": "micro-api"}


def test_the_canary_differs_from_the_old_version_by_image_and_track_alone() -> None:
    """Both overlays are the base with another tag; the canary's pods have another value of the label `track`."""
    update, canary = (resource(f"k8s/{step}/kustomization.yaml") for step in ("update", "canary"))
    (patch,) = canary.pop("patches")
    for step in (update, canary):
        assert step["resources"] == ["../base"]
        del step["images"][0]["newTag"]
    assert canary == update
    changes = yaml.safe_load(patch["patch"])
    assert changes.pop("spec") == {"template": {"metadata": {"labels": {"track": "canary"}}}}
    assert (changes["kind"], changes["metadata"]) == ("Deployment", {"name": "micro-api"})
    # Where the base did not state it, `apply` after a `rollout undo` would leave the canary's value on old pods.
    assert resource(DEPLOYMENT)["spec"]["template"]["metadata"]["labels"]["track"] == "stable"


def test_a_pod_has_time_to_leave() -> None:
    """The grace period exceeds the sleep before SIGTERM plus the time that requests in flight have, and says so."""
    grace_seconds = pod_spec(DEPLOYMENT)["terminationGracePeriodSeconds"]
    sleep_seconds = container(DEPLOYMENT)["lifecycle"]["preStop"]["sleep"]["seconds"]
    graceful_seconds = int(env(DEPLOYMENT)["SERVICE_GRACEFUL_TIMEOUT_SECONDS"])
    assert grace_seconds > sleep_seconds + graceful_seconds
    for figure in (f"sleeps {sleep_seconds} s", f"({graceful_seconds} s)", f"({grace_seconds} s)"):
        assert figure in text_of(DEPLOYMENT)
    assert f"({DEFAULTS['SERVICE_KEEPALIVE_SECONDS']} s by default)" in text_of(DEPLOYMENT)


@pytest.mark.parametrize("path", [DEPLOYMENT, MASTER, WORKERS])
def test_a_pod_is_as_restricted_as_the_namespace_demands(path: str) -> None:
    """No root, no capabilities, no writable root, the runtime's seccomp profile, no token, requests and a limit."""
    pod, only = pod_spec(path), container(path)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert only["imagePullPolicy"] == "IfNotPresent"
    assert {"cpu", "memory"} <= only["resources"]["requests"].keys()
    assert "memory" in only["resources"]["limits"]
    assert resource("k8s/namespace.yaml")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_workers_find_their_master() -> None:
    """They call the Service that leads to the master's pod alone, and it waits for as many as there are."""
    service = resource("k8s/load/service.yaml")
    assert "clusterIP" not in service["spec"]  # a headless one has no name in the DNS before its pod has started
    selector = service["spec"]["selector"]
    labels = {path: resource(path)["spec"]["template"]["metadata"]["labels"] for path in (MASTER, WORKERS)}
    assert selector.items() <= labels[MASTER].items()
    assert not selector.items() <= labels[WORKERS].items()
    assert f"--master-host={service['metadata']['name']}" in container(WORKERS)["args"]
    (metrics,) = container(MASTER)["ports"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert ports == {"tcp-locust": LOCUST_PORT, metrics["name"]: metrics["containerPort"]}
    workers = resource(WORKERS)["spec"]
    assert workers["parallelism"] == workers["completions"]
    assert f"--expect-workers={workers['parallelism']}" in container(MASTER)["args"]


def test_what_one_run_makes_bears_its_name() -> None:
    """A stand-in for the name is in the names, the labels and the selector of all but the identity that runs share."""
    master, workers, service = (resource(path) for path in (MASTER, WORKERS, "k8s/load/service.yaml"))
    templates = [one["spec"]["template"] for one in (master, workers)]
    labels = [one["metadata"]["labels"] for one in (master, workers, service, *templates)]
    assert {one["run"] for one in (*labels, service["spec"]["selector"])} == {RUN}
    assert [one["metadata"]["name"] for one in (master, workers, service)] == [RUN, f"{RUN}-workers", f"{RUN}-master"]
    assert [one["configMapRef"]["name"] for one in container(MASTER)["envFrom"]] == [RUN]
    script = text_of("scripts/cluster/lib.sh")
    assert f"s/{RUN}/$RUN/" in script
    assert RUN not in text_of("k8s/load/service-account.yaml")


def test_the_scripts_have_the_load_tests_own_bounds() -> None:
    """What a shell script passes on, and what its help says, are the defaults of the options."""
    bounds = {"LOCUST_ALPHA": DEFAULT_ALPHA, "LOCUST_ALPHA_STOP": DEFAULT_ALPHA_STOP}
    passed = dict(re.findall(r"\$\{(LOCUST_ALPHA\w*):-([\d.]+)\}", text_of("scripts/cluster/lib.sh")))
    assert {name: float(value) for name, value in passed.items()} == bounds
    for part in ("cluster", "mesh"):
        told = dict(re.findall(r"(LOCUST_ALPHA\w*) \(([\d.]+)\)", text_of(f"scripts/{part}/measure.sh")))
        assert {name: float(value) for name, value in told.items()} == bounds


def test_the_load_test_is_run_once_for_a_bounded_time() -> None:
    """Neither Job is repeated, and both have the same time, in which the run and the wait for workers fit."""
    specs = [resource(path)["spec"] for path in (MASTER, WORKERS)]
    assert [spec["backoffLimit"] for spec in specs] == [0, 0]
    deadline_seconds, workers_seconds = (spec["activeDeadlineSeconds"] for spec in specs)
    assert deadline_seconds == workers_seconds
    waiting_seconds = int(re.findall(r"--expect-workers-max-wait=(\d+)", " ".join(container(MASTER)["args"]))[0])
    assert waiting_seconds + int(env(MASTER)["LOCUST_RUN_TIME"].removesuffix("s")) < deadline_seconds


def test_the_verdict_is_the_jobs_result() -> None:
    """The table goes to where Kubernetes reads a container's last words, and where there is none the log does."""
    assert env(MASTER)["LOCUST_VERDICT_TEXT"] == "/dev/termination-log"
    assert "terminationMessagePath" not in container(MASTER)
    assert container(MASTER)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_cluster_publishes_its_entry_points_on_loopback() -> None:
    """The node port of the Service is at 127.0.0.1:19090, and the one of Istio's gateway at 127.0.0.1:19080."""
    (node,) = resource("scripts/cluster/kind.yaml")["nodes"]
    assert node["extraPortMappings"] == [
        {"containerPort": NODE_PORT, "hostPort": 19090, "listenAddress": "127.0.0.1"},
        {"containerPort": ISTIO_NODE_PORT, "hostPort": 19080, "listenAddress": "127.0.0.1"},
    ]
    assert resource("k8s/node-port.yaml")["spec"]["ports"][0]["nodePort"] == NODE_PORT


def test_an_autoscaler_is_not_overruled_by_the_next_apply() -> None:
    """With the options the Deployment states no number of replicas, and the autoscaler keeps at least the article's."""
    patch = resource("k8s/options/deployment.yaml")
    assert patch["spec"]["replicas"] is None
    autoscaler = resource("k8s/options/horizontal-pod-autoscaler.yaml")["spec"]
    assert autoscaler["minReplicas"] == resource(DEPLOYMENT)["spec"]["replicas"]
    assert autoscaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "micro-api"}


def test_the_articles_canary_is_its_deployment_with_another_image_and_a_label() -> None:
    """As the article says: the same content, with `track: canary` and 1.3-SNAPSHOT."""

    def deployment(name: str) -> dict[str, Any]:
        return resources(f"k8s/article/{name}.yaml")[-1]

    canary = deployment("micro-api-canary")
    template = canary["spec"]["template"]
    assert template["metadata"]["labels"].pop("track") == "canary"
    template["spec"]["containers"][0]["image"] = "micro-api:1.0-SNAPSHOT"
    assert canary == deployment("micro-api")
