"""The causes that docs/why-is-my-split-wrong.md and its translation have."""

import re
from typing import Final

from scripts import REPOSITORY
from scripts.course.rules.causes import PAGE, Named, anchor

TRANSLATION: Final = PAGE.replace(".md", ".zh-CN.md")


def named(text: str) -> Named:
    """Return a learner's answer with the causes that there are."""
    english, chinese = map(_anchors, (PAGE, TRANSLATION))
    return Named(text, dict(zip(chinese, english, strict=True)) | {one: one for one in english})


def _anchors(page: str) -> list[str]:
    """Return the anchor of each cause of a page, in its order."""
    return list(map(anchor, re.findall(r"^### (.+)$", (REPOSITORY / page).read_text(encoding="utf-8"), re.MULTILINE)))
