"""The cluster scripts as far as they go without a cluster: help, wrong usage, and the refusal of a foreign context."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.repository import ROOT, resources

SCRIPTS = tuple(
    f"scripts/{name}.sh"
    for name in (
        *("cluster/up", "cluster/down", "cluster/load-images", "cluster/rolling", "cluster/pause", "cluster/measure"),
        *("cluster/remove", "cluster/article"),
        *("mesh/install", "mesh/gateway-api", "mesh/flow", "mesh/set-state", "mesh/show-envoy", "mesh/measure"),
    )
)
FLOWS = SCRIPTS[3:]
# What a script does not work without.
ARGUMENTS = {"scripts/mesh/set-state.sh": ("70-30",), "scripts/cluster/remove.sh": ("load",)}
PROGRAMS = ("kubectl", "kind", "docker", "curl", "istioctl")
STAND_IN = """\
#!/bin/sh
echo "$0 $*" >>"$CALLS"
case "$0 $*" in
  *"kubectl config current-context") echo somebody-elses ;;
  *"kubectl config view"*--context=missing*) echo 'error: context "missing" does not exist' >&2; exit 1 ;;
  *"docker image inspect"*) exit 1 ;;
  *"get service/micro-api "*) echo service/micro-api ;;
  *"kind get clusters") echo canary-cluster ;;
  *" rollout status"*) echo "error: timed out" >&2; exit 1 ;;
  *state.terminated}*--timeout*) [ -z "$WAITING" ] || { : >"$WAITING"; exec sleep 60; } ;;
  *terminated.message*) echo "$MESSAGE" ;;
  *terminated.exitCode*) echo "$VERDICT" ;;
  *" get events"*) echo "Warning  BackOff  the reason" ;;
esac
"""
MEASURE = ("scripts/cluster/measure.sh", "--context", "kind-any", "--expect-canary")
TABLE = """\
expected: {} % canary, tolerance 5 percentage points
verdict:  the words of a verdict
"""
PLACEHOLDER = "loadtest-run"
RUN_FILES = ("k8s/load/master.yaml", "k8s/load/workers.yaml", "k8s/load/service.yaml")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with what the scripts call; the programs are stand-ins that do nothing else."""
    for program in PROGRAMS:
        file = tmp_path / program
        file.write_text(STAND_IN, encoding="utf-8")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script from another directory than the repository, as a person may."""
    return processes.run(ROOT / script, *arguments, cwd=Path("/"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_tells_the_usage_with_examples(script: str) -> None:
    """--help needs no tool and no cluster, and shows how the script is called."""
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {script}")
    assert f"\nExamples:\n  {' '.join((script, *ARGUMENTS.get(script, ())))}\n" in done.stdout


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_option_ends_with_the_usage(script: str) -> None:
    """A wrong option is named, with the usage, and is exit code 2."""
    done = run(script, "--nmae")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert done.stderr.endswith(f"{script.rpartition('/')[2]}: unknown option: --nmae\n")


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("scripts/cluster/up.sh", "--name"), "--name needs a value"),
        (("scripts/cluster/pause.sh", "--context"), "--context needs a value"),
        (("scripts/cluster/down.sh", "now"), "unknown argument: now"),
        (("scripts/cluster/rolling.sh", "redo"), "unknown argument: redo"),
        (("scripts/cluster/rolling.sh", "update", "undo"), "one argument at a time: update or undo"),
        (("scripts/cluster/measure.sh", "--"), "unknown option: --"),
        (("scripts/cluster/measure.sh", "-context"), "unknown option: -context"),
    ],
)
def test_wrong_usage_is_named(command: tuple[str, ...], problem: str) -> None:
    """A missing value, an unknown word and a word too many are exit code 2, before any program is called."""
    done = run(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")
    assert done.stderr.endswith(f": {problem}\n")


@pytest.mark.parametrize("script", FLOWS)
def test_a_context_that_is_not_the_clusters_is_refused(script: str, calls: Path) -> None:
    """Without --context nothing but the project's cluster is touched, and the refusal says what to do."""
    done = run(script, *ARGUMENTS.get(script, ()))
    assert done.returncode == 2
    assert "the current context is somebody-elses, not the project's cluster (kind-canary-cluster)\n" in done.stderr
    assert "--context NAME" in done.stderr
    kubectl = [line for line in calls.read_text(encoding="utf-8").splitlines() if "/kubectl " in line]
    assert [line.partition("/kubectl ")[2] for line in kubectl] == ["config current-context"]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("script", FLOWS)
def test_a_context_that_does_not_exist_is_named(script: str) -> None:
    """A misspelt --context ends with what to look at."""
    done = run(script, *ARGUMENTS.get(script, ()), "--context", "missing")
    assert done.returncode == 2
    assert "the kubeconfig has no context missing" in done.stderr


@pytest.mark.usefixtures("calls")
def test_an_image_that_is_not_built_is_named_with_the_remedy() -> None:
    """Images that the engine does not have are not looked for anywhere else."""
    done = run("scripts/cluster/load-images.sh")
    assert done.returncode == 2
    assert "micro-api:1.0-SNAPSHOT of these files\n  build it with scripts/cluster/build-images.sh" in done.stderr


