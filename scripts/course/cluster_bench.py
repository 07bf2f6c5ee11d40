"""What the steps do with the project's cluster: make a beginning, see what it runs, and type what a learner would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from canary_loadtest.core.message import Message
from scripts import REPOSITORY
from scripts.course import objects
from scripts.course.desk import Desk
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.rules.deployed import Deployed
from scripts.course.rules.finding import cannot_tell
from scripts.lab.measure import in_lines
from scripts.lab.terminal import PROGRAM

T = TypeVar("T")
# As scripts/cluster/lib.sh has them.
CLUSTER: Final = "canary-cluster"
CONTEXT: Final = f"kind-{CLUSTER}"
NAMESPACE: Final = "canary-rollout"
KUBECTL: Final = f"kubectl --context {CONTEXT} --namespace {NAMESPACE}"
SERVICE_NODE_PORT: Final = 30190
# A check ends within 15 seconds, where the cluster does not answer, too; a start within a minute.
ANSWER_SECONDS: Final = 5
START_SECONDS: Final = 120
NO_CLUSTER: Final = Message(
    "`make cluster-up` makes the cluster, and `make doctor` lists what this machine lacks for it"
)
# Enough connections a second for a verdict within half a minute, and few enough for a laptop.
LOAD: Final = ("locust", "--headless", "-u", "10", "-r", "10", "--max-rate", "100")
# What a command raises that fails, or that is not there.
ERRORS: Final = (subprocess.SubprocessError, OSError)


class ClusterBench(Desk):
    """What a step of the cluster works with."""

    # The port of the node by which this machine reaches the service.
    node_port: ClassVar[int] = SERVICE_NODE_PORT
    # The limit of each command that makes a beginning.
    start_seconds: ClassVar[float] = START_SECONDS

    def url(self) -> str:
        """Return where this machine reaches the service.

        Raises:
            CourseError: there is no such cluster.
        """
        try:
            shown = output("docker", "port", f"{CLUSTER}-control-plane", f"{self.node_port}/tcp")
        except ERRORS as error:
            raise CourseError(
                Message(
                    "the cluster {cluster} does not run here: {no_cluster} ({said})",
                    cluster=CLUSTER,
                    no_cluster=NO_CLUSTER,
                    said=last_words(error),
                )
            ) from error
        return f"http://127.0.0.1:{shown.split()[0].rpartition(':')[2]}"

    def make(self, *commands: str) -> None:
        """Run commands that make a step's beginning, without their output; each is a line of words.

        Raises:
            CourseError: one of them failed.
        """
        for line in commands:
            try:
                output(*line.split(), seconds=self.start_seconds)
            except ERRORS as error:
                raise CourseError(
                    Message("this step's beginning was not made: {line}\n  {said}", line=line, said=last_words(error))
                ) from error

    def fresh(self, kustomization: str) -> None:
        """Have new pods of a version, and nothing left of a Deployment before."""
        self.url()
        self.make(
            f"{KUBECTL} delete deployment/micro-api --ignore-not-found",
            f"{KUBECTL} apply --filename k8s/namespace.yaml",
            f"{KUBECTL} apply --kustomize {kustomization}",
            f"{KUBECTL} apply --filename k8s/node-port.yaml",
            f"{KUBECTL} rollout status deployment/micro-api --timeout=100s",
        )

    def deployed(self) -> Deployed | None:
        """Return what the cluster runs, None where the Deployment is gone.

        Raises:
            CannotTellError: the cluster does not answer.
        """
        command = f"{KUBECTL} get deployments,replicasets,pods --selector app=micro-api --output json"
        return self.seen(command, lambda content: objects.deployed(content["items"]))

    def seen(self, command: str, read: Callable[[Any], T], seconds: float = ANSWER_SECONDS) -> T:
        """Return what is read from the JSON that a command prints.

        Args:
            command: a line of words.
            read: reads it.
            seconds: how long the command may take.

        Raises:
            CannotTellError: the cluster does not answer, or says something else.
        """
        try:
            return read(json.loads(output(*command.split(), seconds=seconds)))
        except (*ERRORS, ValueError, LookupError) as error:
            raise CannotTellError(
                cannot_tell(
                    "no_cluster",
                    Message("the cluster does not answer: {said}.", said=last_words(error)),
                    Message("{no_cluster}.", no_cluster=NO_CLUSTER),
                )
            ) from error

    def missing(self, deployment: str, namespace: str) -> str:
        """Return what is said where the cluster has no such Deployment, or does not answer; "" where it has it."""
        try:
            output(*f"kubectl --context {CONTEXT} get deployment/{deployment} --namespace {namespace}".split())
        except ERRORS as error:
            return last_words(error)
        return ""

    def type(self, *argv: str) -> int:
        """Print a command, run it, and return its exit code."""
        print(in_lines(argv), flush=True)
        return subprocess.run(argv, cwd=REPOSITORY, check=False).returncode  # noqa: S603 - as the text has it

    def load(self, *options: str) -> tuple[str, ...]:
        """Return a command of this Python that runs the load test at the service."""
        return (os.path.relpath(REPOSITORY / "loadtest"), *LOAD, "--host", self.attempt.url, *options)

    def measure(self, file: str, *options: str) -> int:
        """Print the load test's command, run it with its verdict in a file of the step's folder, return its code."""
        argv = self.load(*options, *self.into(file))
        print(in_lines([PROGRAM.split()[0], *argv]), flush=True)
        return subprocess.run([sys.executable, *argv], check=False).returncode  # noqa: S603 - the project's

    def until(self, tag: str, count: int) -> bool:
        """Wait until a number of pods of a version is ready; return whether that was reached."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            found = self.deployed()
            if found and len(found.ready(tag)) >= count:
                return True
            time.sleep(1)
        return False


def output(*argv: str, seconds: float = ANSWER_SECONDS) -> str:
    """Return what a command prints; raises one of `ERRORS` where it fails or takes too long."""
    done = subprocess.run(  # noqa: S603 - the project's own commands, without a shell
        argv, cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL
    )
    return done.stdout


def last_words(error: BaseException) -> str:
    """Return the last line of what a command said, or how it failed."""
    said = str(getattr(error, "stderr", "") or "").strip().splitlines()
    return said[-1] if said else str(error)
