"""Texts are broken into lines by the columns that they take."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.output.text import columns, filled, padded, wrapped
from tests.support.text import too_long

LATER = "    "
WORDS = st.lists(st.text("ab-./é'(", min_size=1, max_size=90), max_size=40)


@given(WORDS, st.sampled_from([" ", "  ", "\n"]))
def test_narrow_text_is_broken_as_textwrap_does(words: list[str], gap: str) -> None:
    """Words stay whole, also those with hyphens and those that are longer than a line."""
    text = gap.join(words)
    expected = textwrap.fill(text, 80, subsequent_indent=LATER, break_long_words=False, break_on_hyphens=False)
    assert filled(text, LATER) == expected


@given(st.text("中文，。（）“”a b1%", max_size=400))
def test_wide_text_fits_and_loses_nothing(text: str) -> None:
    """Every line fits, a mark that closes begins none and one that opens ends none, and all characters are there."""
    lines = filled(text, LATER).splitlines()
    together = "".join("".join(lines).split())
    assert together == "".join(text.split())
    words = max((columns(word) for word in text.split()), default=0)
    assert [line for line in lines if columns(line) > 80 and words <= 76] == [] or "中" not in text
    assert not any(line.strip().startswith(("，", "。", "）")) for line in lines[1:]) or words > 76


def test_a_long_chinese_text_is_broken_anywhere_but_before_a_mark() -> None:
    """It has no spaces, and fills its lines."""
    text = "金丝雀最多只比稳定版差，" * 12
    shown = wrapped("结论：    ", text)
    first, *later = shown.splitlines()
    assert too_long(shown) == []
    assert columns(first) >= 77
    assert all(line.startswith(10 * " ") and not line.strip().startswith("，") for line in later)
    assert "".join(shown.split()) == f"结论：{text}"


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("中文", 4), ("（v2）", 6), ("ＡＢ", 4), ("", 0)])
def test_a_wide_character_takes_two_columns(text: str, width: int) -> None:
    """So a cell of a table is filled up by columns."""
    assert columns(text) == width
    assert padded(text, 8) == text + " " * (8 - width)
