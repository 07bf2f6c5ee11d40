"""Each YAML file opens with what it shows and the command that applies it, and the README of its folder names it."""

import re
from pathlib import PurePosixPath

import pytest

from tests.manifests.files import CLUSTER, FILES, KUSTOMIZATIONS, header
from tests.support.repository import ROOT, text_of

COLUMNS = 80
COMMAND = re.compile(r"#   (?:docker|istioctl|kubectl|promtool|scripts/[-\w/]+\.sh|\.venv/bin/python)(?: |$)")
PATH = re.compile(r"(?<![-\w./])(?:istio|k8s|loadtest|monitoring|scripts|services)/[-\w./]*\w")


@pytest.mark.parametrize("path", [*FILES, CLUSTER])
def test_a_file_opens_with_what_it_shows_and_its_command(path: str) -> None:
    """The comment has a sentence and a command that one can type, in lines of at most 80 columns."""
    lines = header(path)
    assert re.match(r"# \S", lines[0])
    assert any(COMMAND.match(line) for line in lines)
    assert [line for line in lines if not line.startswith("#") or len(line) > COLUMNS] == []


@pytest.mark.parametrize("path", [*FILES, CLUSTER])
def test_a_header_names_what_exists(path: str) -> None:
    """Each path of the repository in a header is a file or a folder."""
    assert [name for name in PATH.findall("\n".join(header(path))) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", FILES)
def test_the_readme_names_every_file(path: str) -> None:
    """A row or a sentence of the nearest README has the file's path, or its folder and its name.

    A kustomization is named by its folder, or by the one above.
    """
    folder, _, name = path.partition("/")
    below = PurePosixPath(name)
    text = re.sub(r"(\w)\n(\w)", r"\1 \2", text_of(f"{folder}/README.md"))
    if path in KUSTOMIZATIONS:
        assert any(f"{parent}/" in text for parent in below.parents[:-1])
    elif len(below.parts) == 1:
        assert str(below) in text
    else:
        assert str(below) in text or any(f"{below.parent}/" in line and below.name in line for line in text.split("\n"))


@pytest.mark.parametrize("folder", ["istio", "k8s", "monitoring"])
def test_a_readme_names_no_file_that_is_missing(folder: str) -> None:
    """Each YAML file in a README is one of its folder, or below."""
    names = set(re.findall(r"`(?:\.\./)*([-\w/]+\.ya?ml)`", text_of(f"{folder}/README.md")))
    assert {name for name in names if not any(path.endswith(f"/{name}") for path in FILES)} == set()
