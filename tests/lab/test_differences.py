"""What the lab refuses although Istio accepts it is in its README, and is refused for the given reason."""

import re
from typing import Final

import pytest

from scripts.lab.translation.manifests import ManifestError, parse
from tests.lab.differences import DIFFERENCES, Difference
from tests.support.repository import text_of

HEADING: Final = "**Refused although Istio accepts it**"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
def test_the_lab_refuses_each_listed_difference(difference: Difference) -> None:
    """Every example is refused with the message of its difference."""
    for document in difference.documents():
        with pytest.raises(ManifestError, match=difference.refusal):
            parse(document, "a.yaml")


def test_the_readme_lists_the_differences() -> None:
    """The table in the lab's README has a row for each, in the same order, with a reason."""
    _, found, rest = text_of("scripts/lab/README.md").partition(HEADING)
    assert found
    rows = re.findall(r"^\| (.+) \| (.+) \|$", rest.split("\n**")[0], re.MULTILINE)
    assert [what for what, _ in rows[1:]] == [difference.what for difference in DIFFERENCES]
