"""Why is my split wrong? Every cause that needs no cluster, made and fixed as the page documents."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.why import PAGE, TRANSLATION, VERDICT, Part, Shell, part
from tests.support.processes import free_port
from tests.support.repository import ROOT, copy_to

LAB, CLUSTER = part(1), part(2)
DOCUMENTED_PORT = "18080"
DOCUMENTED_ALPHA_STOP = "LOCUST_ALPHA_STOP=0.001"
LINK = re.compile(r"\]\(#([^)]+)\)")
HEADING = re.compile(r"^### (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal in a copy of the repository, with a running lab of its own."""
    folder = tmp_path_factory.mktemp("repository")
    copy_to(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    # So that a right split is not refuted by chance once in a thousand runs of a test.
    surer = {DOCUMENTED_ALPHA_STOP: "LOCUST_ALPHA_STOP=1e-6"}
    terminal = Shell(LAB.setup, folder, {DOCUMENTED_PORT: str(free_port()), **surer})
    up, _ = LAB.opening
    try:
        terminal.check(up)
        yield terminal
    finally:
        terminal.run("lab down")


@pytest.mark.parametrize("cause", LAB.causes)
def test_a_cause_shows_itself_and_is_fixed(shell: Shell, cause: str) -> None:
    """From a right split, the commands of the cause print what the page shows, to the last, which confirms."""
    _, begin = LAB.opening
    printed, exit_code = shell.run(begin[0].partition(" && ")[0])
    assert exit_code == 0, printed
    for example in LAB.causes[cause]:
        shell.check(example)


def test_the_right_split_is_confirmed(shell: Shell) -> None:
    """What leads back to where each cause begins is what the page shows."""
    _, begin = LAB.opening
    shell.check(begin)


@pytest.mark.parametrize("chapter", [LAB, CLUSTER], ids=["lab", "cluster"])
def test_each_cause_has_a_wrong_verdict_and_a_right_one(chapter: Part) -> None:
    """Each cause is shown: one of its verdicts is not the wished one, and the last one is."""
    assert chapter.causes
    for cause, examples in chapter.causes.items():
        verdicts = [verdict for _, shown in examples for verdict in VERDICT.findall(shown)]
        assert set(verdicts) & {"REFUTED", "INCONCLUSIVE"}, cause
        assert verdicts[-1] == "CONFIRMED", cause


@pytest.mark.parametrize("page", [PAGE, TRANSLATION], ids=lambda page: page.name)
def test_the_table_leads_to_every_cause(page: Path) -> None:
    """Each cause is linked from the table of symptoms, and no link leads nowhere."""
    text = page.read_text(encoding="utf-8")
    assert set(LINK.findall(text)) == set(map(anchor, HEADING.findall(text)))


def anchor(heading: str) -> str:
    """Return the name by which a page's link finds a heading: lower case, hyphens for spaces, no other marks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
