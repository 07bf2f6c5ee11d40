"""The language is that of the environment, and a catalogue is a file of gettext."""

from pathlib import Path

import pytest

from canary_loadtest.output.language import is_chinese, read


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN"}, True),
        ({"LANG": "zh_TW.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_CTYPE": "C", "LC_ALL": ""}, True),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, True),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh"}, False),
        ({"LANG": "C", "LANGUAGE": "zh_CN"}, False),
        ({"LANGUAGE": "zh_CN"}, False),
    ],
)
def test_the_environment_chooses(environment: dict[str, str], *, expected: bool) -> None:
    """The first that is set of LC_ALL, LC_MESSAGES and LANG; before it LANGUAGE, unless that is C."""
    assert is_chinese(environment) is expected


def test_a_catalogue_is_read_as_gettext_has_it(tmp_path: Path) -> None:
    """Comments, lines that go on and escaped characters; the head is none of the messages."""
    file = tmp_path / "zh_CN.po"
    file.write_text(
        '# A head.\nmsgid ""\nmsgstr ""\n"Language: zh_CN\\n"\n\n'
        '#: there.py:3\nmsgid "a \\"b\\"\\n"\nmsgstr "甲 \\"乙\\"\\n"\n\n'
        'msgid ""\n"one {and} "\n"more"\nmsgstr ""\n"一 {and}"\n"多"\n',
        encoding="utf-8",
    )
    assert read(file) == {'a "b"\n': '甲 "乙"\n', "one {and} more": "一 {and}多"}
