"""The recorder changes a cluster: it works on none that may be somebody's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.states import ROOT


def run_recorder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the recorder with a PATH that holds only one folder."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.record_istiod", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def kubectl_calls(tmp_path: Path) -> Path:
    """Put programs named kubectl and istioctl into the folder that say `production` and note how they are called."""
    calls = tmp_path / "calls"
    for name in ("kubectl", "istioctl"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{calls}"\necho production\n', encoding="utf-8")
        program.chmod(0o755)
    return calls


def test_another_context_than_kinds_must_be_named(tmp_path: Path, kubectl_calls: Path) -> None:
    """The recorder looks at the current context, and touches nothing when it is not kind's."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    problem = "production: not a context of kind: say --context production if it may be changed"
    assert result.stderr == f"record_istiod: {problem}\n"
    assert kubectl_calls.read_text(encoding="utf-8") == "kubectl config current-context\n"


def test_a_named_context_is_the_only_one_used(tmp_path: Path, kubectl_calls: Path) -> None:
    """Every command of a run with --context is given that context."""
    run_recorder(tmp_path, "--context", "mine")
    calls = kubectl_calls.read_text(encoding="utf-8").splitlines()
    assert calls
    assert all("--context=mine" in call.split() for call in calls)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """Without kubectl the recorder says so, without a traceback."""
    result = run_recorder(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "record_istiod: kubectl: not found on the PATH: install it\n"
