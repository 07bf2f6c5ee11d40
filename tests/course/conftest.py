"""Learners for tests: one with a copy of the repository, in which the commands of the texts are typed as they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.course.learner import Learner
from tests.support.repository import ROOT, copy_to


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    """Give a learner named Ada who has begun nothing; her lab is stopped at the end."""
    copy_to(tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    ada = Learner(tmp_path)
    yield ada
    assert ada.lab("down").returncode == 0
