"""`rollout`, typed as a user types it: real traffic through Envoy, a good and two bad canaries, and what goes wrong."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
import requests

from scripts.lab import control
from scripts.lab.processes import wait_until
from scripts.lab.state import LabFolder
from tests.lab.helpers import TIMEOUT_SECONDS, Client, CommandLine, RunningLab, istio, one_line
from tests.support.repository import text_of
from tests.support.text import too_long

pytestmark = pytest.mark.live

# A right split is refuted in one of 100,000 rollouts only.
SURE = ("--alpha-stop", "0.00001")
SCHEMA = json.loads(text_of("scripts/rollout/record.schema.json"))


@pytest.fixture
def rollout(tmp_path: Path) -> Iterator["Rollout"]:
    """Give a rollout in a folder of its own, of which nothing is left at the end."""
    given = Rollout(tmp_path)
    try:
        yield given
        control.down(given.folder)
        assert wait_until(lambda: given.command_line.processes() == [], TIMEOUT_SECONDS)
    finally:
        given.command_line.kill_all()


class Rollout:
    """The command with its folder and record."""

    def __init__(self, path: Path) -> None:
        """Name both."""
        self.folder = LabFolder(path / "lab")
        self.file = path / "rollout.json"
        self.command_line = CommandLine()
        self.arguments = ("rollout", "--dir", self.folder.path, "--record", self.file, *SURE)

    def run(self, *options: str) -> tuple[int, str]:
        """Return how it ended, and what it said."""
        ended = self.command_line.run(*self.arguments, *options)
        assert [line for line in too_long(ended.stdout) if str(self.file.parent) not in line] == []
        return ended.returncode, one_line(ended.stdout + ended.stderr)

    def record(self) -> dict[str, Any]:
        """Return the record, which fits its schema."""
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        jsonschema.validate(found, SCHEMA)
        return found

    @property
    def happened(self) -> list[tuple[float, str]]:
        """What happened at which weight, in order."""
        return [(event["weight_percent"], event["what"]) for event in self.record()["events"]]

    def counted(self, weight_percent: float, *kinds: str) -> int:
        """Return how many answers a step has counted so far, of these kinds or all."""
        try:
            counts = json.loads(self.file.with_name("rollout.counts.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        totals = {step["weight_percent"]: step["counts"] for step in counts["steps"]}
        found = totals.get(weight_percent)
        return sum(found[kind] for kind in kinds or ("canary", "stable", "other")) if found else 0

    def load_tests(self) -> Iterator[psutil.Process]:
        """Yield the processes of the load test that runs."""
        for process in self.command_line.processes():
            with suppress(psutil.Error):  # it ends
                if "locust" in process.cmdline():
                    yield process

    def end_the_load_test(self) -> None:
        """End the load test of the step, as its time does; then it has a verdict on what it has counted."""
        for process in self.load_tests():
            process.terminate()

    @property
    def measures(self) -> bool:
        """Whether a load test runs."""
        return any(self.load_tests())

    def kill(self, version: str, replicas: int | None = None) -> None:
        """Kill all replicas of a version, or some."""
        lab = RunningLab(self.folder, self.command_line)
        for record in lab.replicas(version)[:replicas]:
            lab.kill(record)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the rollout does."""
        assert wait_until(condition, 4 * TIMEOUT_SECONDS)


def test_a_good_canary_is_released(rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, with a verdict at each, and no request is lost; the record has the load test's variables."""
    monkeypatch.setenv("LOCUST_ALPHA", "0.04")
    code, said = rollout.run()
    assert code == 0, said
    assert "released: the canary has all traffic" in said
    ups = [(10, "set"), (10, "CONFIRMED"), (50, "set"), (50, "CONFIRMED"), (100, "set"), (100, "CONFIRMED")]
    assert rollout.happened == [(0, "set"), *ups]
    record = rollout.record()
    assert (record["phase"], record["counts"]["stopped"]) == ("released", None)
    assert record["variables"] == ["LOCUST_ALPHA=0.04"]
    assert [step["counts"]["other"] for step in record["counts"]["steps"]] == [0, 0, 0]
    assert rollout.folder.read_state() is None  # the lab that was started for it has ended


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (("--canary-errors", "20"), "the canary errs more often than stable"),
        (("--canary-delay", "60", "--max-slowdown", "2"), "the canary is slower than stable"),
    ],
    ids=["failing", "slow"],
)
def test_a_bad_canary_is_taken_back_and_that_is_proved(rollout: Rollout, bad: tuple[str, ...], why: str) -> None:
    """In one write, and a window of 299 answers has none of the canary's."""
    code, said = rollout.run(*bad)
    assert code == 10, said
    assert why in said
    assert "299 answers, none of the canary: a leak below 1 % (at 95 %)" in said
    assert rollout.happened == [(0, "set"), (10, "set"), (10, "REFUTED"), (0, "set"), (0, "no leak")]
    assert rollout.record()["phase"] == "rolled back"


