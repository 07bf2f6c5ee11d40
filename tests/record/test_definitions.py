"""Reading resource definitions: what is wrong with a file is said in a line."""

from pathlib import Path

import pytest

from scripts.record.definitions import definitions

WRONG = {
    "no YAML": (b"kind: [", "is no YAML: while parsing"),
    "not UTF-8": (b"\xff", "it is not UTF-8"),
    "no definition in it": (b"kind: Service\n--- text\n", "no definition of Rollout: name the release's install.yaml"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_file_is_named(tmp_path: Path, fault: str) -> None:
    """Without a traceback."""
    content, expected = WRONG[fault]
    file = tmp_path / "install.yaml"
    file.write_bytes(content)
    with pytest.raises(SystemExit, match=expected):
        definitions([file], ["Rollout"], "record", "the release's install.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Without a traceback."""
    with pytest.raises(SystemExit, match=r"install\.yaml: No such file or directory"):
        definitions([tmp_path / "install.yaml"], ["Rollout"], "record", "the release's install.yaml")
