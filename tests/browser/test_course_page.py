"""The course's page in a browser: it follows the learner by itself, and everyone in a room can read it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from scripts.course.page.server import Server
from scripts.course.page.view import LEARNER, PROJECTOR
from scripts.course.page.words import CHINESE, ENGLISH, WORDS
from scripts.course.rules.finding import Finding
from scripts.course.state import CourseFolder
from tests.browser.conftest import OpenPage
from tests.browser.pages import PROJECTOR as WIDE
from tests.browser.pages import Screen, assert_accessible, assert_fits
from tests.course.page_cases import ALL, DONE, FINDINGS, HOSTILE, NOT_YET, SAW, progress, served

pytestmark = pytest.mark.browser

NARROW = Screen(320, 640)
OLD_PROJECTOR = Screen(1024, 768)
LARGE = Screen(1920, 1080)
# A letter as high as a thirty-third of the screen: as large as the text of a slide with 18 points.
LEAST_PART = 33


@pytest.fixture
def folder(tmp_path: Path) -> CourseFolder:
    """Give a folder in which nothing has begun."""
    return CourseFolder(tmp_path / ".course")


@pytest.fixture
def server(folder: CourseFolder) -> Iterator[Server]:
    """Give the page of that folder; a test asks for it before `open_page`, whose pages ask until they are closed."""
    with served(folder) as one:
        yield one


def test_it_follows_without_being_loaded_again(
    folder: CourseFolder, server: Server, open_page: OpenPage, picture: Callable[..., Path]
) -> None:
    """A start and a check appear by themselves; what has not changed stays, and so does the keyboard's focus."""
    page = open_page(f"{server.url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("No step has begun")
    page.get_by_role("link", name="Projector").focus()
    page.evaluate("document.querySelector('#seen p').stays = true")
    folder.write(progress(3))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Step 3: {ALL[2].title}")
    expect(page).to_have_title(f"Step 3: {ALL[2].title}")
    assert page.evaluate("document.querySelector('#seen p').stays")
    folder.write(progress(3, NOT_YET))
    expect(page.get_by_role("status").filter(has_text="not yet")).to_contain_text(SAW)
    expect(page.get_by_role("link", name="Projector")).to_be_focused()
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    page.evaluate("document.activeElement.blur()")
    picture(page, "course-page")
    folder.write(progress(3, DONE))
    expect(page.locator("#seen")).to_contain_text("goto 4")
    expect(page.locator("#steps [aria-current=step]")).to_have_text(re.compile("✓ 3. .* done · current step"))


def test_an_end_of_the_server_is_said(open_page: OpenPage, folder: CourseFolder) -> None:
    """What is old is called old, and stays readable."""
    folder.write(progress(3, NOT_YET))
    with served(folder) as server:
        page = open_page(f"{server.url}/", allowed_console="ERR_CONNECTION_REFUSED")
        expect(page.locator("#seen")).to_contain_text(SAW)
        expect(page.locator("#gone")).to_be_hidden()
    expect(page.locator("#gone")).to_have_text(WORDS[ENGLISH]["gone"])
    expect(page.locator("#seen")).to_contain_text(SAW)
    assert_accessible(page)


@pytest.mark.parametrize("view", [LEARNER, PROJECTOR])
@pytest.mark.parametrize(
    ("screen", "dark", "language"),
    [(NARROW, False, ENGLISH), (NARROW, True, CHINESE), (WIDE, False, CHINESE), (WIDE, True, ENGLISH)],
)
def test_everyone_can_read_it(  # noqa: PLR0913 - one sentence has one table
    *,
    folder: CourseFolder,
    server: Server,
    open_page: OpenPage,
    screen: Screen,
    dark: bool,
    language: str,
    view: str,
) -> None:
    """From 320 pixels to a projector, in light and dark, in both languages: no state is cut off or shuts people out."""
    page = open_page(f"{server.url}/?view={view}", screen=screen, dark=dark, language=language)
    for finding in ("nothing", *FINDINGS):
        if finding is None or isinstance(finding, Finding):
            folder.write(progress(7, finding))
            page.reload()
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert_fits(page)
        assert_accessible(page)


@pytest.mark.parametrize("screen", [WIDE, OLD_PROJECTOR, LARGE])
@pytest.mark.parametrize("language", [ENGLISH, CHINESE])
def test_the_last_row_can_read_it(
    folder: CourseFolder, server: Server, open_page: OpenPage, screen: Screen, language: str
) -> None:
    """On a projector the goal, the command, the time and the verdicts of every step are there, without scrolling."""
    page = open_page(f"{server.url}/?view={PROJECTOR}", screen=screen, language=language)
    for step in ALL:
        folder.write(progress(step.number))
        page.reload()
        for part in (".goal", ".type", "#step dl", ".verdicts"):
            box = page.locator(part).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= screen.height, f"step {step.number}: {part}"
        size = float(page.evaluate("getComputedStyle(document.body).fontSize").removesuffix("px"))
        assert size >= min(screen.height, screen.width * 9 / 16 * 1.25) / LEAST_PART
        expect(page.locator(".steps")).to_be_hidden()


def test_it_works_by_keyboard(folder: CourseFolder, server: Server, open_page: OpenPage) -> None:
    """Tab goes through the three links in the order of reading, and Enter follows each; each keeps the other choice."""
    folder.write(progress(3))
    page = open_page(f"{server.url}/")
    focused = page.locator(":focus-visible")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("My course")
    expect(focused).to_have_attribute("aria-current", "page")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Projector")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class("projector")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(focused).to_have_text("中文")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", CHINESE)
    expect(page.locator("html")).to_have_class("projector")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^第 3 步："))


def test_names_from_outside_are_text(folder: CourseFolder, server: Server, open_page: OpenPage) -> None:
    """What a check saw is shown as it is, and does nothing, at first and when it comes later."""
    page = open_page(f"{server.url}/")
    for _ in range(2):
        folder.write(progress(3, Finding(NOT_YET.outcome, "x", HOSTILE, HOSTILE)))
        expect(page.locator("#seen .said")).to_have_text(HOSTILE)
        assert page.locator("img").count() == 0
        page.reload()
