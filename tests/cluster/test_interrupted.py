"""Ctrl-C is no failure: one line, exit code 130, and nothing is left half done."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import executable, until
from tests.support.repository import ROOT

# It waits in the command that the variable WAIT_IN has a part of, and takes Ctrl-C for an error, as some programs do.
PROGRAM = """\
#!/bin/bash
call="${0##*/} $*"
echo "$call" >>"$CALLS"
case $call in
  *"$WAIT_IN"*)
    trap 'exit 1' INT
    : >"$WAITING"
    for _ in {1..600}; do sleep 0.1; done ;;
  *"config view --output=jsonpath={.clusters"*) echo kind-second ;;
  "kind get clusters") echo second ;;
  *"get service/micro-api "*) echo service/micro-api ;;
  *"--filename -"*) cat >/dev/null ;;
  *"--config -"*) cat >/dev/null ;;
  *"/micro-api-route "*--output=name*) echo virtualservice/micro-api-route ;;
  *--output=json|*'--output=json '*) echo '{"spec": {"http": [{"route": [{"destination": {"subset": "v1"}}]}]}}' ;;
esac
"""
CONTEXT = "--context kind-second"
ADDRESS = f"{CONTEXT} --url http://127.0.0.1:1/"
PAUSE = f"cluster/pause.sh {ADDRESS} start"
UP = "cluster/up.sh --name third"
COMMANDS = {
    "cluster/article.sh " + CONTEXT: "rollout status",
    "cluster/build-images.sh": "docker build",
    "cluster/down.sh": "kind delete",
    "cluster/load-images.sh --name second": "kind load",
    f"cluster/measure.sh {CONTEXT} --expect-canary 30": "wait pod",
    PAUSE: "rollout status",
    f"cluster/remove.sh {CONTEXT} mesh": " delete",
    f"cluster/rolling.sh {CONTEXT} deploy": "rollout status",
    UP: "kind create",
    f"cluster/remove.sh {CONTEXT} engines": " delete",
    f"mesh/flow.sh {ADDRESS} deploy": "rollout status",
    f"mesh/gateway-api.sh {CONTEXT}": " wait",
    f"mesh/install.sh {CONTEXT}": "istioctl install",
    f"mesh/measure.sh {CONTEXT}": "wait pod",
    f"mesh/set-state.sh {ADDRESS} 70-30": " apply",
    f"mesh/show-envoy.sh {CONTEXT}": "proxy-config",
    "setup/clean.sh": "docker ps",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables with which the programs are stand-ins."""
    for program in ("kubectl", "kind", "docker", "curl", "istioctl"):
        executable(tmp_path / "bin" / program, PROGRAM)
    return {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "WAITING": str(tmp_path / "waiting"),
    }


def interrupted(environment: dict[str, str], command: str, wait_in: str) -> tuple[int, str]:
    """Interrupt a script as a terminal does, once it waits; return its exit code and what it said at the end."""
    name, *arguments = command.split()
    terminal = subprocess.Popen(
        [ROOT / "scripts" / name, *arguments],
        env={**os.environ, **environment, "WAIT_IN": wait_in},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(Path(environment["WAITING"]).exists, f"nothing has {wait_in} in it")
    finally:
        os.killpg(terminal.pid, signal.SIGINT)
        _, said = terminal.communicate(timeout=30)
    return terminal.returncode, said


def calls(environment: dict[str, str]) -> list[str]:
    """Return what was called."""
    return Path(environment["CALLS"]).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_is_one_line_and_exit_code_130(environment: dict[str, str], command: str) -> None:
    """A script ends at once and explains nothing, also where the program that runs takes it for an error."""
    code, said = interrupted(environment, command, COMMANDS[command])
    assert code == 130
    name = command.split(maxsplit=1)[0].rpartition("/")[2]
    assert [line for line in said.splitlines() if "interrupted" in line] == said.strip().splitlines()[:1]
    assert said.strip().startswith(f"{name}: interrupted")


def test_an_interrupted_canary_is_held(environment: dict[str, str]) -> None:
    """Ctrl-C before the pause would let the canary through everywhere: it is paused all the same."""
    code, said = interrupted(environment, PAUSE, "updatedReplicas")
    assert code == 130
    assert (
        said.strip()
        == "pause.sh: interrupted\nThe canary is paused; it is removed by scripts/cluster/pause.sh rollback"
    )
    assert any(" rollout pause deployment/micro-api" in call for call in calls(environment))


def test_an_interrupted_cluster_is_removed(environment: dict[str, str]) -> None:
    """Ctrl-C while kind works leaves no half of a cluster."""
    code, said = interrupted(environment, UP, "kind create")
    assert code == 130
    assert said.strip() == "up.sh: interrupted; removing what there is of third"
    assert calls(environment)[-1] == "kind delete cluster --name third"
