"""Which Python the scripts use: never one that is too old, and never one that does not run."""

import sys
from pathlib import Path

import pytest

from tests.setup.make import changed_python, make_project
from tests.support.processes import executable, run

TOO_OLD = '#!/bin/sh\ncase "$*" in *print*) echo 3.9 ;; *) exit 1 ;; esac\n'
SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"
REAL = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what the script needs, no environment, and no pyenv."""
    return make_project(tmp_path)


def found(project: Path, *arguments: str, python3: str = TOO_OLD, **environment: str) -> tuple[int, str]:
    """Return the exit code of the script and what it printed, with `python3` as given and no other on the PATH."""
    programs = project / "programs"
    executable(programs / "python3", python3)
    for name in ("bash", "dirname", "cat"):
        if not (programs / name).exists():
            (programs / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    settings = {"PATH": str(programs), "PYTHON": "", "PYENV_ROOT": str(project / "pyenv"), **environment}
    done = run(project / "scripts" / "setup" / "python.sh", *arguments, environment=settings)
    return done.returncode, done.stdout.strip() or done.stderr


def test_the_environment_of_the_project_comes_first(project: Path) -> None:
    """What is installed in .venv is used where it is, but .venv itself is made with another."""
    executable(project / ".venv" / "bin" / "python", REAL)
    assert found(project, python3=REAL) == (0, ".venv/bin/python")
    assert found(project, "--outside", python3=REAL) == (0, "python3")


@pytest.mark.parametrize("python3", [TOO_OLD, SHIM], ids=["too old", "a shim"])
def test_a_python_that_does_not_do_is_passed_over(project: Path, python3: str) -> None:
    """The python3 of macOS and a shim that leads to nothing give way to a newer python3.X of the PATH."""
    executable(project / "programs" / f"python{HERE}", REAL)
    assert found(project, python3=python3) == (0, f"python{HERE}")


def test_pyenvs_folder_is_looked_into(project: Path) -> None:
    """A version that pyenv has, and that is not chosen, is found in its folder behind the shim."""
    executable(project / "programs" / f"python{HERE}", SHIM)
    installed = executable(project / "pyenv" / "versions" / f"{HERE}.9" / "bin" / "python3", REAL)
    assert found(project) == (0, str(installed))
    assert found(project, HERE) == (0, str(installed))


def test_without_any_the_remedy_is_named(project: Path) -> None:
    """Exit code 2, and how to name one."""
    remedy = "Python 3.11 or newer is needed. Name one: PYTHON=/path/to/python3.11\n"
    assert found(project) == (2, f"no Python 3.11 or newer runs here\n{remedy}")
    code, said = found(project, "3.12", python3=REAL if HERE != "3.12" else TOO_OLD)
    assert (code, said.splitlines()[0]) == (2, "no Python 3.12 runs here")


@pytest.mark.parametrize(("named", "problem"), [(TOO_OLD, "Python 3.9 is too old"), (SHIM, "does not run")])
def test_a_named_one_is_the_one(project: Path, named: str, problem: str) -> None:
    """PYTHON is taken before all others, and refused where it does not do, not replaced."""
    good = executable(project / "mine", REAL)
    assert found(project, python3=REAL, PYTHON=str(good)) == (0, str(good))
    bad = executable(project / "bad", named)
    code, said = found(project, python3=REAL, PYTHON=str(bad))
    assert code == 2
    assert f"{bad}: {problem}\nPython 3.11 or newer is needed" in said


def test_the_line_says_which_one_makes_the_environment(tmp_path: Path) -> None:
    """The command names the Python that it takes, and how to name another."""
    project = make_project(tmp_path)
    script = Path(__file__).parents[2] / "scripts" / "setup" / "make-venv.sh"
    (project / "scripts" / "setup" / "make-venv.sh").write_bytes(script.read_bytes())
    (project / "scripts" / "setup" / "make-venv.sh").chmod(0o755)
    made = run(
        *("scripts/setup/make-venv.sh", ".venv"),
        cwd=project,
        # Installing pip is what takes long, and another test's.
        environment={
            "PYTHON": "",
            **changed_python(tmp_path, "import venv; venv.EnvBuilder._setup_pip = lambda *_: None"),
        },
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("Making .venv with python")
    assert made.stdout.endswith("for another: make PYTHON=/path/to/python\n")
