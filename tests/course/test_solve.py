"""The solutions go on only while the commands end as they should."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.course.bench import RULE, Bench
from scripts.course.rules.mystery import fault_of
from scripts.course.rules.order_and_names import CAUSE as CAUSE_OF_404
from scripts.course.rules.personal import own_percent
from scripts.course.rules.whose_errors import CAUSE as CAUSE_OF_503
from scripts.course.state import Attempt, CourseFolder
from scripts.course.steps import (
    for_testers_only,
    mystery,
    order_and_names,
    shift_under_load,
    stop_or_go,
    ten_calls,
    three_answers,
    whose_errors,
    write_a_state,
)
from scripts.lab.control import NO_SETTINGS
from tests.support.repository import text_of


@dataclass(frozen=True)
class Recorder(Bench):
    """A bench whose commands of the lab are recorded, and end with given codes."""

    codes: list[int] = field(default_factory=list)
    commands: list[tuple[str, ...]] = field(default_factory=list)
    settings: list[dict[str, str]] = field(default_factory=list)
    served: list[tuple[str, str]] = field(default_factory=list)

    def serve(self, state: Path, rule: Path = RULE, *, canary_settings: Mapping[str, str] = NO_SETTINGS) -> None:
        """Record the texts that are served, and the canary's settings."""
        self.settings.append(dict(canary_settings))
        self.served.append((state.read_text(encoding="utf-8"), rule.read_text(encoding="utf-8")))

    def run_lab(self, *arguments: str) -> int:
        """Record the command, and return the next code."""
        self.commands.append(arguments)
        return self.codes.pop(0)

    @contextmanager
    def meanwhile(self, *arguments: str) -> Iterator[None]:
        """Record the command; its code is not asked for."""
        self.commands.append(arguments)
        yield


def recorder(folder: Path, *codes: int, answer: str = "") -> Recorder:
    """Return a bench in a folder, for commands that end with these codes."""
    return Recorder(CourseFolder(folder), "Ada", "step", Attempt(1, "abc123", answer=answer), codes=list(codes))


@pytest.mark.parametrize(("codes", "count"), [([10, 0], 2), ([0, 10], 2), ([11], 1), ([130], 1)])
def test_the_other_claim_is_measured_after_a_verdict_only(tmp_path: Path, codes: list[int], count: int) -> None:
    """Ctrl-C ends the solution of step 1; the bet is there already."""
    bench = recorder(tmp_path, *codes)
    assert ten_calls.solve(bench).answer == "30"
    assert len(bench.commands) == count


def test_a_bet_is_kept() -> None:
    """The solution changes no bet that the learner has made."""
    bench = recorder(Path(), 10, 0, answer="50")
    assert ten_calls.solve(bench) == bench.attempt


@pytest.mark.parametrize(("codes", "count"), [([0, 10, 11], 3), ([10], 1), ([0, 11], 2)])
def test_each_answer_comes_before_the_next(tmp_path: Path, codes: list[int], count: int) -> None:
    """A verdict that was not meant ends the solution of step 2."""
    bench = recorder(tmp_path, *codes)
    three_answers.solve(bench)
    assert len(bench.commands) == count


@pytest.mark.parametrize(("codes", "count"), [([0, 0], 2), ([2], 1)])
def test_a_state_that_is_refused_is_not_measured(tmp_path: Path, codes: list[int], count: int) -> None:
    """The file has the learner's weights and name, each at its place."""
    bench = recorder(tmp_path, *codes)
    write_a_state.solve(bench)
    assert len(bench.commands) == count
    percent = own_percent("Ada")
    text = bench.folder.own_state.read_text(encoding="utf-8")
    assert [line.split()[-1] for line in text.splitlines() if "weight:" in line] == [str(100 - percent), str(percent)]
    assert text.endswith(f'x-canary-route: "{100 - percent}-{percent}"\n')


@pytest.mark.parametrize(("codes", "count"), [([0, 0, 0], 4), ([0, 1], 3), ([1], 1)])
def test_a_shift_that_failed_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codes: list[int], count: int
) -> None:
    """The solution of step 4 begins at 100/0, lets a run go on across the shift, and then measures."""
    monkeypatch.setattr(shift_under_load, "SHIFT_AFTER_SECONDS", 0)
    bench = recorder(tmp_path, *codes)
    shift_under_load.solve(bench)
    assert [one[0] for one in bench.commands] == ["shift", "measure", "shift", "measure"][:count]


