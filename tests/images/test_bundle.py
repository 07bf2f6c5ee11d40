"""A room without a network: what one machine packs, a fresh folder installs without a package index, and it works."""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.images.containers import LOAD_TEST, VERSIONS
from tests.support import processes
from tests.support.repository import ROOT, copy_to

pytestmark = pytest.mark.docker

TIMEOUT_SECONDS = 600
REMOVED = "micro-api:1.0-SNAPSHOT"
IMAGES = {
    REMOVED,
    "micro-api:1.1-SNAPSHOT",
    "micro-api:1.3-SNAPSHOT",
    "canary-render:1.0",
    LOAD_TEST,
    f"envoyproxy/envoy:v{VERSIONS['ENVOY_VERSION']}",
    f"prom/prometheus:v{VERSIONS['PROMETHEUS_VERSION']}",
    f"kindest/node:v{VERSIONS['KUBERNETES_VERSION']}",
    *(name.removeprefix("docker.io/") for name in processes.run("scripts/mesh/images.sh").stdout.split()),
}
# An address at which nothing listens, no second one, and nothing kept from before.
WITHOUT_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "0",
}


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without variables of pip or make other than those that a test sets."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    return subprocess.run(
        command,
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def fresh_copy(folder: Path) -> Path:
    """Copy the repository's own files into a commit of their own, and return the folder."""
    copy_to(folder)
    for command in ("init", "add .", "-c user.name=test -c user.email=test@example.com commit --message=all"):
        committed = run(folder, "git", *command.split())
        assert committed.returncode == 0, committed.stderr
    return folder


@dataclass(frozen=True)
class Room:
    """Where a bundle was installed.

    Attributes:
        folder: the copy of the repository.
        bundle: the file.
        image_id: of the image that was taken away in between, as it was before.
    """

    folder: Path
    bundle: Path
    image_id: str


@pytest.fixture(scope="module")
def room(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Pack, take an image away, and install in a clone without an index."""
    bundle = tmp_path_factory.mktemp("stick") / "lab.tar"
    packing = fresh_copy(tmp_path_factory.mktemp("packing"))
    (packing / ".venv").symlink_to(ROOT / ".venv")
    # With the variables of this machine, which may name an index of its own.
    packed = subprocess.run(
        ["scripts/setup/bundle.sh", "pack", str(bundle)],
        cwd=packing,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert packed.returncode == 0, packed.stderr
    image_id = str(engine.images.get(REMOVED).id)
    engine.images.remove(REMOVED, force=True)
    folder = tmp_path_factory.mktemp("room")
    cloned = run(packing, "git", "clone", "--quiet", str(packing), str(folder))
    assert cloned.returncode == 0, cloned.stderr
    installed = run(folder, "scripts/setup/bundle.sh", "install", str(bundle), **WITHOUT_INDEX)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    yield Room(folder, bundle, image_id)
    bundle.unlink()  # gigabytes, which pytest would keep for three runs
    # The other tests look for the repository's own revision.
    subprocess.run(["scripts/cluster/build-images.sh", "--quiet"], cwd=ROOT, check=True, capture_output=True)


def test_without_the_bundle_there_is_no_lab(tmp_path: Path) -> None:
    """The address is dead indeed: what the other tests install came from the bundle."""
    made = run(fresh_copy(tmp_path), "make", "install", **WITHOUT_INDEX)
    assert made.returncode == 2
    assert "No matching distribution" in made.stderr


def test_the_lab_runs(room: Room) -> None:
    """`make lab` needs no index any more, and ends with its verdict."""
    made = run(room.folder, "make", "lab", PIP_NO_INDEX="1", LOCUST_ALPHA_STOP="1e-6", **WITHOUT_INDEX)
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.count("CONFIRMED") == 2


def test_the_test_tools_are_there(room: Room) -> None:
    """`make lint` needs no index either: the wheels of the tests were in the bundle."""
    made = run(room.folder, "make", ".venv/.test", **WITHOUT_INDEX)
    assert (made.returncode, made.stdout) == (0, "make: '.venv/.test' is up to date.\n")
    assert run(room.folder, ".venv/bin/ruff", "--version").returncode == 0


def test_the_image_is_back(room: Room, engine: docker.DockerClient) -> None:
    """What was taken away is in the engine again, the same to the bit."""
    assert engine.images.get(REMOVED).id == room.image_id


def test_no_image_has_to_be_built(room: Room) -> None:
    """What `make cluster-up` runs finds all images of the clone's commit, and asks no index for anything."""
    built = run(room.folder, "scripts/cluster/build-images.sh", "--missing", "--no-cache", **WITHOUT_INDEX)
    assert built.returncode == 0, built.stderr
    assert "docker build" not in built.stdout
    assert built.stdout.count("exists already") == 5


def test_all_images_are_packed(room: Room) -> None:
    """The bundle has every image that Compose and the cluster start, and no other."""
    with tarfile.open(room.bundle) as bundle:
        inner = bundle.extractfile("images.tar")
        with tarfile.open(fileobj=inner) as images:
            manifest = images.extractfile("manifest.json")
            assert manifest is not None
            text = manifest.read().decode()
    assert {name for name in IMAGES if f'"{name}"' in text} == IMAGES
    assert text.count('"Config"') == len(IMAGES)


def test_the_tools_are_listed_with_their_versions(room: Room) -> None:
    """tools.txt names each program that has to be brought along, in the version of versions.env."""
    with tarfile.open(room.bundle) as bundle:
        listed = bundle.extractfile("tools.txt")
        assert listed is not None
        text = listed.read().decode()
    for name, version in (("kubectl ", "KUBERNETES"), ("istioctl ", "ISTIO"), ("kind >= ", "LEAST_KIND")):
        assert f"{name}{VERSIONS[f'{version}_VERSION']} " in text
