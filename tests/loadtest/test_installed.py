"""The load test as a package: installed into a clean environment, run from an empty folder."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from canary_loadtest.core.labels import CANARY
from canary_loadtest.runner.libraries import METRICS_LIBRARY, METRICS_VERSIONS, VERSIONS, complaint
from tests.loadtest.server import serving
from tests.loadtest.traffic import split
from tests.support.repository import ROOT

pytestmark = pytest.mark.live

INSTALL_SECONDS = 300
RUN_SECONDS = 90


def run(*argv: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of an environment, which knows nothing of this repository."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "PYTHON"))}
    argv = tuple(map(str, argv))
    return subprocess.run(
        argv, cwd=cwd, env=foreign, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )


PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def install(environment: Path, *packages: str | Path) -> None:
    """Install packages into an environment, by the pip of this Python: one of its own takes longer than all else."""
    options = ("--quiet", "--disable-pip-version-check", "--no-compile")
    done = run(sys.executable, "-m", "pip", "--python", "bin/python", "install", *options, *packages, cwd=environment)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clean environment with the package."""
    folder = tmp_path_factory.mktemp("environment")
    made = run(sys.executable, "-m", "venv", "--without-pip", ".", cwd=folder)
    assert made.returncode == 0, made.stderr
    install(folder, ROOT / "loadtest")
    return folder


@pytest.fixture
def commands(environment: Path) -> Path:
    """Return the folder of the commands of that environment."""
    return environment / "bin"


