"""The causes of docs/why-is-my-split-wrong.md, as a learner names them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from canary_loadtest.core.message import Message
from scripts.course.rules.finding import Finding, not_yet

PAGE = Message("docs/why-is-my-split-wrong.md")


def anchor(heading: str) -> str:
    """Return the name by which a link finds a heading: lower case, hyphens for spaces, no other marks."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@dataclass(frozen=True)
class Named:
    """What a learner has answered to the question for the cause.

    Attributes:
        text: as it was typed, "" for no answer yet: a heading of the page, its anchor, or a link to it.
        known: the anchor of each cause in English, by its anchor in each language.
    """

    text: str
    known: Mapping[str, str]

    @property
    def cause(self) -> str:
        """The English anchor of the cause, "" where it is none of the page."""
        return self.known.get(anchor(self.text.rpartition("#")[2]), "")


def misnamed(named: Named, cause: str, look: Message, hints: Sequence[Message]) -> Finding | None:
    """Return what is wrong with the named cause, None where it is the right one.

    Args:
        named: what the learner has answered.
        cause: the English anchor of the right one.
        look: where to look.
        hints: what helps to find the right one.
    """
    if not named.text:
        return not_yet(
            "no_cause", Message("no cause is named yet: it is a heading of {page}.", page=PAGE), look, *hints
        )
    if not named.cause:
        return not_yet(
            "unknown_cause",
            Message("your answer is {text!r}, and {page} has no such heading.", text=named.text, page=PAGE),
            look,
            Message("The answer is a heading of that page below its table, or the end of the link that leads to it."),
            *hints,
        )
    if named.cause != cause:
        return not_yet(
            "other_cause",
            Message("you named {cause}, and that is not what was served.", cause=named.cause),
            look,
            *hints,
        )
    return None