@pytest.mark.usefixtures("calls")
def test_a_step_that_fails_shows_what_explains_it() -> None:
    """Where a wait is over in vain, the pods, the events and the logs follow, and the script goes no further."""
    done = run("scripts/cluster/rolling.sh", "--context", "kind-any")
    assert done.returncode == 1
    assert "set image" not in done.stdout
    explained = done.stderr.partition("rolling.sh failed.\nWhat the cluster says:\n")[2]
    for part in (" get pods", "BackOff  the reason", " logs "):
        assert part in explained


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(("exit_code", "explained"), [(0, False), (10, False), (11, False), (1, True), (137, True)])
def test_a_load_test_ends_with_its_verdict(exit_code: int, explained: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a column of the table
    """The exit code is that of the master, and a code without a verdict is explained by what the cluster says."""
    monkeypatch.setenv("VERDICT", str(exit_code))
    monkeypatch.setenv("MESSAGE", TABLE.format(50))
    done = run(*MEASURE, "50")
    assert done.returncode == exit_code
    assert TABLE.format(50) in done.stdout
    assert f"\n{exit_code}\n" in done.stdout
    assert ("What the cluster says" in done.stderr) == explained


def test_each_load_test_has_a_name_of_its_own_and_is_removed(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manifests of a run make, and its ConfigMap, has the run's name, and is removed by it at the end."""
    monkeypatch.setenv("VERDICT", "0")
    monkeypatch.setenv("MESSAGE", TABLE.format(50))
    names = []
    for _ in range(2):
        calls.write_text("", encoding="utf-8")
        run(*MEASURE, "50")
        called = calls.read_text(encoding="utf-8")
        (name,) = re.findall(r"create configmap (\S+)", called)
        assert set(re.findall(r"(?<![-\w])loadtest-\w+", called)) == {name}
        assert removed(called) == made(name)
        names.append(name)
    assert len(set(names)) == len(names)


def made(name: str) -> set[str]:
    """Return what a run of a name makes, as kubectl names it."""
    objects = [one for file in RUN_FILES for one in resources(file)]
    kinds = [f"{one['kind'].lower()}s/{one['metadata']['name'].replace(PLACEHOLDER, name)}" for one in objects]
    return {f"configmaps/{name}", *kinds}


def removed(called: str) -> set[str]:
    """Return what the one removal among calls names."""
    (arguments,) = re.findall(r" delete (.*)", called)
    return {word for word in arguments.split() if not word.startswith("--")}


@pytest.mark.parametrize("exit_code", [0, 10, 11])
def test_a_table_of_another_claim_is_no_verdict(exit_code: int, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that names both claims with any exit code; the table is not shown, and the run is removed."""
    monkeypatch.setenv("VERDICT", str(exit_code))
    monkeypatch.setenv("MESSAGE", TABLE.format(30))
    done = run(*MEASURE, "50")
    assert done.returncode == 2
    assert "the words of a verdict" not in done.stdout
    assert "expected: 50 % canary," in done.stderr
    assert "expected: 30 % canary, tolerance 5 percentage points\n" in done.stderr
    assert removed(calls.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("asked", "shown"), [("30%", "30"), ("33.33333333", "33.3333"), ("0", "0"), ("1e2", "100"), ("50.0", "50")]
)
def test_a_share_is_compared_as_a_number(asked: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has its own spelling of a share, with six digits and no trailing zeros."""
    monkeypatch.setenv("VERDICT", "0")
    monkeypatch.setenv("MESSAGE", TABLE.format(shown))
    done = run(*MEASURE, asked)
    assert done.returncode == 0, done.stderr


def test_an_interrupted_load_test_is_removed(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the run removes all that the run has made, and is exit code 130 without an explanation."""
    waiting = tmp_path / "waiting"
    monkeypatch.setenv("WAITING", str(waiting))
    terminal = subprocess.Popen(
        [ROOT / MEASURE[0], *MEASURE[1:], "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        processes.until(waiting.exists, "the load test is not waited for")
    finally:
        os.killpg(terminal.pid, signal.SIGINT)  # as a terminal does: to the script and to what it runs
        _, explained = terminal.communicate(timeout=processes.COMMAND_SECONDS)
    assert terminal.returncode == 130
    assert b"What the cluster says" not in explained
    called = calls.read_text(encoding="utf-8")
    (name,) = re.findall(r"create configmap (\S+)", called)
    assert removed(called) == made(name)


def test_commands_are_shown_as_one_types_them(calls: Path) -> None:
    """Each command is printed after `$ ` before it runs, its odd words quoted, and was called as shown."""
    done = run("scripts/cluster/down.sh", "--name", "my cluster")
    assert (done.returncode, done.stdout) == (0, "\n$ kind delete cluster --name 'my cluster'\n")
    assert calls.read_text(encoding="utf-8").endswith("/kind delete cluster --name my cluster\n")
