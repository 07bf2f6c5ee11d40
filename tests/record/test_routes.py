"""The recorder changes a cluster, so it works only on one of kind or one that is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT


def run_recorder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the recorder with a PATH of one folder."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.record.routes", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def put_program(folder: Path, name: str, output: str) -> None:
    """Put a program into a folder that records its arguments and prints one line."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho \"{name} $*\" >> '{folder}/calls'\necho '{output}'\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Put a kubectl and an istioctl of a cluster with Istio into the folder; give the file with their calls."""
    put_program(tmp_path, "kubectl", "production")
    put_program(tmp_path, "istioctl", '{"meshVersion": [{"Info": {"version": "1.32.0"}}]}')
    return tmp_path / "calls"


def test_another_context_than_kinds_must_be_named(tmp_path: Path, calls: Path) -> None:
    """The recorder reads the current context, and changes nothing if it is not of kind."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    problem = "production: not a context of kind: use --context production if it may be changed"
    assert result.stderr == f"record.routes: {problem}\n"
    assert calls.read_text(encoding="utf-8") == "kubectl config current-context\n"


def test_a_named_context_is_the_only_one_used(tmp_path: Path, calls: Path) -> None:
    """Every command of a run with --context gets that context; a proxy that does not serve is reported."""
    result = run_recorder(tmp_path, "--context", "mine")
    assert (result.returncode, result.stdout) == (1, "")
    problem = "kubectl --context=mine proxy --port=0: printed no port: 'production\\n'"
    assert result.stderr == f"record.routes: {problem}\n"
    called = [line.split() for line in calls.read_text(encoding="utf-8").splitlines()]
    assert all(one[1] == "--context=mine" for one in called)
    port_for_https = ["kubectl patch", "kubectl proxy", "kubectl patch"]  # it is taken back
    assert [f"{one[0]} {one[2]}" for one in called[1:]] == ["kubectl get", *port_for_https]


@pytest.mark.usefixtures("calls")
def test_a_cluster_without_istio_is_named(tmp_path: Path) -> None:
    """Without an istiod, the message says how to install one."""
    put_program(tmp_path, "istioctl", '{"clientVersion": {}}')
    result = run_recorder(tmp_path, "--context", "mine")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "record.routes: mine: no istiod here: install Istio with scripts/mesh/install.sh\n"


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """Without kubectl, the message says so, without a traceback."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "record.routes: kubectl: not found on the PATH: install it\n"
