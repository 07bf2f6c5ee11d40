"""Why is my split wrong? Every cause that needs no cluster, made and fixed as the page documents."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import HINTS, WRONG_ROUTE
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.output.why import PAGE as WHY
from canary_loadtest.output.why import ROWS, with_row
from tests.docs.why import PAGE, TRANSLATION, VERDICT, Part, Shell, part
from tests.support.processes import free_port, run
from tests.support.repository import ROOT, copy_to

LAB, CLUSTER = part(1), part(2)
DOCUMENTED_PORT = "18080"
DOCUMENTED_ALPHA_STOP = "LOCUST_ALPHA_STOP=0.001"
LINK = re.compile(r"\]\(#([^)]+)\)")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
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


@pytest.mark.documents
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


@pytest.mark.parametrize("page", [PAGE, TRANSLATION], ids=lambda page: page.name)
def test_every_row_that_a_program_names_is_in_the_table(page: Path) -> None:
    """The rows that `next` can name have an anchor in the table, each once, and no other has one."""
    anchors = ANCHOR.findall(page.read_text(encoding="utf-8"))
    assert sorted(anchors) == sorted(ROWS)


@pytest.mark.parametrize("label", sorted(HINTS))
def test_every_label_leads_to_a_row_that_names_it(label: str) -> None:
    """The row of a label has the label in its first cell."""
    verdict = session_of(Tally(other=Counter({label: 100}))).verdict()
    row = with_row(verdict).next_step.partition(f"; see {WHY}#")[2]
    (line,) = [one for one in PAGE.read_text(encoding="utf-8").splitlines() if f'<a id="{row}"></a>' in one]
    assert f"`{label}`" in line.split("|")[1] or (row == "several_routes" and label == WRONG_ROUTE)


@pytest.mark.parametrize(
    ("tally", "expected", "row"),
    [
        (Tally(canary=150, stable=150), 30, "refuted-pods"),
        (Tally(canary=150, stable=850), 30, "refuted-half"),
        (Tally(canary=700, stable=300), 30, "refuted-complement"),
        (Tally(canary=0, stable=300), 30, "refuted-zero"),
        (Tally(canary=850, stable=150), 50, "refuted-another"),
        (Tally(canary=1640, stable=3360), 30, "refuted-nearly"),
        (Tally(canary=4, stable=6), 30, "too_few"),
        (Tally(settling=9), 30, "no_route_named"),
        (Tally(), 30, "too_few"),
        (Tally(canary=3, stable=7, routes=Counter({"70-30": 5, "": 5})), 30, "several_routes"),
        (Tally(canary=3, stable=7, other=Counter(status_503=9)), 30, "status_503-part"),
        (Tally(other=Counter(status_503=9)), 30, "status_503-all"),
        (Tally(other=Counter(of_another_service=9)), 30, "another_word"),
    ],
)
def test_a_verdict_names_the_row_of_its_symptom(tally: Tally, expected: float, row: str) -> None:
    """Shares, routes and statuses each have a row."""
    assert with_row(session_of(tally, expected).verdict()).next_step.endswith(f"; see {WHY}#{row}")


def test_the_programs_name_page_and_row() -> None:
    """judge, as typed, ends a REFUTED with the row, and a CONFIRMED without one."""
    judge = (sys.executable, "loadtest", "judge", "--expect-canary", "30", "--other", "0")
    refuted = run(*judge, "--canary", "700", "--stable", "300", cwd=ROOT)
    assert f"see {WHY}#refuted-complement" in " ".join(refuted.stdout.split())
    assert WHY not in run(*judge, "--canary", "600", "--stable", "1400", cwd=ROOT).stdout


def session_of(tally: Tally, expected_percent: float = 30) -> Session:
    """Return a session with some answers."""
    session = Session(Expectation(expected_percent))
    session.add_all(tally)
    return session


def anchor(heading: str) -> str:
    """Return the name by which a page's link finds a heading: lower case, hyphens for spaces, no other marks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