def test_a_second_run_works_like_the_first(rollout: Rollout) -> None:
    """The record of the one before is kept under another name."""
    assert rollout.run("--steps", "100")[0] == 0
    before = rollout.file.read_text(encoding="utf-8")
    code, said = rollout.run("--steps", "100")
    assert code == 0
    assert "The record of the last rollout (released) is kept as" in said
    (kept,) = rollout.file.parent.glob("rollout-*.json")
    assert kept.read_text(encoding="utf-8") == before


def test_kill_9_leaves_the_traffic_and_the_counts(rollout: Rollout) -> None:
    """The next start says where it is, and has every answer that was counted a second before the end."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.3") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        process.kill()
    refused, why = rollout.run("--steps", "50", "--margin", "0.3")
    assert refused == 1 or "Going on" in why  # the load test may outlive it for a moment, and keeps the lock
    rollout.until(lambda: not any("loadtest" in " ".join(one.cmdline()) for one in rollout.command_line.processes()))
    counted = rollout.counted(50)
    if refused == 1:
        assert "a rollout runs, or the load test that it has started" in why
        code, said = rollout.run("--steps", "50", "--margin", "0.3")
        assert "Going on at 50 % (measuring), with the counts so far" in said
        assert code == 0, said
    (step, _) = rollout.record()["counts"]["steps"]
    assert step["counts"]["canary"] + step["counts"]["stable"] >= counted > 0


def hosts_of(folder: LabFolder, subset: str) -> list[dict[str, Any]]:
    """Return what Envoy knows of the endpoints of a subset."""
    with requests.Session() as session:
        session.trust_env = False
        found = session.get(f"{control.running(folder).admin_url}/clusters?format=json", timeout=TIMEOUT_SECONDS).json()
    return [
        host
        for cluster in found["cluster_statuses"]
        if f"|{subset}|" in cluster["name"]
        for host in cluster["host_statuses"]
    ]


def failed_connections(host: dict[str, Any]) -> int:
    """Return how many connections to an endpoint have failed."""
    (count,) = (int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "cx_connect_fail")
    return count


def test_a_dead_replica_of_each_version_does_not_end_a_rollout(rollout: Rollout) -> None:
    """Envoy keeps both endpoints, and asks the other replica where a connection fails; what was cut off counts."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.2") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        for version in ("v1", "v2"):
            rollout.kill(version, 1)
        for version in ("v1", "v2"):
            rollout.until(lambda: any(map(failed_connections, hosts_of(rollout.folder, version))))  # noqa: B023 - at once
            assert len(hosts_of(rollout.folder, version)) == 2
        said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert process.returncode == 0, said + errors
    assert rollout.happened == [(0, "set"), (50, "set"), (50, "CONFIRMED"), (100, "set"), (100, "CONFIRMED")]
    counts = [step["counts"] for step in rollout.record()["counts"]["steps"]]
    assert max(count["other"] for count in counts) <= 20  # the ten users' requests under way at each death


def test_a_canary_that_dies_is_taken_back(rollout: Rollout) -> None:
    """All of its replicas: its share is answered by 503 that name it, none of these is lost, nothing is promoted."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.5") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        rollout.kill("v2")
        said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert process.returncode == 10, said + errors
    assert "the canary errs more often than stable" in one_line(said)
    assert rollout.happened == [(0, "set"), (50, "set"), (50, "REFUTED"), (0, "set"), (0, "no leak")]
    (step,) = rollout.record()["counts"]["steps"]
    assert step["counts"]["drawn"]["canary"] - step["counts"]["canary"] > 0
    assert step["counts"]["drawn"]["unknown"] == 0


def test_a_stable_version_that_dies_within_a_step_hurries_a_good_canary(rollout: Rollout) -> None:
    """The canary is known sooner to be no worse, and gets all traffic; stable's errors are counted, as its own."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.3") as process:
        rollout.until(lambda: rollout.counted(50) > 600)  # the split is certain, and at 0.3 points much is missing
        rollout.kill("v1")
        said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert process.returncode == 0, said + errors
    step, last = (one["counts"] for one in rollout.record()["counts"]["steps"])
    assert step["drawn"]["stable"] - step["stable"] > 0
    assert step["drawn"]["unknown"] == 0
    assert 2 * (step["canary"] + step["stable"]) > step["canary"] + step["stable"] + step["other"]
    assert last["other"] == 0


