"""The image of the translation, which Compose runs before Envoy: what it says of itself, and what it does without."""

import docker
import pytest

from tests.images.containers import VERSIONS, container, exit_code, output

pytestmark = pytest.mark.docker

RENDER = f"canary-render:{VERSIONS['LOADTEST_VERSION']}"
# The environment's Python and the base image's own.
INTERPRETERS = ["python", "/usr/local/bin/python"]


def test_the_labels_say_what_it_is(engine: docker.DockerClient) -> None:
    """Title, version and licence are in its labels, with the revision that the service's image has, and no root."""
    image = engine.images.get(RENDER)
    shown = {name: image.labels[f"org.opencontainers.image.{name}"] for name in ("title", "version", "licenses")}
    assert shown == {"title": "canary-render", "version": VERSIONS["LOADTEST_VERSION"], "licenses": "MIT"}
    revision = "org.opencontainers.image.revision"
    assert image.labels[revision] == engine.images.get("micro-api:1.1-SNAPSHOT").labels[revision]
    assert image.attrs["Config"]["User"] == "10001:10001"


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_it_cannot_install_anything(engine: docker.DockerClient, interpreter: str) -> None:
    """Neither Python has pip."""
    script = "import importlib.util, shutil; print(importlib.util.find_spec('pip'), shutil.which('pip'))"
    with container(engine, RENDER, "-c", script, entrypoint=interpreter) as ended:
        assert (exit_code(ended), output(ended)) == (0, "None None\n")
