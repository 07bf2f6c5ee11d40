"""The files under k8s/ are a lesson each, complete, and in an order that leads through all of them."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.k8s.manifests import HEADED, K8S, KUSTOMIZATIONS, ROOT, resource, resources, text_of

COMMAND = re.compile(r"^  (?:kubectl|scripts/[\w-]+\.sh)(?: |$)")


def header(path: str) -> list[str]:
    """Return the lines of the comment that a file opens with, their marks removed."""
    comment, separator, _ = text_of(path).partition("\n---\n")
    assert separator
    lines = comment.split("\n")
    assert all(line.startswith("#") for line in lines)
    return [line.removeprefix("#").removeprefix(" ") for line in lines]


def listed(kustomization: dict[str, Any]) -> set[str]:
    """Return what a kustomization builds on, as written in it."""
    patches = {patch["path"] for patch in kustomization.get("patches", ()) if "path" in patch}
    return {*kustomization.get("resources", ()), *kustomization.get("components", ()), *patches}


@pytest.mark.parametrize("path", HEADED)
def test_a_file_opens_with_what_it_shows_its_command_and_what_comes_next(path: str) -> None:
    """The header has a sentence, a command that one can type, and a next file that exists."""
    lines = header(path)
    assert lines[0].strip()
    assert any(COMMAND.match(line) for line in lines)
    following = re.search(r"^Next: ([-\w/]+\.(?:yaml|md))\.$", "\n".join(lines), re.MULTILINE)
    assert following
    assert following[1] != path
    assert (ROOT / following[1]).is_file()


@pytest.mark.parametrize("path", HEADED)
def test_a_command_names_what_exists(path: str) -> None:
    """Each path in a header's commands is a file or folder of the repository."""
    for line in filter(COMMAND.match, header(path)):
        for name in re.findall(r"(?:k8s|scripts)/[-\w./]+", line):
            assert (ROOT / name).exists(), line


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_a_kustomization_builds_on_all_of_its_folder_and_on_nothing_that_is_missing(path: str) -> None:
    """What it lists exists, and no file beside it is left out."""
    folder = ROOT / PurePosixPath(path).parent
    names = listed(resource(path))
    assert {name for name in names if not (folder / name).exists()} == set()
    assert {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"} <= names


def test_the_reading_order_reaches_every_file() -> None:
    """From the cluster on, "Next" and what a kustomization lists lead through k8s/; options and article begin anew."""
    waiting = ["scripts/kind.yaml", "k8s/with-options/kustomization.yaml", "k8s/article/micro-api.yaml"]
    seen = set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.endswith(".yaml"):
            continue
        seen.add(path)
        waiting += re.findall(r"^Next: (\S+\.yaml)\.$", "\n".join(header(path)), re.MULTILINE)
        if path in KUSTOMIZATIONS:
            waiting += [f"{PurePosixPath(path).parent}/{name}" for name in listed(resource(path))]
    assert set(K8S) <= seen


@pytest.mark.parametrize("path", K8S)
def test_a_file_fits_in_any_namespace(path: str) -> None:
    """No object names a namespace, so that it goes where its reader's context points."""
    assert all("namespace" not in one.get("metadata", {}) for one in resources(path))
