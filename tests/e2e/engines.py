"""Release engines on the cluster as the tests see them: what they release, how it ends, what the gate says of it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from canary_loadtest.core.labels import CANARY, STABLE
from tests.e2e.clients import Clients, Profile
from tests.e2e.cluster import Cluster
from tests.support.processes import run, until

GOOD: Final = "micro-api:1.3-SNAPSHOT"
BEFORE: Final = "micro-api:1.1-SNAPSHOT"
# Slow enough to leave the processor to the gate's own load test, and enough to see a loss.
PROFILES: Final = (
    *(Profile("new connection each", keep_alive=False, think_seconds=0.1),) * 2,
    *(Profile("keep-alive", keep_alive=True, think_seconds=0.1),) * 2,
)
END_SECONDS: Final = 240.0
PROOF_SECONDS: Final = 60.0
NUMBERS: Final = count(1)


@dataclass
class Engine:
    """A release engine with its service.

    Attributes:
        cluster: where it runs.
        name: as scripts/mesh/engine.sh has it.
        workload: the object whose template is released.
        watched: the object that says how a release stands.
        route: the name of the VirtualService.
        ended: the engine's phase after a release that was "released", and one that was "taken back".
        own_options: what the gate's containers are started with before a test adds something.
        earlier: the release that the gate knew before the last one began; its counts are not meant.
    """

    cluster: Cluster
    name: str
    workload: str
    watched: str
    route: str
    ended: Mapping[str, str] = field(default_factory=dict)
    own_options: dict[str, list[str]] = field(default_factory=dict)
    earlier: str = ""

    @property
    def namespace(self) -> str:
        """The namespace of the service."""
        return f"canary-{self.name}"

    @property
    def host(self) -> str:
        """The Host that the gateway knows the service by."""
        return f"micro-api.{self.namespace}.svc.cluster.local"

    def kubectl(self, *arguments: str) -> str:
        """Return what a kubectl command prints in the namespace; raises CalledProcessError where it fails."""
        return self.cluster.kubectl(*arguments, namespace=self.namespace)

    def clients(self) -> Clients:
        """Return clients that ask on and on, and count what they lose."""
        return Clients("127.0.0.1", self.cluster.gateway_port, PROFILES, host_header=self.host)

    def get(self, what: str) -> dict[str, Any]:
        """Return an object."""
        return dict(json.loads(self.kubectl("get", what, "--output=json")))

    def release(self, image: str, **variables: str) -> None:
        """Release another template: an image, and variables that make it bad; each is a release of its own."""
        self.earlier = self.gate_state.get("release", "")
        container = self.get(self.workload)["spec"]["template"]["spec"]["containers"][0]
        faults = ("SERVICE_ERROR_RATIO", "SERVICE_DELAY_SECONDS")
        kept = [one for one in container["env"] if one["name"] not in faults]
        env = kept + [{"name": name, "value": value} for name, value in variables.items()]
        path = "/spec/template/spec/containers/0"
        patch = [
            {"op": "replace", "path": f"{path}/image", "value": image},
            {"op": "replace", "path": f"{path}/env", "value": env},
            {"op": "add", "path": "/spec/template/metadata/annotations/release", "value": str(next(NUMBERS))},
        ]
        self.kubectl("patch", self.workload, "--type=json", f"--patch={json.dumps(patch)}")
        # Until the engine has seen it, the phase is that of the release before.
        self.until(lambda: self.phase not in self.ended.values())

    @property
    def weight_percent(self) -> int:
        """The canary's weight that the route has."""
        routes = self.get(f"virtualservice/{self.route}")["spec"]["http"]
        (to_canary,) = [one for one in routes[0]["route"] if "canary" in json.dumps(one["destination"])]
        return int(to_canary.get("weight", 0))

    @property
    def phase(self) -> str:
        """How the release stands, in the engine's words."""
        return str(self.get(self.watched).get("status", {}).get("phase", ""))

    def until(self, condition: Callable[[], bool], seconds: float = END_SECONDS) -> None:
        """Wait for something; a failure shows what gate and engine say."""
        try:
            until(condition, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{self.phase} at {self.weight_percent} %\n{self.gate_state}\n{self.log()}"
            ) from error

    @property
    def gate_state(self) -> dict[str, Any]:
        """What the gate keeps."""
        data = self.get("configmap/micro-api-gate").get("data") or {}
        return dict(json.loads(data.get("state.json") or "{}"))

    def counted(self, weight_percent: float) -> int:
        """Return how many answers of this release the gate keeps at a weight."""
        state = self.gate_state
        steps = state.get("counts", {}).get("steps", []) if state.get("release") != self.earlier else []
        found = [step["counts"] for step in steps if step["weight_percent"] == weight_percent]
        return sum(counts["canary"] + counts["stable"] + counts["other"] for counts in found)

    def log(self) -> str:
        """Return what the gate's containers said last."""
        return self.kubectl("logs", "deployment/micro-api-gate", "--all-containers", "--tail=30")

    def only(self, label: str) -> Callable[[], bool]:
        """Return a condition: some answers in a row are of one version."""

        def holds() -> bool:
            with self.clients() as clients:
                until(lambda: clients.requests >= 20)
            return clients.answers.keys() == {label}

        return holds

    def configure(self, container: str, *options: str) -> None:
        """Give a container of the gate other options in place of those that a test has added before."""
        containers = self.get("deployment/micro-api-gate")["spec"]["template"]["spec"]["containers"]
        (place,) = [number for number, one in enumerate(containers) if one["name"] == container]
        own = self.own_options.setdefault(container, containers[place]["args"])
        patch = [{"op": "replace", "path": f"/spec/template/spec/containers/{place}/args", "value": [*own, *options]}]
        self.kubectl("patch", "deployment/micro-api-gate", "--type=json", f"--patch={json.dumps(patch)}")
        self.kubectl("rollout", "status", "deployment/micro-api-gate", "--timeout=120s")

    def kill_gate(self) -> None:
        """Kill the gate's pod without a farewell; another one follows."""
        self.kubectl("delete", "pods", "--selector=app=micro-api-gate", "--force", "--grace-period=0")
        self.kubectl("rollout", "status", "deployment/micro-api-gate", "--timeout=120s")

    def create(self, given: Mapping[str, object]) -> None:
        """Create an object."""
        command = [
            "kubectl",
            "--context",
            self.cluster.context,
            "--namespace",
            self.namespace,
            "create",
            "--filename=-",
        ]
        done = run(*command, environment={"KUBECONFIG": str(self.cluster.kubeconfig)}, stdin=json.dumps(given))
        assert done.returncode == 0, done.stderr

    def has_route(self) -> bool:
        """Return whether the engine's route is there."""
        name = f"virtualservice/{self.route}"
        return bool(self.kubectl("get", name, "--ignore-not-found", "--output=name"))

    @property
    def manifest(self) -> str:
        """The file with what the engine's project ships, "" for its release."""
        return os.environ.get(f"{self.name.upper().replace('-', '_')}_MANIFEST", "")

    def install(self) -> None:
        """Install it, or replace it by another release of it."""
        option = ("--manifest", self.manifest) if self.manifest else ()
        self.cluster.script("mesh/engine", "--engine", self.name, *option, "install", is_example=False)

    def deploy(self) -> None:
        """Deploy the service and its gate, and wait until the old version answers."""
        self.cluster.script("mesh/engine", "--engine", self.name, "deploy", is_example=False)
        self.until(self.only(STABLE))

    def remove(self) -> None:
        """Remove them."""
        self.cluster.script("mesh/engine", "--engine", self.name, "remove", is_example=False)


