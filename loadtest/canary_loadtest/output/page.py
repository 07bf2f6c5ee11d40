"""The page that shows a measurement: live in Locust's web UI, and as a report to keep.

One Jinja template makes both, with styles, scripts and charts inlined, so that it needs no other file: a report carries
its data, the live page asks for them.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from canary_loadtest.core.history import History
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output import report
from canary_loadtest.output.about import About, timestamp
from canary_loadtest.output.files import write_whole

FOLDER: Final = Path(__file__).parent / "page"


def data_of(verdict: Verdict, history: History, *, state: str, to_go: int | None, about: About) -> dict[str, Any]:
    """Return what the page shows, as plain JSON types: the verdict file's fields and the course of the measurement.

    Args:
        verdict: the result so far.
        history: how it came about.
        state: "ready" before the first test, "running" or "ended".
        to_go: about how many more answers a verdict takes, None where none is in sight.
        about: what was measured.
    """
    return {
        **report.as_dict(verdict, about),
        "interval": report.interval_text(verdict),
        "state": state,
        "to_go": to_go,
        "written_at": timestamp(datetime.now(UTC)),
        "history": history.columns(),
    }


def render(data: dict[str, Any] | None = None, table: str = "") -> str:
    """Return the page.

    Args:
        data: what `data_of` returns for a report, None for the live page, which asks for `canary-split/data`.
        table: the verdict as text, for those whose browser runs no scripts.
    """
    templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    return templates.get_template("page.html").render(
        data=data,
        table=table,
        styles=_own("uPlot.min.css") + _own("page.css"),
        scripts=_own("uPlot.iife.min.js") + _own("charts.js") + _own("page.js"),
    )


def _own(name: str) -> Markup:
    """Return a file of the page's own folder, which needs no escaping."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 - nothing from outside


def write_report(data: dict[str, Any], table: str, path: str) -> None:
    """Write the report to the HTML file at `path`, and its data to a JSON file of the same name, each whole or not.

    Raises:
        OSError: a file cannot be written.
    """
    write_whole(json.dumps(data, indent=2) + "\n", str(Path(path).with_suffix(".json")))
    write_whole(render(data, table), path)
