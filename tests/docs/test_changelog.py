"""The changelog is one of versions, and its newest is the one that the project calls itself."""

import re

from tests.support.repository import text_of, versions

HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))? - (\d{4}-\d\d-\d\d)")


def test_the_newest_version_is_that_of_versions_env() -> None:
    """What is not released comes first; then each version with its date, the newest first."""
    unreleased, *released = HEADING.findall(text_of("CHANGELOG.md"))
    assert unreleased == "Unreleased"
    found = [VERSION.fullmatch(one) for one in released]
    numbers = [tuple(int(part or 0) for part in one.groups()[:3]) for one in found if one]
    assert len(numbers) == len(released) > 0
    assert numbers == sorted(set(numbers), reverse=True)
    assert released[0].startswith(f"{versions()['LOADTEST_VERSION']} - ")
