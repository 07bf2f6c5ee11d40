"""The documents are true: what they name exists, and what they show is what the commands print."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from micro_api.settings import VARIABLES
from tests.docs.documents import console_examples, is_shown
from tests.docs.programs import PROGRAMS, help_of
from tests.support.processes import free_port, run
from tests.support.repository import ROOT, copy_to, text_of, tracked
from tests.support.text import too_long

FILES = tracked()
DOCUMENTS = sorted(file for file in FILES if file.suffix == ".md")
TRANSLATIONS = [file for file in DOCUMENTS if file.name.endswith(".zh-CN.md")]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.*-]*|[\w-]+\.(?:py|yaml|md|toml|env|txt))`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)")
VARIABLE = re.compile(r"\b((?:SERVICE|LOCUST|PROMETHEUS)_[A-Z0-9_]+|POD_NAME|WEB_CONCURRENCY)\b")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"(?:(?<=\s)|^)# .*$", re.MULTILINE)
# Their blocks of text are drawings with words in them.
DRAWN = {"docs/first-steps.md", "docs/first-steps.zh-CN.md"}
README_WORDS = 700
DOCUMENTED_PORT = "18080"
# Tools that the documents use and that the project does not own: their flags are not checked here.
FOREIGN_COMMANDS = re.compile(
    r"^.*\b(pip|kubectl|kind|istioctl|k6|vegeta|hey|fortio|oha|wrk|stern|curl|uv|docker|git|apt|chromium)\b.*$",
    re.MULTILINE,
)


def names(pattern: re.Pattern[str], text: str) -> set[str]:
    """Return what a pattern finds in a document."""
    return set(pattern.findall(text))


def blocks(document: Path) -> list[tuple[str, str]]:
    """Return (language, lines) of each block of a document, without comments and without drawings."""
    found = BLOCK.findall(document.read_text(encoding="utf-8"))
    return [
        (language, COMMENT.sub("", lines))
        for language, lines in found
        if language != "text" or str(document.relative_to(ROOT)) not in DRAWN
    ]


@pytest.fixture(scope="session")
def helps() -> str:
    """What all programs print for `--help`, the project's own and gunicorn's."""
    return "".join(map(help_of, (*PROGRAMS, "python -m gunicorn")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_path_that_is_named_exists(document: Path) -> None:
    """A file or folder in a document exists, seen from the repository or from the document's folder."""
    text = document.read_text(encoding="utf-8")
    ours = {
        path
        for path in names(PATH, text)
        if not path.startswith(("../shared/", ".course/", ".venv/", "networking.istio.io/", "rollouts.kruise.io/"))
    }
    file_names = {file.name for file in FILES}
    missing = [
        path
        for path in ours | names(LINK, text)
        if path not in file_names and not any(list(base.glob(path.rstrip("/"))) for base in (ROOT, document.parent))
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_flag_that_is_named_exists(document: Path, helps: str) -> None:
    """A flag in a document is one of a command of the project."""
    text = FOREIGN_COMMANDS.sub("", document.read_text(encoding="utf-8"))
    assert names(FLAG, text) - names(FLAG, helps) == set()


@pytest.fixture(scope="session")
def variables() -> set[str]:
    """All variables that set an option of the service, of the load test, or of Locust."""
    script = """
from canary_loadtest.runner import listeners
from locust.argument_parser import get_parser
print(*(getattr(action, "env_var", "") for action in get_parser([])._actions))
"""
    done = run(sys.executable, "-c", script, environment={"PYTHONPATH": str(ROOT / "loadtest")})
    assert done.returncode == 0, done.stderr
    return {variable.name for variable in VARIABLES} | set(done.stdout.split())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_variable_that_is_named_exists(document: Path, variables: set[str]) -> None:
    """A variable in a document sets an option of a program."""
    assert names(VARIABLE, document.read_text(encoding="utf-8")) - variables == set()


@pytest.mark.parametrize("translated", TRANSLATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_translation_shows_the_same_commands(translated: Path) -> None:
    """A Chinese document has the commands and outputs of the English one, to the letter; comments are translated."""
    english = translated.with_name(translated.name.replace(".zh-CN", ""))
    assert console_examples(translated) == console_examples(english)
    assert blocks(translated) == blocks(english)


@pytest.mark.parametrize("translated", TRANSLATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_document_and_its_translation_lead_to_each_other(translated: Path) -> None:
    """Below the title of either there is a link to the other."""
    english = translated.with_name(translated.name.replace(".zh-CN", ""))
    for document, link in ((translated, f"[English]({english.name})"), (english, f"[中文]({translated.name})")):
        assert document.read_text(encoding="utf-8").splitlines()[2] == link


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    """A copy of the repository, for a lab of its own, which is stopped at the end."""
    copy_to(tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    yield tmp_path
    assert run(".venv/bin/python", "-m", "scripts.lab", "down", cwd=tmp_path).returncode == 0


def test_the_load_tests_readme_shows_what_the_judge_prints(tmp_path: Path) -> None:
    """Each of its examples that needs no service prints what is shown, figures aside."""
    (tmp_path / "loadtest").symlink_to(ROOT / "loadtest")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    examples = [
        (command, shown)
        for command, shown in console_examples(ROOT / "loadtest" / "README.md")
        if command.startswith("python loadtest judge")
    ]
    assert examples
    for command, shown in examples:
        done = run("bash", "-c", command, cwd=tmp_path, environment={"PATH": path, "PYTHONUTF8": "1"})
        assert is_shown(shown, done.stdout), f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == (10 if "REFUTED" in shown else 0)


def test_the_readme_is_one_page() -> None:
    """README.md has at most 700 words, so that a reader comes to its end; details are in the documents it links to."""
    assert len(text_of("README.md").split()) <= README_WORDS


@pytest.mark.documents
def test_the_readme_is_what_happens(repository: Path) -> None:
    """Each command of the README and of the first steps, in this order, prints what is shown, figures aside."""
    examples = [*console_examples(ROOT / "README.md"), *console_examples(ROOT / "docs" / "first-steps.md")]
    assert len(examples) >= 7
    port = str(free_port())
    # So that a right split is not refuted by chance once in a thousand runs of this test.
    environment = {"LOCUST_ALPHA_STOP": "1e-6", "PYTHONUTF8": "1"}
    for command, shown in examples:
        typed = command.replace(DOCUMENTED_PORT, port)
        done = run("bash", "-c", typed, cwd=repository, environment=environment)
        assert is_shown(shown, done.stdout), f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert too_long(done.stdout) == []
        assert done.returncode == (10 if "REFUTED" in shown else 0)
