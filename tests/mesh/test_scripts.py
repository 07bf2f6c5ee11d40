"""The scripts of the Istio flow without a cluster; what all scripts share is in tests/cluster."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.manifests.files import ISTIO
from tests.support.processes import executable, run
from tests.support.repository import resource

STATES = {
    re.sub(r"istio/(mesh/)?virtual-service-|(?<=gateway-api/)http-route-|\.yaml$|^istio/(?=gateway)", "", path)
    for path in ISTIO
    if "/virtual-service-" in path or "/http-route-" in path
}
SET_STATE = ("scripts/mesh/set-state.sh", "--url", "http://127.0.0.1:1/")
# A cluster on which nothing but the service is found.
SERVICE = '#!/bin/sh\ncase "$*" in *"get service/micro-api "*) echo service/micro-api ;; esac\n'
# A load test that is confirmed, while the virtual service is first the one and then the other of two files.
MEASURED = """\
#!/bin/bash
case "$*" in
  *"get service/micro-api "*) echo service/micro-api ;;
  *virtualservice/micro-api-route*--output=name*) echo virtualservice/micro-api-route ;;
  *virtualservice/micro-api-route*--output=json*) cat "$DECLARED" && cp "$LATER" "$DECLARED" ;;
  *"--filename -"*) cat >/dev/null ;;
  *terminated.message*) echo "expected: 30 % canary, tolerance 5 percentage points" ;;
  *terminated.exitCode*) echo 0 ;;
esac
"""


@pytest.fixture
def empty_cluster(tmp_path: Path) -> dict[str, str]:
    """A PATH on which kubectl and istioctl find nothing but the service."""
    for name in ("kubectl", "istioctl"):
        executable(tmp_path / name, SERVICE)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_the_states_are_all_listed() -> None:
    """The help names a state for each virtual service and HTTP route, and no other."""
    listed = run("scripts/mesh/set-state.sh", "--help").stdout.partition("The states:\n")[2].split()
    assert set(listed) == STATES
    assert len(listed) == len(STATES)


@pytest.mark.parametrize("name", ["nonsense", "gateway-api/50-50", "mesh/mirror", "../istio/70-30"])
def test_a_state_that_does_not_exist_is_named_with_those_that_do(name: str) -> None:
    """A misspelt state is wrong usage, found before any cluster is looked at."""
    done = run("scripts/mesh/set-state.sh", name)
    assert done.returncode == 2
    assert f"set-state.sh: unknown state: {name}\n  it is one of " in done.stderr
    assert set(done.stderr.partition("it is one of ")[2].split()) == STATES


def test_without_a_state_the_usage_is_shown() -> None:
    """A call without a state ends with the usage, and with what is missing."""
    done = run("scripts/mesh/set-state.sh")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scripts/mesh/set-state.sh")
    assert done.stderr.endswith("set-state.sh: no state is named\n")


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (
            ("scripts/mesh/set-state.sh", "--url", "http://127.0.0.1:1/", "gateway-api/70-30"),
            "add it with scripts/mesh/gateway-api.sh",
        ),
        (("scripts/mesh/measure.sh",), "no weights are declared\n  set a state with scripts/mesh/set-state.sh"),
    ],
)
def test_a_cluster_that_lacks_something_is_told_of(
    command: tuple[str, ...], remedy: str, empty_cluster: dict[str, str]
) -> None:
    """What has to be there before is named, with the script that makes it."""
    done = run(*command, "--context", "kind-any", environment=empty_cluster)
    assert done.returncode == 2
    assert remedy in done.stderr


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("scripts/mesh/install.sh", "--file", "no-operator.yaml"), "there is no file no-operator.yaml"),
        (("scripts/mesh/gateway-api.sh", "--crds", "no-crds.yaml"), "there is no file no-crds.yaml"),
    ],
)
def test_a_file_that_does_not_exist_is_named(
    command: tuple[str, ...], missing: str, empty_cluster: dict[str, str]
) -> None:
    """A misspelt file is found before anything is applied."""
    done = run(*command, environment=empty_cluster)
    assert done.returncode == 2
    assert missing in done.stderr


@pytest.mark.parametrize(("later", "exit_code"), [("70-30", 0), ("50-50", 2)])
def test_weights_that_changed_during_the_run_are_no_verdict(tmp_path: Path, later: str, exit_code: int) -> None:
    """What was judged is no longer declared: both are named, and the exit code is not that of the verdict."""
    files = [tmp_path / f"{order}.json" for order in ("first", "second")]
    for file, state in zip(files, ("70-30", later), strict=True):
        file.write_text(json.dumps(resource(f"istio/virtual-service-{state}.yaml")), encoding="utf-8")
    path = executable(tmp_path / "kubectl", MEASURED).parent
    cluster = {"PATH": f"{path}:{os.environ['PATH']}", "DECLARED": str(files[0]), "LATER": str(files[1])}
    done = run("scripts/mesh/measure.sh", "--context", "kind-any", environment=cluster)
    assert done.returncode == exit_code, done.stderr
    told = "changed during the run\n  at the beginning: 30 70-30\n  at the end:       50 50-50\n"
    assert (told in done.stderr) == (exit_code == 2)


def test_the_manifest_of_an_engine_is_printed_without_a_cluster(tmp_path: Path) -> None:
    """A file of one's own as it is; else what the project ships, in the version of versions.env."""
    own = tmp_path / "own.yaml"
    own.write_text("kind: Namespace\n")
    for name in ("curl", "kubectl"):
        executable(tmp_path / name, '#!/bin/sh\necho "$0 $*"\n')
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    printed = {
        (engine, *options): run(
            "scripts/mesh/engine.sh", "--engine", engine, *options, "manifest", environment=environment
        ).stdout
        for engine, *options in (("flagger",), ("argo-rollouts",), ("flagger", "--manifest", str(own)))
    }
    assert printed["flagger", "--manifest", str(own)] == "kind: Namespace\n"
    assert "kubectl kustomize https://github.com/fluxcd/flagger//kustomize/istio?ref=v1." in printed["flagger",]
    assert re.search(r"curl .*/argo-rollouts/releases/download/v1\.\S+/install\.yaml", printed["argo-rollouts",])