def argo_rollouts(cluster: Cluster) -> Engine:
    """Return Argo Rollouts on a cluster."""
    ended = {"released": "Healthy", "taken back": "Degraded"}
    return Engine(cluster, "argo-rollouts", "rollout/micro-api", "rollout/micro-api", "micro-api-route", ended)


def flagger(cluster: Cluster) -> Engine:
    """Return Flagger on a cluster."""
    ended = {"released": "Succeeded", "taken back": "Failed"}
    return Engine(cluster, "flagger", "deployment/micro-api", "canary/micro-api", "micro-api", ended)


@contextmanager
def installed(engine: Engine) -> Iterator[Engine]:
    """Install an engine until the block ends; then nothing of it is left, and to remove it again is no error."""
    cluster = engine.cluster
    if engine.manifest:  # one of this machine: its images are in the engine of containers, too
        done = run("scripts/cluster/load-images.sh", "--name", cluster.name, "--engines")
        assert done.returncode == 0, done.stderr
    engine.install()
    try:
        yield engine
    finally:
        for _ in range(2):
            said = cluster.script("cluster/remove", "engines", is_example=False)
            assert f"# left: nothing of {engine.name}" in said
    kinds = "namespaces,crds,clusterroles,clusterrolebindings,deployments,serviceaccounts"
    left = cluster.kubectl("get", kinds, "--all-namespaces", "--output=name").split()
    assert [name for name in left if engine.name in name or "argoproj" in name] == []


def released(engine: Engine) -> bool:
    """Return whether the last release has ended with the new version alone."""
    return engine.phase == engine.ended["released"] and engine.weight_percent == 0 and engine.only(CANARY)()


def taken_back(engine: Engine) -> bool:
    """Return whether the last release was taken back."""
    return engine.phase == engine.ended["taken back"] and engine.weight_percent == 0
