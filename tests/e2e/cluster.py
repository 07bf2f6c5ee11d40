"""A cluster as the tests see it: the scripts that a person runs on it, and what kubectl says of it."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.chapters import Chapters
from tests.support.processes import until
from tests.support.repository import ROOT

NAMESPACE = "canary-rollout"
ALPHA_STOP = 1e-6  # of each verdict, so that a run of all tests hardly ever fails by chance
SCRIPT_SECONDS = 240
SETTLE_SECONDS = 60
DOCUMENTED_PORT = "127.0.0.1:19090"
DOCUMENTED_GATEWAY_PORT = "127.0.0.1:19080"
GATEWAY_SCRIPTS = ("mesh/flow", "mesh/rollout", "mesh/set-state")
COLUMNS = (
    "custom-columns=REPLICASET:.metadata.name,TRACK:.spec.template.metadata.labels.track,"
    "WANTED:.spec.replicas,READY:.status.readyReplicas"
)
WATCH = ("get", "replicasets", "--selector=app=micro-api", "--watch", f"--output={COLUMNS}")


@dataclass(frozen=True)
class Cluster:
    """A cluster of kind.

    Attributes:
        name: its name, as kind knows it.
        kubeconfig: a file of its own, so that no other cluster is within reach.
        port: where 127.0.0.1 leads to the node's port 30190, the service of the plain flows.
        gateway_port: where 127.0.0.1 leads to the node's port 30080, Istio's gateway.
        chapters: what each command that is run here is compared with.
    """

    name: str
    kubeconfig: Path
    port: int
    gateway_port: int
    chapters: Chapters

    @property
    def context(self) -> str:
        """The kubeconfig context."""
        return f"kind-{self.name}"

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}/test/test"

    @property
    def gateway_url(self) -> str:
        """Where Istio's gateway answers."""
        return f"http://127.0.0.1:{self.gateway_port}/test/test"

    @property
    def _url_by_script(self) -> dict[str, str]:
        """The address for each script that asks the service itself."""
        return {"cluster/pause": self.url, **dict.fromkeys(GATEWAY_SCRIPTS, self.gateway_url)}

    def script(self, name: str, *arguments: str, exit_code: int = 0, is_example: bool = True) -> str:
        """Run a script of the project on this cluster, and return all that it printed.

        Args:
            name: such as `cluster/rolling`.
            arguments: of the script; those that say which cluster it is are added.
            exit_code: with which it must end.
            is_example: whether a chapter that shows the command has to show this output.

        Raises:
            AssertionError: it ended with another exit code, or a chapter shows another output.
        """
        url = self._url_by_script.get(name)
        options = ["--context", self.context, *(["--url", url] if url else [])]
        done = run(f"scripts/{name}.sh", *options, *arguments, kubeconfig=self.kubeconfig, stderr=subprocess.STDOUT)
        assert done.returncode == exit_code, f"{done.args}: {done.returncode}\n{done.stdout}"
        if is_example:
            # A script that shows another one passes its options on; a chapter needs none.
            printed = done.stdout.replace(f" {shlex.join(options)}", "")
            self.chapters.compare(" ".join((f"scripts/{name}.sh", *arguments)), printed, cluster=self.name)
        return done.stdout

    def typed(self, command: str, *, exit_code: int) -> None:
        """Run a line of a chapter that asks a documented address; raises AssertionError as `script` does."""
        line = command.replace(DOCUMENTED_PORT, f"127.0.0.1:{self.port}")
        line = line.replace(DOCUMENTED_GATEWAY_PORT, f"127.0.0.1:{self.gateway_port}")
        done = run("bash", "-c", line, kubeconfig=self.kubeconfig, stderr=subprocess.STDOUT)
        assert done.returncode == exit_code, f"{line}: {done.returncode}\n{done.stdout}"
        self.chapters.compare(command, done.stdout, cluster=self.name)

    def forget_connections(self, address: str) -> None:
        """Have the node forget connections to a pod that is gone.

        The node translates addresses: for two minutes it would send a new connection from a port that had one to the
        dead pod there, too.
        """
        node = f"{self.name}-control-plane"
        command = ("docker", "exec", node, "conntrack", "--delete", "--reply-src", address)
        done = run(*command, kubeconfig=self.kubeconfig)
        assert "flow entries have been deleted" in done.stderr, done.stderr

    def kubectl(self, *arguments: str, namespace: str = NAMESPACE) -> str:
        """Return what a kubectl command prints; raises subprocess.CalledProcessError where it fails."""
        command = ["kubectl", "--context", self.context, "--namespace", namespace, *arguments]
        done = run(*command, kubeconfig=self.kubeconfig)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object, or a list of them, as JSON."""
        return dict(json.loads(self.kubectl("get", *arguments, "--output=json")))

    def staying_pods(self) -> list[dict[str, Any]]:
        """Return the pods of the service that are not on their way out."""
        pods = self.get("pods", "--selector=app=micro-api")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self) -> list[tuple[str, str]]:
        """Return (image tag, track) of each pod of the service that is ready and stays, sorted."""
        return sorted(
            (pod["spec"]["containers"][0]["image"].partition(":")[2], pod["metadata"]["labels"]["track"])
            for pod in self.staying_pods()
            if pod["status"]["containerStatuses"][0]["ready"]
        )

    def replica_set(self, tag: str) -> str:
        """Return the name of the ReplicaSet that has pods of a version."""
        (name,) = [
            one["metadata"]["name"]
            for one in self.get("replicasets", "--selector=app=micro-api")["items"]
            if one["spec"]["replicas"] and one["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{tag}")
        ]
        return str(name)

    def revisions(self) -> list[int]:
        """Return the revisions that `kubectl rollout history` lists."""
        history = self.kubectl("rollout", "history", "deployment/micro-api")
        return [int(number) for number in re.findall(r"^(\d+) ", history, re.MULTILINE)]

    @contextmanager
    def watching_ready(self, log: Path) -> Iterator[Callable[[str], list[int]]]:
        """Watch how many pods are ready; gives a function that returns the counts of a ReplicaSet so far."""
        command = ["kubectl", "--context", self.context, "--namespace", NAMESPACE, *WATCH]
        with log.open("w", encoding="utf-8") as file:
            watch = subprocess.Popen(command, stdout=file, env=environment(self.kubeconfig))

        def counts(replica_set: str) -> list[int]:
            return ready_counts(log.read_text(encoding="utf-8"), replica_set)

        try:
            until(lambda: log.read_text(encoding="utf-8").count("\n") > 1, "the watch shows nothing")
            yield counts
        finally:
            watch.terminate()
            watch.wait()
        self.chapters.compare(shlex.join(("kubectl", *WATCH)), log.read_text(encoding="utf-8"), cluster=self.name)


def ready_counts(watched: str, replica_set: str) -> list[int]:
    """Return how many pods of a ReplicaSet were ready, change by change.

    Args:
        watched: what a watch has printed: lines that begin with a name and end with a number, `<none>` for 0.
        replica_set: the name.
    """
    found = re.findall(rf"^{replica_set} .*?(\d+|<none>)$", watched, re.MULTILINE)
    return [0 if count == "<none>" else int(count) for count in found]


def published_port(cluster: str, node_port: int) -> int:
    """Return which port of 127.0.0.1 leads to a port of a cluster's node; raises CalledProcessError if none does."""
    command = ["docker", "port", f"{cluster}-control-plane", f"{node_port}/tcp"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SCRIPT_SECONDS)
    return int(done.stdout.strip().rpartition(":")[2])


def tried_again(make: Callable[[], subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    """Make a cluster, again where it fails: kind gives a node 30 s to boot, which a busy machine can miss."""
    done = make()
    return done if done.returncode == 0 else make()


def environment(kubeconfig: Path) -> dict[str, str]:
    """Return this process's environment with another kubeconfig, and load tests that are surer than by default."""
    return os.environ | {"KUBECONFIG": str(kubeconfig), "LOCUST_ALPHA_STOP": f"{ALPHA_STOP:.6f}"}


def run(*command: str, kubeconfig: Path, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository, for a bounded time; `stderr` as subprocess has it."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(kubeconfig),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=SCRIPT_SECONDS,
        check=False,
    )