def test_a_stable_version_that_is_dead_at_a_step_holds_the_rollout(rollout: Rollout) -> None:
    """The canary errs less, and most answers are errors: traffic stays at 20 %, and the next start goes on there."""
    assert rollout.command_line.run("up", "--dir", rollout.folder.path).returncode == 0
    rollout.kill("v1")
    command = (*rollout.arguments, "--steps", "20", "--margin", "2", "--tolerance", "10")
    for start in ("20 %: set 80-20", "Going on at 20 % (measuring), with the counts so far"):
        before = rollout.counted(20, "other")
        with rollout.command_line.start(*command) as process:
            rollout.until(lambda: rollout.counted(20, "other") > before + 300)  # noqa: B023 - asked within the loop
            rollout.end_the_load_test()
            said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
        assert process.returncode == 11, said + errors
        assert start in one_line(said)
        assert "are right: that is no reason to go on" in one_line(said)
    assert rollout.happened == [(0, "set"), (20, "set"), (20, "INCONCLUSIVE"), (20, "INCONCLUSIVE")]
    with Client(control.running(rollout.folder).url) as client:
        assert client.ask().route_name == "80-20"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_the_traffic_where_it_is(rollout: Rollout, number: signal.Signals) -> None:
    """Or the end that CI gives a job: exit code 130, no traceback, and the weight that was set last is still served."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.3") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        process.send_signal(number)
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130, errors
    assert not rollout.measures
    assert "Traceback" not in errors
    with Client(control.running(rollout.folder).url) as client:
        assert client.ask().route_name == "50-50"
    assert rollout.record()["phase"] == "measuring"


def test_a_weight_that_somebody_else_changes_is_held(rollout: Rollout) -> None:
    """Nothing is judged and nothing written over: it says so now, and at the next start."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.3", "-t", "8s") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        control.shift(rollout.folder, [istio("virtual-service-70-30.yaml")])
        said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert process.returncode == 11, errors
    assert "wrong_route" in one_line(said)
    code, said = rollout.run("--steps", "50", "--margin", "0.3", "-t", "8s")
    assert code == 11
    assert "answers come by the route 70-30, and not by 50-50: somebody changed the weight" in said
    assert rollout.happened[-1] == (50, "another weight is served")


def test_a_leak_after_the_rollback_has_an_exit_code_of_its_own(rollout: Rollout) -> None:
    """Here somebody gives the canary traffic again while the rollout waits for its proof."""
    with rollout.command_line.start(*rollout.arguments, "--canary-errors", "40") as process:
        rollout.until(lambda: rollout.file.exists() and rollout.record()["phase"] == "proving")
        control.shift(rollout.folder, [istio("virtual-service-50-50.yaml")])
        said, errors = process.communicate(timeout=4 * TIMEOUT_SECONDS)
    assert process.returncode == 12, errors
    assert "the rollback leaks: request" in one_line(said)
    assert "ROLLED BACK, BUT NOT PROVED" in said
    assert rollout.record()["phase"] == "leaking"


def test_other_steps_are_no_way_to_go_on(rollout: Rollout) -> None:
    """A rollout that is under way has its steps and options; the message names them."""
    with rollout.command_line.start(*rollout.arguments, "--steps", "50", "--margin", "0.3") as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        process.send_signal(signal.SIGINT)
        process.wait()
    code, said = rollout.run("--steps", "20")
    assert code == 1
    assert "is at 50 % of a rollout with other steps or options" in said
    assert "--steps 50,100" in said


def test_the_counts_of_a_lab_that_is_gone_release_nothing(rollout: Rollout) -> None:
    """A go-ahead at 50 % was for another canary: the next lab's begins at 0 %, and is compared."""
    steps = ("--steps", "50", "--margin", "0.3")
    with rollout.command_line.start(*rollout.arguments, *steps) as process:
        rollout.until(lambda: rollout.counted(50) > 0)
        process.kill()
    rollout.end_the_load_test()
    rollout.until(lambda: not rollout.measures)
    control.down(rollout.folder)
    code, said = rollout.run(*steps, "--canary-errors", "20")
    assert code == 10, said
    assert "was of another lab, and is kept as" in said
    assert rollout.happened == [(0, "set"), (50, "set"), (50, "REFUTED"), (0, "set"), (0, "no leak")]


def test_two_rollouts_of_one_lab_are_refused(rollout: Rollout) -> None:
    """With a record of its own each: they would move the same weights."""
    arguments = ("rollout", "--dir", rollout.folder.path, *SURE, "--steps", "50", "--margin", "0.3")
    with rollout.command_line.start(*arguments) as process:
        rollout.until((rollout.folder.path / "rollout.json").exists)
        code, said = rollout.run("--steps", "50")
        assert (code, "a rollout runs, or the load test" in said) == (1, True)
        process.send_signal(signal.SIGINT)
        process.wait()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--steps", "50,10"), "each must be above the one before it"),
        (("--steps", "ten"), "is no list of percentages: write 10,50"),
        (("--steps", "12.5"), "Istio's weights are whole numbers, and 12.5 is none"),
        (("--canary-errors", "200"), "is not a percentage from 0 to 100"),
        (("--expect-canary", "30"), "--expect-canary is the rollout's own at each step: leave it out"),
        (("--release=x.json",), "--release is the rollout's own at each step"),
    ],
)
def test_wrong_options_are_named(rollout: Rollout, options: tuple[str, ...], said: str) -> None:
    """By what was typed, and what is allowed."""
    code, found = rollout.run(*options)
    assert code in {1, 2}
    assert said in found
