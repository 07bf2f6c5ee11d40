"""A cause is named by a heading of the why page, in either language."""

import pytest

from canary_loadtest.core.message import Message
from scripts.course.rules.causes import misnamed
from scripts.course.why import named
from tests.course.verdict_cases import assert_cause
from tests.docs.why import PAGE, TRANSLATION

CAUSE = "the-virtual-service-is-for-another-host"


@pytest.mark.parametrize(
    "text",
    [
        CAUSE,
        "The virtual service is for another host",
        f"#{CAUSE}",
        f"docs/why-is-my-split-wrong.md#{CAUSE}",
        "VirtualService 写的是别的主机",
        "virtualservice-写的是别的主机",
    ],
)
def test_a_cause_is_a_heading_or_the_end_of_its_link(text: str) -> None:
    """Each form that a reader of the page has before the eyes is the same answer."""
    assert named(text).cause == CAUSE
    assert misnamed(named(text), CAUSE, Message("look"), [Message("hint")]) is None


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no_cause"),
        ("status_404", "unknown_cause"),
        ("The virtual service is not bound to the gateway", "other_cause"),
    ],
)
def test_another_answer_is_told_from_none(text: str, cause: str) -> None:
    """No answer, one that is no heading, and a wrong one each have their sentence."""
    finding = misnamed(named(text), CAUSE, Message("look"), [Message("hint")])
    assert finding is not None
    assert_cause(finding, cause)


def test_both_languages_have_the_same_causes_in_one_order() -> None:
    """A heading and its translation show the same commands below them."""
    known = named("").known
    pages = [page.read_text(encoding="utf-8").split("\n### ")[1:] for page in (PAGE, TRANSLATION)]
    for english, chinese in zip(*pages, strict=True):
        titles = [part.partition("\n")[0] for part in (english, chinese)]
        assert [known[named(title).cause] for title in titles] == [named(titles[0]).cause] * 2
        commands = [[line for line in part.splitlines() if line.startswith("$ ")] for part in (english, chinese)]
        assert commands[0] == commands[1]