def test_the_judge_runs(commands: Path, tmp_path: Path) -> None:
    """`canary-judge` gives the verdict, and names itself in its help."""
    counts = "--expect-canary 30 --canary 3000 --stable 7000 --other 0"
    judged = run(commands / "canary-judge", *counts.split(), cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert "V3 (canary, v2)" in judged.stdout
    chinese = run("env", "LANG=zh_CN.UTF-8", commands / "canary-judge", *counts.split(), cwd=tmp_path)
    assert "\n结论：    CONFIRMED - " in chinese.stdout
    assert "usage: canary-judge" in run(commands / "canary-judge", "--help", cwd=tmp_path).stdout


def test_the_load_test_runs_and_reports(commands: Path, tmp_path: Path) -> None:
    """`canary-loadtest` runs the default locustfile, and its report has the page's files with it."""
    with serving(split(10)) as server:
        options = f"--headless -u 4 -r 4 -t {RUN_SECONDS}s --expect-canary 100 --report report.html --host {server.url}"
        done = run(commands / "canary-loadtest", *options.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "uPlot" in report
    assert CANARY in report
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_locustfile_of_ones_own_imports_the_user(commands: Path, tmp_path: Path) -> None:
    """A team's locustfile names the class alone, and a folder `loadtest` next to it hides nothing."""
    (tmp_path / "loadtest").mkdir()
    (tmp_path / "mine.py").write_text(
        "from canary_loadtest import CanaryUser\n\n\nclass Shop(CanaryUser):\n    path = '/shop'\n"
    )
    listed = run(commands / "canary-loadtest", "-f", "mine.py", "--list", cwd=tmp_path)
    assert "Shop" in listed.stdout + listed.stderr


def test_a_locustfile_beside_a_copy_imports_the_user(tmp_path: Path) -> None:
    """A team that has copied the folder and installed nothing names it on PYTHONPATH."""
    (tmp_path / "loadtest").symlink_to(ROOT / "loadtest")
    (tmp_path / "mine.py").write_text("import canary_loadtest\n\nprint(canary_loadtest.__file__, flush=True)\n")
    locust = Path(sys.executable).with_name("locust")
    listed = run("env", "PYTHONPATH=loadtest", locust, "-f", "mine.py", "--list", cwd=tmp_path)
    assert listed.stdout.startswith(str(tmp_path / "loadtest")), listed.stderr


HEAVY = frozenset(
    {"asyncio", "email", "gevent", "html", "http", "importlib.util", "logging", "socket", "ssl", "subprocess"}
)


@pytest.mark.parametrize("format_options", ["--format bodies", "--format jsonl", "--format vegeta", "--format lines"])
def test_the_judge_needs_the_standard_library_alone(tmp_path: Path, format_options: str) -> None:
    """In a Python that has nothing installed the judge gives its verdict, and imports nothing that takes long."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "loadtest")!r})
from canary_loadtest.judge.command import main
code = main(["--expect-canary", "30", *{format_options.split()!r}, {os.devnull!r}])
names = set(sys.modules)
ours = {{"canary_loadtest", "__main__"}}
print(sorted({{name.partition(".")[0] for name in names}} - sys.stdlib_module_names - ours))
print(sorted(names & set({sorted(HEAVY)!r})))
sys.exit(code)
"""
    done = run(sys.executable, "-I", "-S", "-c", code, cwd=tmp_path)
    assert done.returncode == 11, done.stderr
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"]


def test_a_classifier_needs_the_standard_library_alone(tmp_path: Path) -> None:
    """A classifier of one's own runs in a Python that has nothing installed."""
    (tmp_path / "shop.py").write_text("def classify(status, headers, body):\n    return 'canary'\n")
    record = '{"status": 200, "headers": {}, "body": ""}\n'
    (tmp_path / "answers.jsonl").write_text(record * 300)
    options = "--expect-canary 100 --classify shop.py:classify --format jsonl --sent 300 answers.jsonl"
    done = run(sys.executable, "-S", ROOT / "loadtest", "judge", *options.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_load_test_says_what_is_missing(tmp_path: Path) -> None:
    """Without Locust its command ends with 2 and a line that says what to install."""
    done = run(sys.executable, "-S", ROOT / "loadtest", "locust", "--help", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "requirements.txt" in done.stderr


def test_the_oldest_locust_works(environment: Path, tmp_path: Path) -> None:
    """A team whose Locust and prometheus-client are the oldest that are allowed gets its verdict, and its metrics."""
    oldest, _ = VERSIONS["locust"]
    older = shutil.copytree(environment, tmp_path / "older", symlinks=True)
    oldest_of_metrics = METRICS_VERSIONS.removeprefix(">=").partition(",")[0]
    install(older, f"locust=={oldest}", f"{METRICS_LIBRARY}=={oldest_of_metrics}")
    with serving(split(10)) as server:
        options = f"--headless -u 4 -r 4 -t {RUN_SECONDS}s --expect-canary 100 --metrics-port 0 --host {server.url}"
        # A command names the Python that it was installed for, which is not the copy.
        done = run(older / "bin" / "python", older / "bin" / "canary-loadtest", *options.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Starting Locust {oldest}" in done.stderr
    assert "metrics for Prometheus: http://127.0.0.1:" in done.stderr


@pytest.mark.parametrize(
    ("name", "found", "right"),
    [
        ("locust", "2.43.9", "2.44.0 to 2.47.0"),
        ("locust", "2.48.0", "2.44.0 to 2.47.0"),
        ("locust", "3.0", "2.44.0 to 2.47.0"),
        ("geventhttpclient", "2.7.0", "2.6.1"),
    ],
)
def test_another_version_is_refused(name: str, found: str, right: str) -> None:
    """What is not tested is named with what is."""
    assert complaint(name, found).endswith(f"install {right}")


def test_a_locustfile_with_another_locust_ends_with_a_line(tmp_path: Path) -> None:
    """The process ends before any request, with exit code 2 and without a traceback."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as metadata\nreal = metadata.version\n"
        "metadata.version = lambda name: '2.43.0' if name == 'locust' else real(name)\n"
    )
    argv = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), "--headless"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("load test: locust 2.43.0 is not a version")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", VERSIONS)
def test_the_versions_that_are_tested_are_allowed(name: str) -> None:
    """Both ends work, and what is installed here is the newest."""
    oldest, newest = VERSIONS[name]
    assert (complaint(name, oldest), complaint(name, newest)) == ("", "")
    assert version(name) == newest


def test_the_package_requires_what_is_tested() -> None:
    """Version and dependencies of the package are those of versions.env and of its own check."""
    project = tomllib.loads((ROOT / "loadtest" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {
        name: f"=={newest}" if oldest == newest else f">={oldest},<={newest}"
        for name, (oldest, newest) in VERSIONS.items()
    }
    ranges[METRICS_LIBRARY] = METRICS_VERSIONS
    assert project["dependencies"] == [name + allowed for name, allowed in ranges.items()]
    assert f"LOADTEST_VERSION={project['version']}\n" in (ROOT / "versions.env").read_text(encoding="utf-8")