@pytest.mark.parametrize(("codes", "count"), [([0, 0, 0], 3), ([0, 2], 2), ([2], 1)])
def test_names_come_before_the_rule_and_both_before_the_verdict(tmp_path: Path, codes: list[int], count: int) -> None:
    """The solution of step 5 names the cause in place of another answer, and ends where a file is refused."""
    bench = recorder(tmp_path, *codes, answer="wrong")
    assert order_and_names.solve(bench).answer == CAUSE_OF_404
    assert len(bench.commands) == count
    assert bench.folder.own_state.read_text(encoding="utf-8") in text_of("istio/virtual-service-70-30.yaml")


@pytest.mark.parametrize(("codes", "count"), [([0, 0, 0], 3), ([0, 11, 0], 3), ([1], 1)])
def test_both_routes_are_measured_once_they_are_served(tmp_path: Path, codes: list[int], count: int) -> None:
    """The solution of step 6 puts the routes in order, and measures each by itself."""
    bench = recorder(tmp_path, *codes)
    for_testers_only.solve(bench)
    assert len(bench.commands) == count
    assert text_of("istio/virtual-service-header.yaml").endswith(bench.folder.own_state.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("codes", "count"), [([11, 0, 10, 0, 0], 5), ([11, 0, 10, 1], 4), ([11, 0, 0], 3), ([11, 2], 2), ([0], 1)]
)
def test_errors_are_measured_before_they_are_repaired(tmp_path: Path, codes: list[int], count: int) -> None:
    """The solution of step 7 begins with the errors, and names the cause once the canary is REFUTED."""
    bench = recorder(tmp_path, *codes)
    answer = whose_errors.solve(bench).answer
    assert len(bench.commands) == count
    assert answer == (CAUSE_OF_503 if codes[2:3] == [10] else "")
    ((_, rule),) = bench.served
    assert "version: canary" in rule


@pytest.mark.parametrize(("codes", "count"), [([0, 0], 2), ([2], 1)])
def test_a_mystery_is_named_and_then_repaired(tmp_path: Path, codes: list[int], count: int) -> None:
    """The solution of step 8 answers with the learner's own fault."""
    bench = recorder(tmp_path, *codes)
    assert mystery.solve(bench).answer == fault_of("Ada", 1)
    assert len(bench.commands) == count


@pytest.mark.parametrize(
    ("codes", "measured"),
    [
        ([0, 10, 0, 0], ["90-10", "at-10.json", "100-0", "back.json"]),
        ([0, 0, 0, 10, 0, 0], ["90-10", "at-10.json", "50-50", "at-50.json", "100-0", "back.json"]),
        ([0, 0] * 3, ["90-10", "at-10.json", "50-50", "at-50.json", "0-100", "at-100.json"]),
        ([0, 11], ["90-10", "at-10.json"]),
        ([1], ["90-10"]),
        ([0, 10, 1], ["90-10", "at-10.json", "100-0"]),
    ],
)
def test_a_release_goes_on_while_it_may(tmp_path: Path, codes: list[int], measured: list[str]) -> None:
    """Each weight has its verdict before the next; a stop leads back, and a hold ends the solution."""
    bench = recorder(tmp_path, *codes)
    stop_or_go.solve(bench)
    words = [words[-1].removeprefix("istio/virtual-service-").removesuffix(".yaml") for words in bench.commands]
    assert [word.removeprefix(f"{CourseFolder(tmp_path).latest}/") for word in words] == measured


def test_a_canary_is_good_or_bad_by_the_start(tmp_path: Path) -> None:
    """Ada's first two releases are bad, and the third one is good."""
    for number, settings in ((1, {"SERVICE_ERROR_RATIO": "0.1"}), (3, {})):
        bench = Recorder(CourseFolder(tmp_path), "Ada", "stop_or_go", Attempt(number, "abc123"))
        stop_or_go.start(bench)
        assert bench.settings == [settings]
