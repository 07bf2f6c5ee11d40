"""Every message has its Chinese, and every Chinese text its message."""

import re
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from canary_loadtest.output.language import CATALOGUE, read
from tests.support.messages import LOAD_TEST, SCRIPTS, messages, placeholders
from tests.support.repository import ROOT, text_of

FOLDERS: Final = (LOAD_TEST, SCRIPTS)


def entries(folder: Path) -> dict[str, str]:
    """Return the catalogue of a folder."""
    return read(folder / "locale" / CATALOGUE)


def templates(folder: Path) -> set[str]:
    """Return the templates in a folder; each is written where its message is made."""
    found = list(messages(folder))
    assert [one.place for one in found if one.template is None] == []
    return {one.template for one in found if one.template is not None}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_catalogue_has_each_message_and_nothing_else(folder: Path) -> None:
    """What is missing is listed as it has to be added, and no entry is left of a message that is gone."""
    missing = sorted(templates(folder) - set(entries(folder)))
    assert missing == [], "\n".join(f'\nmsgid "{template}"\nmsgstr ""' for template in missing)
    assert set(entries(folder)) - templates(folder) == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_translation_has_the_values_of_its_message(folder: Path) -> None:
    """Each has them all, formatted alike, but the grammar of English; none is empty, and none is marked as doubtful."""
    for template, translation in entries(folder).items():
        wanted = {name: how for name, how in placeholders(template).items() if not name.startswith("_")}
        assert (placeholders(translation), bool(translation)) == (wanted, True), template
    assert "fuzzy" not in (folder / "locale" / CATALOGUE).read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_message_has_the_values_of_its_placeholders(folder: Path) -> None:
    """A value too many would be one that a person never sees."""
    assert [one.place for one in messages(folder) if placeholders(one.template or "").keys() != one.names] == []


def test_each_entry_is_read() -> None:
    """As many as there are in the file, and the head is none of them."""
    for folder in FOLDERS:
        text = (folder / "locale" / CATALOGUE).read_text(encoding="utf-8")
        assert len(entries(folder)) == text.count("\nmsgid ") - 1


def test_a_message_has_one_translation() -> None:
    """Where both catalogues have it they agree."""
    load_test, scripts = map(entries, FOLDERS)
    assert {one for one in load_test.keys() & scripts.keys() if load_test[one] != scripts[one]} == set()


def test_the_why_page_has_the_words_of_the_terminal() -> None:
    """What its Chinese table quotes is what a Chinese terminal shows: each is in a translation of the load test."""
    said = "\n".join(entries(LOAD_TEST).values())
    quoted = re.findall(r"”（“([^”]+)”）", text_of("docs/why-is-my-split-wrong.zh-CN.md"))
    assert len(quoted) > 5
    assert [words for words in quoted if words not in re.sub(r"{answers}", "个响应", said)] == []


def test_what_a_translation_points_to_is_in_the_texts() -> None:
    """Each part of a text that a check names in Chinese is a heading of a Chinese text, and each page is there."""
    said = "\n".join(chain.from_iterable(entries(folder).values() for folder in FOLDERS))
    texts = (file.read_text(encoding="utf-8") for file in ROOT.glob("docs/workshop/steps/*/text.zh-CN.md"))
    headings = re.findall(r"^## (.+?)（", "\n".join(texts), re.MULTILINE)
    parts = re.findall(r"正文的“([^{]+?)”", said)
    assert len(parts) > 10
    assert set(parts) <= set(headings)
    pages = re.findall(r"docs/\S+?\.md", said)
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []
