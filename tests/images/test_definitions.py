"""What the definitions of the images say, without building them: exact versions, one source, nothing leaked."""

import pytest
import yaml

from tests.images.containers import LOAD_TEST, VERSIONS
from tests.support.repository import ROOT

DOCKERFILES = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("[!.]*/**/Dockerfile"))]


def lines(path: str, start: str) -> list[str]:
    """Return what follows a word at the start of a line of a Dockerfile."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)]


@pytest.mark.parametrize("path", DOCKERFILES)
def test_the_base_is_the_version_that_users_run(path: str) -> None:
    """Every stage builds on one argument, whose default is the exact tag of versions.env."""
    assert lines(path, "ARG BASE_IMAGE=") == [f"python:{VERSIONS['PYTHON_VERSION']}-slim"]
    assert lines(path, "FROM ") == ["${BASE_IMAGE} AS build", "${BASE_IMAGE}"]


@pytest.mark.parametrize("path", DOCKERFILES)
def test_the_package_index_stays_in_the_first_stage(path: str) -> None:
    """A mirror's address, maybe with a password, is not an argument of the stage that becomes the image."""
    text = (ROOT / path).read_text(encoding="utf-8")
    first, final = text.rsplit("\nFROM ", 1)
    assert "PIP_INDEX_URL" in first
    assert "PIP_INDEX_URL" not in final


@pytest.mark.parametrize("path", DOCKERFILES)
def test_only_what_is_named_reaches_the_builder(path: str) -> None:
    """The ignore file next to each Dockerfile begins with everything, so no stray file gets in."""
    ignored = (ROOT / path).with_name(".dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"


def test_compose_runs_what_the_rest_of_the_project_runs() -> None:
    """Every image in docker-compose.yml has the exact tag of versions.env, or one of the article's."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert {name: service["image"] for name, service in services.items()} == {
        "micro-api-v1": "micro-api:1.1-SNAPSHOT",
        "micro-api-v2": "micro-api:1.3-SNAPSHOT",
        "render": f"canary-render:{VERSIONS['LOADTEST_VERSION']}",
        "envoy": f"envoyproxy/envoy:v{VERSIONS['ENVOY_VERSION']}",
        "loadtest": LOAD_TEST,
        "prometheus": f"prom/prometheus:v{VERSIONS['PROMETHEUS_VERSION']}",
    }
    for name in ("loadtest", "render"):
        assert services[name]["build"]["args"]["VERSION"] == VERSIONS["LOADTEST_VERSION"]
