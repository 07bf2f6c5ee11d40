"""The recorder changes a cluster: it works on none that may be somebody's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT


def run_recorder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the recorder with a PATH that holds only one folder."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.record.routes", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def put_program(folder: Path, name: str, output: str) -> None:
    """Put a program into a folder that notes how it is called and prints one line."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho \"{name} $*\" >> '{folder}/calls'\necho '{output}'\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Put a kubectl and an istioctl into the folder, of a cluster with Istio; what they are called with is noted."""
    put_program(tmp_path, "kubectl", "production")
    put_program(tmp_path, "istioctl", '{"meshVersion": [{"Info": {"version": "1.32.0"}}]}')
    return tmp_path / "calls"


def test_another_context_than_kinds_must_be_named(tmp_path: Path, calls: Path) -> None:
    """The recorder looks at the current context, and touches nothing when it is not kind's."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    problem = "production: not a context of kind: say --context production if it may be changed"
    assert result.stderr == f"record_istiod: {problem}\n"
    assert calls.read_text(encoding="utf-8") == "kubectl config current-context\n"


def test_a_named_context_is_the_only_one_used(tmp_path: Path, calls: Path) -> None:
    """Every command of a run with --context is given that context; a proxy that does not serve is told."""
    result = run_recorder(tmp_path, "--context", "mine")
    assert (result.returncode, result.stdout) == (1, "")
    problem = "kubectl --context=mine proxy --port=0: gives no port: 'production\\n'"
    assert result.stderr == f"record_istiod: {problem}\n"
    assert calls.read_text(encoding="utf-8").splitlines() == [
        "istioctl --context=mine --namespace=istio-system version --output=json",
        "kubectl --context=mine proxy --port=0",
    ]


@pytest.mark.usefixtures("calls")
def test_a_cluster_without_istio_is_named(tmp_path: Path) -> None:
    """Where istioctl finds no istiod, the recorder says how to install it."""
    put_program(tmp_path, "istioctl", '{"clientVersion": {}}')
    result = run_recorder(tmp_path, "--context", "mine")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "record_istiod: mine: no istiod here: install Istio with scripts/mesh/install.sh\n"


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """Without kubectl the recorder says so, without a traceback."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "record_istiod: kubectl: not found on the PATH: install it\n"
