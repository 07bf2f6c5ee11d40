"""The images can be built for both processors that the definitions promise, without a machine of each."""

import sys
from pathlib import Path

import pytest

from tests.images.containers import TIMEOUT_SECONDS, VERSIONS
from tests.support.processes import run
from tests.support.repository import ROOT

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("folder", ["services/micro_api", "loadtest"])
def test_every_package_has_a_wheel_for_it(folder: str, machine: str, tmp_path: Path) -> None:
    """All that an image installs is there as a wheel with a locked hash, so that its build needs no compiler."""
    platforms = [f"--platform={tag}_{machine}" for tag in ("manylinux_2_28", "manylinux2014")]
    options = ["--only-binary=:all:", "--require-hashes", "--no-deps", f"--python-version={VERSIONS['PYTHON_VERSION']}"]
    wanted = ["--requirement", str(ROOT / folder / "requirements.txt"), "--target", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", *platforms, *options, *wanted]
    done = run(*command, timeout_seconds=4 * TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stdout
