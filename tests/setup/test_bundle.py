"""What cannot be packed or installed is said before anything is made; tests/e2e tests what can be."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.setup.make import make_project
from tests.support.processes import executable, run
from tests.support.repository import ROOT

LOCK = "flask==3.1.3\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what the script needs of the repository, and a lock file of its own."""
    folder = make_project(tmp_path)
    for name in ("scripts/setup/bundle.sh", "versions.env"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "tests" / "requirements.txt").write_text(LOCK)
    return folder


def packed(path: Path, **files: str) -> Path:
    """Write a bundle of text files, and return its path."""
    with tarfile.open(path, "w") as bundle:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{name}.txt")
            member.size = len(text.encode())
            bundle.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the command is pack or install"),
        (["unpack", "lab.tar"], "the command is pack or install"),
        (["pack"], "pack needs one file, as in: make bundle FILE=lab.tar"),
        (["pack", ""], "pack needs one file"),
        (["install", "a.tar", "b.tar"], "install needs one file"),
        (["pack", "lab.tar"], "there is no .venv, and the bundle is for its Python: run make install"),
        (["pack", "--engines"], "pack needs one file"),
        (["install", "nowhere.tar"], "nowhere.tar cannot be read"),
        (
            ["install", "versions.env"],
            "versions.env is not a bundle: make one with scripts/setup/bundle.sh pack FILE.tar",
        ),
    ],
)
def test_a_mistake_is_named(project: Path, arguments: list[str], message: str) -> None:
    """Wrong arguments and files that are not bundles exit with 2 and a remedy; nothing is made."""
    ended = run("scripts/setup/bundle.sh", *arguments, cwd=project)
    assert ended.returncode == 2
    assert f"bundle.sh: {message}" in ended.stderr.replace(f"{project}/", "")
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"python": "Python 2.7, Plan9 mips\n", "requirements": LOCK},
            "is for Python 2.7, Plan9 mips, but python",
        ),
        ({"python": "Python 3.11, Linux x86_64\n", "requirements": "flask==1\n"}, "was packed from another revision"),
    ],
    ids=["platform", "revision"],
)
def test_a_bundle_of_another_kind_is_refused(project: Path, files: dict[str, str], message: str) -> None:
    """Wheels of another platform or revision are refused before pip's "No matching distribution"."""
    ended = run("scripts/setup/bundle.sh", "install", packed(project / "lab.tar", **files), cwd=project)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not (project / ".venv").exists()


def test_a_folder_that_is_not_there_is_named(project: Path) -> None:
    """A folder that does not exist is reported before the download."""
    executable(project / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")
    ended = run("scripts/setup/bundle.sh", "pack", "/no/such/stick/lab.tar", cwd=project)
    assert ended.returncode == 2
    assert "cannot write /no/such/stick/lab.tar: there is no folder /no/such/stick" in ended.stderr


def test_a_download_that_fails_leaves_no_bundle(project: Path) -> None:
    """When pip fails, no incomplete bundle and no temporary folder is left."""
    (project / "stick").mkdir()
    executable(project / ".venv" / "bin" / "python", '#!/bin/sh\ncase "$*" in *pip*) exit 1;; *) echo 3.11;; esac\n')
    ended = run("scripts/setup/bundle.sh", "pack", "--no-images", "stick/lab.tar", cwd=project)
    assert ended.returncode == 1
    assert list((project / "stick").iterdir()) == []
