"""Each file under k8s/ and in the folders of istio/ is a lesson, complete, and one that the API server accepts."""

import re
from pathlib import PurePosixPath

import jsonschema
import pytest

from tests.manifests import istio, k8s
from tests.manifests.k8s import header, listed, resource, resources
from tests.manifests.schemas import validate
from tests.support.repository import ROOT

COMMAND = re.compile(r"^  (?:kubectl|istioctl|scripts/[\w-]+\.sh)(?: |$)")
HEADED = (*k8s.HEADED, *istio.FILES)
KUSTOMIZATIONS = (*k8s.KUSTOMIZATIONS, *istio.KUSTOMIZATIONS)
RESOURCES = (*k8s.RESOURCES, *istio.RESOURCES)
ALONE = {"istio/workloads/namespace.yaml"}  # made before what its folder's kustomization puts into it


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
        for name in re.findall(r"(?:istio|k8s|scripts)/[-\w./]+", line):
            assert (ROOT / name).exists(), line


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_a_kustomization_builds_on_all_of_its_folder_and_on_nothing_that_is_missing(path: str) -> None:
    """What it lists exists, and no file beside it is left out."""
    folder = PurePosixPath(path).parent
    names = listed(resource(path))
    assert {name for name in names if not (ROOT / folder / name).exists()} == set()
    beside = {str(folder / file.name) for file in (ROOT / folder).glob("*.yaml")} - {path} - ALONE
    assert beside <= {str(folder / name) for name in names}


@pytest.mark.parametrize("path", RESOURCES)
def test_each_manifest_is_what_its_kind_allows(path: str) -> None:
    """The API server would accept the file strictly: no unknown field, no wrong type."""
    for manifest in resources(path):
        validate(manifest)


@pytest.mark.parametrize("path", RESOURCES)
def test_the_schemas_refuse_a_misspelt_field(path: str) -> None:
    """The check can fail: one more field is refused, in the spec and in the metadata."""
    for manifest in resources(path):
        for place in (manifest.get("spec", manifest), manifest["metadata"]):
            place["nmae"] = "micro-api"
            with pytest.raises(jsonschema.ValidationError, match="nmae"):
                validate(manifest)
            del place["nmae"]
