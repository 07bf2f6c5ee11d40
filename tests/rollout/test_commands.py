"""A rollout by two commands of somebody's own: what they get, and what is said where they fail."""

import json
import sys
from pathlib import Path

import pytest

from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from canary_loadtest.gate import probe
from scripts.rollout.__main__ import main
from scripts.rollout.commands import CommandMachine
from scripts.rollout.engine import Step
from scripts.rollout.file import RolloutFile
from scripts.rollout.rules.record import RolloutError
from tests.loadtest.server import serving
from tests.loadtest.traffic import Handler, split
from tests.support.processes import run

LOAD_TEST = """\
import json, sys
words = sys.argv[1:]
verdict, weight = words[words.index("--verdict-json") + 1], words[words.index("--expect-canary") + 1]
json.dump({"reason": f"{weight} %: {' '.join(words)}"}, open(verdict, "w"))
sys.exit({"50": CODE}.get(weight, 0))
"""


def load_test(folder: Path, code: int = 0) -> list[str]:
    """Return the command of a load test that ends with a code at 50 %, and as CONFIRMED at any other weight."""
    file = folder / "load_test.py"
    file.write_text(LOAD_TEST.replace("CODE", str(code)), encoding="utf-8")
    return [sys.executable, str(file)]


def machine(folder: Path, code: int = 0) -> CommandMachine:
    """Return what is moved by commands that note the weight in a file."""
    note = ["sh", "-c", 'echo "{weight} {route}" >> "$0"', str(folder / "weights")]
    return CommandMachine(note, load_test(folder, code), "http://127.0.0.1:1")


def test_a_weight_is_set_by_the_command(tmp_path: Path) -> None:
    """Weight and route are filled in, without a shell of ours between."""
    machine(tmp_path).set_weight(12.5, "87.5-12.5")
    assert (tmp_path / "weights").read_text(encoding="utf-8") == "12.5 87.5-12.5\n"


@pytest.mark.parametrize(("outcome", "code"), EXIT_CODES.items())
def test_the_load_test_gets_the_step(tmp_path: Path, code: int, outcome: Outcome) -> None:
    """Its exit code is the outcome, and its reason what the verdict file says."""
    step = Step(50, 100, 2, "50-50", "counts.json", ("--max-slowdown", "2"))
    found = machine(tmp_path, code).measure(step)
    assert found.outcome is outcome
    assert "--expect-canary 50 --route 50-50 --next-weight 100 --release counts.json --release-steps 2" in found.reason
    assert "--max-slowdown 2 --verdict-json" in found.reason


@pytest.mark.parametrize("code", [1, 2, 130])
def test_any_other_exit_code_is_no_verdict(tmp_path: Path, code: int) -> None:
    """The message has the command, so that it can be typed."""
    with pytest.raises(RolloutError, match=f"no verdict, exit code {code}, from:\n"):
        machine(tmp_path, code).measure(Step(50, 100, 1, "50-50", "counts.json", ()))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["sh", "-c", "echo no access >&2; exit 3"], "the weight was not set, exit code 3:"),
        (["no-such"], "no-such: No such file"),
    ],
)
def test_a_weight_that_is_not_set_is_an_error(command: list[str], said: str) -> None:
    """It says what the command said."""
    with pytest.raises(RolloutError, match=said):
        CommandMachine(command, [], "").set_weight(10, "90-10")


@pytest.mark.parametrize(("handler", "label"), [(split(0), STABLE), (split(10), CANARY)])
def test_an_answer_of_the_proof_has_its_label(handler: Handler, label: str) -> None:
    """By the contract of micro-api."""
    with serving(handler) as server:
        assert probe.ask(server.url, "micro-api").label == label
        assert "Host: micro-api" in server.heads[0]


def test_no_answer_is_an_error_of_no_version() -> None:
    """Nothing listens there."""
    found = probe.ask("http://127.0.0.1:1")
    assert (found.label, found.destination) == ("connection_error", "")


def typed(folder: Path, url: str, code: int = 0) -> list[str]:
    """Return the arguments of `python -m scripts.rollout`."""
    given = machine(folder, code)
    return [
        *("--steps", "50", "--settle", "0", "--record", str(folder / "rollout.json"), "--url", url),
        *("--set-weight", f"sh -c 'echo {{weight}} >> {folder}/weights'"),
        *("--load-test", " ".join(given.load_test_command)),
    ]


@pytest.mark.parametrize(
    ("canary_of_ten", "code", "exit_code", "weights"),
    [(0, 0, 0, "0 50 100"), (0, 10, 10, "0 50 0"), (5, 10, 12, "0 50 0"), (0, 11, 11, "0 50"), (0, 2, 1, "0 50")],
    ids=["released", "rolled back", "leaking", "held", "no verdict"],
)
def test_the_command_line_ends_as_its_help_says(
    tmp_path: Path, canary_of_ten: int, code: int, exit_code: int, weights: str
) -> None:
    """Each exit code, with the weights that were set on the way."""
    with serving(split(canary_of_ten)) as server:
        assert main(typed(tmp_path, server.url, code)) == exit_code
    assert " ".join((tmp_path / "weights").read_text(encoding="utf-8").split()) == weights
    assert json.loads((tmp_path / "rollout.json").read_text(encoding="utf-8"))["weights_percent"] == [50, 100]


def test_a_second_rollout_at_the_same_time_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The record belongs to one of them."""
    with serving(split(0)) as server, RolloutFile(tmp_path / "rollout.json").lock():
        assert main(typed(tmp_path, server.url)) == 1
    assert "a rollout runs, or the load test that it has started" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()


def test_counts_of_something_else_are_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another image at the same address is another release; so is one with other variables of the load test."""
    with serving(split(0)) as server:
        assert main([*typed(tmp_path, server.url, 11), "--subject", "image 1.3"]) == 11
        before = (tmp_path / "rollout.json").read_text(encoding="utf-8")
        assert main([*typed(tmp_path, server.url), "--subject", "image 1.4"]) == 1
        said = capsys.readouterr().err
        assert "is at 50 % of a rollout of image 1.3, and this is image 1.4: begin another one" in said
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOCUST_ONLY_SPLIT", "true")
            assert main([*typed(tmp_path, server.url), "--subject", "image 1.3"]) == 1
        assert "a rollout with other steps or options" in capsys.readouterr().err
        assert (tmp_path / "rollout.json").read_text(encoding="utf-8") == before
        assert main([*typed(tmp_path, server.url), "--subject", "image 1.3"]) == 0


def test_a_record_of_something_else_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is something else is not overwritten."""
    file = tmp_path / "rollout.json"
    file.write_text("{}", encoding="utf-8")
    assert main(typed(tmp_path, "http://127.0.0.1:1")) == 1
    assert "it is not the record of a rollout" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "{}"


def test_the_help_fits_a_terminal() -> None:
    """With its examples and all exit codes."""
    done = run(sys.executable, "-m", "scripts.rollout", "--help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
