"""`lab check` next to `istioctl analyze`: what each of the two finds, as the table in the lab's README says."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.lab import corpus
from tests.lab.check_base import RIGHT, UNREADABLE, Case
from tests.lab.check_cases import CASES
from tests.lab.check_corpus import ISTIOCTL
from tests.support.processes import run

pytestmark = pytest.mark.e2e

CODE = re.compile(r"\[([A-Z]{3}\d{4})\]")
BROKEN_FILE = "could not be parsed"


def found_by_istioctl(text: str, folder: Path) -> set[str]:
    """Return the codes of what istioctl finds in a text, without a cluster, or that it cannot read it."""
    file = folder / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    done = run("istioctl", "analyze", "--use-kube=false", file)
    printed = done.stdout + done.stderr
    return set(CODE.findall(printed)) | ({UNREADABLE} if BROKEN_FILE in printed else set())


def test_istioctl_finds_nothing_in_the_right_manifests(tmp_path: Path) -> None:
    """Each code of another case comes from its fault."""
    assert found_by_istioctl(RIGHT, tmp_path) == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_istioctl_finds_what_the_table_says(case: Case, tmp_path: Path) -> None:
    """No more and no less, so that the comparison stays true with a new version of Istio."""
    assert found_by_istioctl(case.text, tmp_path) == set(case.istioctl)


def test_istioctl_finds_in_the_corpus_what_is_recorded(tmp_path: Path) -> None:
    """The table of the corpus in the lab's README is true; with UPDATE=1 the record is written again."""
    found = {str(number): sorted(found_by_istioctl(corpus.text(number), tmp_path)) for number in corpus.NUMBERS}
    found = {number: codes for number, codes in found.items() if codes}
    if os.environ.get("UPDATE"):
        lines = (f"{json.dumps(number)}: {json.dumps(codes)}" for number, codes in found.items())
        ISTIOCTL.write_text("{\n  " + ",\n  ".join(lines) + "\n}\n", encoding="utf-8")
    assert json.loads(ISTIOCTL.read_text(encoding="utf-8")) == found
