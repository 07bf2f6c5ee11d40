"""A room without a network: what one machine packs, another follows to the end, to Istio and the release engines."""

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.cluster import ALPHA_STOP, tried_again
from tests.e2e.machine import COMMAND_SECONDS, Machine, machine_without_a_network
from tests.support import processes
from tests.support.repository import ROOT, copy_to, versions

pytestmark = pytest.mark.offline

VERSIONS = versions()
IMAGES = {
    *("micro-api:1.0-SNAPSHOT", "micro-api:1.1-SNAPSHOT", "micro-api:1.3-SNAPSHOT"),
    *(f"canary-{part}:{VERSIONS['LOADTEST_VERSION']}" for part in ("loadtest", "render")),
    f"envoyproxy/envoy:v{VERSIONS['ENVOY_VERSION']}",
    f"prom/prometheus:v{VERSIONS['PROMETHEUS_VERSION']}",
    f"kindest/node:v{VERSIONS['KUBERNETES_VERSION']}",
    f"quay.io/argoproj/argo-rollouts:v{VERSIONS['ARGO_ROLLOUTS_VERSION']}",
    f"ghcr.io/fluxcd/flagger:{VERSIONS['FLAGGER_VERSION']}",
    *(name.removeprefix("docker.io/") for name in processes.run("scripts/mesh/images.sh").stdout.split()),
}
NEXT = re.compile(r"^Next, without a network:\n((?:  .*\n)+)", re.MULTILINE)
SURE = {"LOCUST_ALPHA_STOP": f"{ALPHA_STOP:.6f}"}
NODE_IMAGES = "docker exec canary-cluster-control-plane ctr --namespace k8s.io images"


@dataclass(frozen=True)
class Room:
    """Where a bundle is installed.

    Attributes:
        machine: without a network.
        folder: the clone of the repository, in the same revision as was packed.
        bundle: the file.
    """

    machine: Machine
    folder: Path
    bundle: Path

    def call(self, command: str, **environment: str) -> str:
        """Return what a line of bash prints in the clone; raises AssertionError where it fails."""
        run = partial(self.machine.run, command, self.folder, **SURE, **environment)
        done = tried_again(run) if "cluster-up" in command else run()
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout


def checked(*command: str, cwd: Path) -> None:
    """Run a command on the machine that packs, with the variables of its user, who may have an index of their own."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A bundle that was packed from one clone, and another clone on a machine that has nothing else."""
    bundle = tmp_path_factory.mktemp("stick") / "lab.tar"
    packing, folder = (tmp_path_factory.mktemp(name) for name in ("packing", "room"))
    copy_to(packing)
    for command in ("init", "add .", "-c user.name=test -c user.email=test@example.com commit --message=all"):
        checked("git", *command.split(), cwd=packing)
    checked("git", "clone", "--quiet", str(packing), str(folder), cwd=packing)
    (packing / ".venv").symlink_to(ROOT / ".venv")
    checked("scripts/setup/bundle.sh", "pack", "--engines", str(bundle), cwd=packing)
    try:
        with machine_without_a_network(tmp_path_factory.mktemp("machine")) as machine:
            yield Room(machine, folder, bundle)
    finally:
        bundle.unlink()  # gigabytes, which pytest would keep for three runs


def test_nothing_leads_out_of_the_machine(room: Room) -> None:
    """It has no route to another one, the engine is empty, and the lab cannot be installed."""
    assert room.call("ip route show default; docker images --quiet") == ""
    made = room.machine.run("make install", room.folder, PIP_RETRIES="0")
    assert made.returncode == 2
    assert "No matching distribution" in made.stdout
    assert "without a network, bring a bundle: scripts/setup/bundle.sh --help" in made.stdout


def test_the_bundle_names_what_has_to_be_brought_along(room: Room) -> None:
    """tools.txt has each program in the version of versions.env, and lacks none of the images."""
    with tarfile.open(room.bundle) as bundle:
        listed = bundle.extractfile("tools.txt")
        assert listed is not None
        text = listed.read().decode()
    for name, version in (("kubectl ", "KUBERNETES"), ("istioctl ", "ISTIO"), ("kind >= ", "LEAST_KIND")):
        assert f"{name}{VERSIONS[f'{version}_VERSION']} " in text
    assert "not possible" not in text


def test_what_is_printed_works_without_a_network(room: Room) -> None:
    """Each command that the installation ends with, from the lab to the release engines; nothing is built or pulled."""
    python = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    found = NEXT.search(room.call(f"scripts/setup/bundle.sh install {room.bundle}", PYTHON=python))
    assert found
    assert set(room.call("docker images --format '{{.Repository}}:{{.Tag}}'").split()) == IMAGES
    printed = {}
    for command in found[1].splitlines():
        if "--istio" in command:
            without_istio_and_engines(room)
        printed[command.strip()] = room.call(command)
    assert printed["make lab"].count("CONFIRMED") == 2
    built = printed[f"NODE_IMAGE=kindest/node:v{VERSIONS['KUBERNETES_VERSION']} make cluster-up"]
    assert "docker build" not in built
    assert built.count("exists already") == 5
    for name, command in zip(("argo-rollouts", "flagger"), list(printed)[-2:], strict=True):
        assert f'deployment "{name}" successfully rolled out' in printed[command]


def without_istio_and_engines(room: Room) -> None:
    """Remove their images from the node: a stand-in for its image brings them, and the published one does not."""
    theirs = f"{NODE_IMAGES} ls -q | grep -E 'istio|argo-rollouts|flagger'"
    room.call(f"for image in $({theirs}); do {NODE_IMAGES} rm $image; done")
    assert room.machine.run(theirs, room.folder).stdout == ""


@pytest.mark.parametrize("state", ["70-30", "0-100"])
def test_a_declared_split_is_confirmed_there(room: Room, state: str) -> None:
    """The mesh applies the weights, and the load test inside it says so."""
    assert f"# {state}: served for good" in room.call(f"scripts/mesh/set-state.sh {state}")
    assert "\nverdict:  CONFIRMED" in room.call("scripts/mesh/measure.sh")


def test_the_tests_can_be_run_there(room: Room) -> None:
    """The wheels of the tests' tools were in the bundle: make installs nothing, and what it has installed runs."""
    assert room.call("make .venv/.test") == "make: '.venv/.test' is up to date.\n"
    assert room.call(".venv/bin/pytest -q tests/setup/test_bundle.py")


def test_all_of_it_is_removed(room: Room) -> None:
    """What Compose and kind have started is ended by one command each."""
    room.call("docker compose down --volumes; make cluster-down")
    assert room.call("docker ps --all --quiet") == ""
