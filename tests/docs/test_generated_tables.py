"""Tables of documents that the code writes; run with UPDATE=1, this module puts them between their markers."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.reading import Reading
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.options import add_locust_options
from canary_loadtest.output.metrics import families
from micro_api.settings import VARIABLES
from scripts.lab.check.rules.findings import LEVELS, RULES
from tests.lab.check_cases import CASES
from tests.lab.check_corpus import pairs
from tests.support.repository import ROOT, text_of

Rows = Sequence[Sequence[str]]
UPDATE: Final = bool(os.environ.get("UPDATE"))


class OptionRows:
    """Takes the place of Locust's parser, and keeps a row for each option that is added to it."""

    def __init__(self) -> None:
        """Have no row yet."""
        self.rows: list[tuple[str, str, str]] = []

    def add_argument_group(self, *_: str) -> "OptionRows":
        """Keep the rows of all groups together."""
        return self

    def add_argument(self, flag: str, **options: Any) -> SimpleNamespace:  # noqa: ANN401 - what argparse takes
        """Keep the row of an option, and return what stands for its action."""
        shown = " ".join(filter(None, (flag, options.get("metavar", ""))))
        self.rows.append((f"`{shown}`", f"`{options['env_var']}`", options["help"]))
        return SimpleNamespace()

    def set_defaults(self, **_: object) -> None:
        """Leave out the options of Locust itself."""


def options(_: Rows) -> Rows:
    """Return the option, the variable and the help of each option of the load test."""
    found = OptionRows()
    add_locust_options(cast("Any", found))
    return found.rows


def metrics(_: Rows) -> Rows:
    """Return each metric of the load test, the values of each of its labels, and its help."""
    session = Session(Expectation(30, next_weight_percent=100, slowness=Slowness(1.2)))
    reading = Reading(session.verdict(), session.evidence(), session.canary_evidence(), session.to_go(), ended=False)
    rows = []
    for family in families(reading):
        samples = family.samples
        values = {label: list(dict.fromkeys(one.labels[label] for one in samples)) for label in samples[0].labels}
        labels = "; ".join(f"`{label}`: {', '.join(found)}" for label, found in values.items())
        rows.append((f"`{samples[0].name}`", labels or "-", family.documentation))
    return rows


def settings(present: Rows) -> Rows:
    """Return each variable of the service, its default and what is allowed, with the meaning that the document has."""
    machine = {"POD_NAME", "PROMETHEUS_MULTIPROC_DIR"}  # their defaults depend on the machine: written by hand
    by_hand = {row[0]: row for row in present}
    rows = []
    for variable in VARIABLES:
        name = f"`{variable.name}`"
        _, default, _, meaning = by_hand.get(name, ("", "", "", ""))
        rows.append((name, default if variable.name in machine else f"`{variable.default}`", variable.allowed, meaning))
    return rows


def findings(_: Rows) -> Rows:
    """Return each fault that `lab check` is tested with, the rules that find it, and what istioctl finds."""
    return [
        (
            case.what,
            _with_levels(sorted(case.rules)),
            ", ".join(case.istioctl) or "-",
        )
        for case in CASES
    ]


def findings_in_the_corpus(_: Rows) -> Rows:
    """Return what `lab check` and istioctl find in the documents of the corpus, and in how many."""
    return [(str(count), _with_levels(rules), ", ".join(codes) or "-") for count, rules, codes in pairs()]


def _with_levels(rules: Sequence[str]) -> str:
    ordered = sorted(rules, key=lambda rule: LEVELS.index(RULES[rule]))
    return ", ".join(f"{RULES[rule]} `{rule}`" for rule in ordered) or "-"


@dataclass(frozen=True)
class Table:
    """A table of a document.

    Attributes:
        document: the document's path.
        name: the name in the markers `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
        head: the names of the columns.
        rows: returns the rows from those that the document has.
    """

    document: str
    name: str
    head: Sequence[str]
    rows: Callable[[Rows], Rows]

    def rewritten(self, text: str) -> str:
        """Return the document's text with the table as the code writes it."""
        begin, end = f"<!-- {self.name}: begin -->\n", f"<!-- {self.name}: end -->"
        before, found, rest = text.partition(begin)
        present, ended, after = rest.partition(end)
        assert found, f"{self.document} has no {begin}"
        assert ended, f"{self.document} has no {end}"
        cells = [re.sub(r"^\| | \|$", "", line).split(" | ") for line in present.splitlines()]
        head, *rows = (f"| {' | '.join(line)} |\n" for line in (self.head, *self.rows(cells[2:])))
        return "".join([before, begin, head, "|---" * len(self.head), "|\n", *rows, end, after])


TABLES: Final = (
    Table("loadtest/README.md", "options", ("option", "variable", "meaning"), options),
    Table("loadtest/README.md", "metrics", ("metric", "labels", "meaning"), metrics),
    Table("scripts/lab/README.md", "findings", ("fault", "`lab check`", "`istioctl analyze`"), findings),
    Table(
        "scripts/lab/README.md",
        "corpus",
        ("documents", "`lab check`", "`istioctl analyze`"),
        findings_in_the_corpus,
    ),
    Table("services/micro_api/README.md", "settings", ("variable", "default", "allowed", "meaning"), settings),
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_document_has_the_table_that_the_code_writes(table: Table) -> None:
    """What stands between the markers is what the code writes; with UPDATE=1 it is made so."""
    text = text_of(table.document)
    written = table.rewritten(text)
    if UPDATE:
        (ROOT / table.document).write_text(written, encoding="utf-8")
    else:
        assert text == written
