"""A verdict as an annotation of GitHub Actions: a line of the log that is shown on the page of the run.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Mapping
from typing import Final

from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output.about import About, name_of
from canary_loadtest.output.text import one_line

LEVELS: Final[Mapping[Outcome, str]] = {
    Outcome.CONFIRMED: "notice",
    Outcome.REFUTED: "error",
    Outcome.INCONCLUSIVE: "warning",
}


def annotation(verdict: Verdict, about: About) -> str:
    """Return the verdict as one line, without a newline at its end."""
    title = f"Canary split: {verdict.outcome.value}"
    message = "\n".join(map(one_line, (name_of(verdict, about), verdict.reason, f"Next: {verdict.next_step}")))
    return f"::{LEVELS[verdict.outcome]} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Escape the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape the value of a property, where a colon or a comma would end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
