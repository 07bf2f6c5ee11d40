"""The table of a room fits a terminal, and counts who is where."""

import json
from pathlib import Path
from unicodedata import east_asian_width

import pytest

from scripts.course.grade import main
from scripts.course.room import fitted, summary
from tests.course.hand_ins import STARTED_AT, hand_in

NAMES = ["Ada", "王小明", "Anne-Marie de la Fontaine-Montgomery", "欧阳娜娜" * 5, *map("Learner {}".format, range(16))]


def columns(line: str) -> int:
    """Return how many columns of a terminal a line takes."""
    return sum(2 if east_asian_width(one) in {"W", "F"} else 1 for one in line)


def test_a_room_of_twenty_fits_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each learner has a line, also with a name that is too long, and no line has more than 80 columns."""
    monkeypatch.chdir(tmp_path)
    files = [Path(f"{number:02}.json") for number, _ in enumerate(NAMES)]
    for number, (file, name) in enumerate(zip(files, NAMES, strict=True)):
        content = hand_in(name)
        for step in content["steps"].values():
            step["nonce"] += f"-{number}"
            step["done_at_seconds"] = STARTED_AT + 90 + 30 * number
        file.write_text(json.dumps(content), encoding="utf-8")
    assert main([*map(str, files)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("dddddddddddddd ")]) == len(NAMES)
    assert max(map(columns, lines)) <= 80
    assert lines[3].endswith("Anne-Marie de la…")
    assert "done by hand      " + 14 * "  20" in lines
    assert "median minutes    " + 14 * " 6.2" in lines


def test_one_learner_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learner's own table has no sums."""
    monkeypatch.chdir(tmp_path)
    Path("one.json").write_text(json.dumps(hand_in()), encoding="utf-8")
    assert main(["one.json"]) == 0
    assert "median" not in capsys.readouterr().out


def test_each_learner_is_counted_once_in_a_step() -> None:
    """By hand, by `solve`, open or not begun, and marked; a step that no one has done by hand has no median."""
    assert summary(["dds", "do-", "d!-"], [{0: 4.0, 1: 250.0}, {0: 7.0}, {0: 0.04}]) == [
        "STEP                 1   2   3",
        "done by hand         3   1   0",
        "done by solve        0   0   1",
        "open, not begun      0   1   2",
        "marked               0   1   0",
        "median minutes     4.0 250   -",
    ]


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [("Ada", 3, "Ada"), ("Adam", 3, "Ad…"), ("小明", 4, "小明"), ("王小明", 5, "王小…"), ("王小明", 4, "王…")],
)
def test_a_name_is_cut_at_a_whole_character(name: str, width: int, shown: str) -> None:
    """A wide character takes two columns."""
    assert fitted(name, width) == shown
