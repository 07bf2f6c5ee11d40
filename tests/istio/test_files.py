"""The files in the folders of istio/ are a lesson each, complete, and in an order that leads through all of them."""

import re
from pathlib import PurePosixPath

import pytest

from tests.istio.manifests import FILES, ISTIO_FILES, KUSTOMIZATIONS, OPERATOR, RESOURCES
from tests.k8s.manifests import ROOT, resource, resources, text_of
from tests.k8s.test_files import header, listed

COMMAND = re.compile(r"^  (?:kubectl|istioctl|scripts/[\w-]+\.sh)(?: |$)")
# Where one begins: Istio itself, then what only a mesh shows. In between stand the lab's own states.
BEGINNINGS = (OPERATOR, "istio/mesh/virtual-service-mirror.yaml")
# What belongs to a namespace of its own, and says so.
ELSEWHERE = ("istio/gateway-api/gateway.yaml",)


@pytest.mark.parametrize("path", FILES)
def test_a_file_opens_with_what_it_shows_its_command_and_what_comes_next(path: str) -> None:
    """The header has a sentence, a command that one can type, and a next file that exists."""
    lines = header(path)
    assert lines[0].strip()
    assert any(COMMAND.match(line) for line in lines)
    following = re.search(r"^Next: ([-\w/]+\.(?:yaml|md))\.$", "\n".join(lines), re.MULTILINE)
    assert following
    assert following[1] != path
    assert (ROOT / following[1]).is_file()


@pytest.mark.parametrize("path", FILES)
def test_a_command_names_what_exists(path: str) -> None:
    """Each path in a header's commands is a file or folder of the repository."""
    for line in filter(COMMAND.match, header(path)):
        for name in re.findall(r"(?:istio|k8s|scripts)/[-\w./]+", line):
            assert (ROOT / name).exists(), line


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_a_kustomization_builds_on_all_of_its_folder_and_on_nothing_that_is_missing(path: str) -> None:
    """What it lists exists, and no file beside it is left out, but for the namespace, which is made before."""
    folder = ROOT / PurePosixPath(path).parent
    names = listed(resource(path))
    assert {name for name in names if not (folder / name).exists()} == set()
    assert {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml", "namespace.yaml"} <= names


def test_the_reading_order_reaches_every_file() -> None:
    """From the beginnings on, "Next" and what a kustomization lists lead through all folders of istio/."""
    waiting = list(BEGINNINGS)
    seen = set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting += re.findall(r"^Next: (istio/\S+\.yaml)\.$", "\n".join(header(path)), re.MULTILINE)
        if path in KUSTOMIZATIONS:
            built_on = [PurePosixPath(path).parent / name for name in listed(resource(path)) if ".." not in name]
            waiting += [str(one if one.suffix else one / "kustomization.yaml") for one in built_on]
    assert set(FILES) <= seen


@pytest.mark.parametrize("path", RESOURCES)
def test_a_file_fits_in_any_namespace(path: str) -> None:
    """No object names a namespace, so that it goes where its reader's context points; one has to, for its address."""
    namespaces = {one["metadata"].get("namespace") for one in resources(path)}
    assert namespaces == ({"istio-system"} if path in ELSEWHERE else {None})


def test_the_readme_lists_every_file() -> None:
    """istio/README.md names each file but the kustomizations, whose folders it names, and none that is not there."""
    text = text_of("istio/README.md")
    named = set(re.findall(r"`([-\w/]+\.yaml)`", text))
    files = {path.removeprefix("istio/") for path in ISTIO_FILES if path not in KUSTOMIZATIONS}
    assert named == files
    folders = {path.split("/")[1] for path in FILES}
    assert set(re.findall(r"^\| `([-\w]+)/` \|", text, re.MULTILINE)) == folders
