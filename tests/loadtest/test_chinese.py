"""What a person reads on the terminal is Chinese where the environment asks for it; what programs read never is."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.message import Message, translated
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.output.language import CATALOGUE, FOLDER, read
from canary_loadtest.output.report import progress_line, table
from canary_loadtest.output.text import columns
from canary_loadtest.output.why import with_row
from canary_loadtest.runner.wording import LIVE_NEXT_STEPS
from tests.loadtest.locust_process import run as run_locust
from tests.loadtest.server import serving
from tests.loadtest.traffic import split
from tests.support.processes import run
from tests.support.text import too_long

CHINESE: Final = "zh_CN.UTF-8"
KEPT: Final = ("--verdict-json", "verdict.json", "--summary", "summary.md", "--junit", "junit.xml")
# Words of options and names stay; four in a row are a sentence.
ENGLISH: Final = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){4}")
COUNTS: Final = [
    ("--expect-canary 30 --canary 3000 --stable 7000 --other 3", 0),
    ("--expect-canary 50 --canary 300 --stable 700 --other 0", 10),
    ("--expect-canary 30 --canary 30 --stable 70 --other 0", 11),
    ("--expect-canary 30 --canary 300 --stable 700 --other 200", 11),
    ("--expect-canary 0 --canary 0 --stable 0 --other 0", 11),
]


def judged(folder: Path, options: str, language: str, **environment: str) -> tuple[int, str, dict[str, str]]:
    """Return the exit code of the judge, what it has printed, and the files that it has left in a folder."""
    folder.mkdir()
    program = Path(__file__).parents[2] / "loadtest"
    argv = [sys.executable, str(program), "judge", *options.split(), *KEPT]
    done = run(*argv, cwd=folder, environment={"LANG": language, **environment})
    assert done.stderr == ""
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    texts["junit.xml"] = re.sub(r'timestamp="[^"]+"', "", texts["junit.xml"])
    return done.returncode, done.stdout, texts


@pytest.mark.parametrize(("options", "exit_code"), COUNTS)
def test_only_the_terminal_speaks_chinese(tmp_path: Path, options: str, exit_code: int) -> None:
    """JSON, Markdown, JUnit and the exit code are the same in each language, and so is the terminal but in Chinese."""
    english, german, chinese = (
        judged(tmp_path / language, options, language) for language in ("C", "de_DE.UTF-8", CHINESE)
    )
    assert english == german
    assert (chinese[0], sorted(chinese[2])) == (exit_code, ["junit.xml", "summary.md", "verdict.json"])
    assert (chinese[0], chinese[2]) == (english[0], english[2])
    (outcome,) = re.findall(r"^结论：    ([A-Z]+) - ", chinese[1], re.MULTILINE)
    assert outcome == json.loads(chinese[2]["verdict.json"])["verdict"]
    assert "\n下一步：  " in chinese[1]
    assert not ENGLISH.search(chinese[1])
    assert ENGLISH.search(english[1])
    assert too_long(chinese[1]) == []


def test_the_columns_of_the_table_are_those_of_the_english_one(tmp_path: Path) -> None:
    """Each number ends in the column in which it ends in English, a Chinese character counted as two."""
    options = "--expect-canary 30 --canary 3000 --stable 7000 --other 3"
    english, chinese = (judged(tmp_path / language, options, language)[1] for language in ("C", CHINESE))
    wide = [re.sub(r"[^\x00-\x7f]", "..", line) for line in chinese.splitlines()[:6]]
    for one, other in zip(english.splitlines()[:6], wide, strict=True):
        assert [found.end() for found in re.finditer(r"\d+(?:\.\d %)?", one[25:43])] == [
            found.end() for found in re.finditer(r"\d+(?:\.\d %)?", other[25:43])
        ]


def test_a_terminal_that_cannot_write_chinese_still_gets_its_verdict(tmp_path: Path) -> None:
    """Characters that it lacks are replaced: the exit code is the verdict's."""
    code, printed, _ = judged(tmp_path / "kept", COUNTS[0][0], CHINESE, PYTHONIOENCODING="ascii")
    assert code == 0
    assert "CONFIRMED - " in printed


def test_a_run_speaks_chinese_while_it_goes_and_at_its_end(tmp_path: Path) -> None:
    """The line of progress and the table; the verdict file is English."""
    with serving(split(3)) as server:
        ended = run_locust(
            tmp_path,
            f"--host {server.url} --expect-canary 30 -t 6s --keep-going --skip-log-setup",
            environment={"LANG": CHINESE},
        )
    assert ended.exit_code == 0
    assert re.search(r"^\d+ 个响应，金丝雀 [\d.]+ %，other 0：", ended.stderr, re.MULTILINE)
    assert "\n结论：    CONFIRMED - " in ended.stdout
    assert "are from the canary" in ended.verdict["reason"]


def test_a_pipe_gets_chinese_too(tmp_path: Path) -> None:
    """A person reads what `| tee` passes on."""
    judge = f"{sys.executable} {Path(__file__).parents[2] / 'loadtest'} judge {COUNTS[2][0]} | tee kept"
    subprocess.run(judge, shell=True, cwd=tmp_path, env={"LANG": CHINESE, "PATH": "/usr/bin:/bin"}, check=True)
    assert "个响应太少" in (tmp_path / "kept").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(60))
def test_no_sentence_of_any_verdict_is_left_in_english(seed: int) -> None:
    """Errors with and without a name, routes, kept connections, slow answers and none at all: all is said and fits."""
    chance = random.Random(seed)
    percent = chance.choice([0, 1, 10, 30, 50, 100])
    slowness = Slowness(milliseconds=chance.choice([None, 25])) if chance.random() < 0.5 and 0 < percent < 100 else None
    both = slowness is not None or chance.random() < 0.7
    session = Session(
        Expectation(percent, next_weight_percent=100 if both else None, slowness=slowness),
        chance.choice([None, None, "70-30"]),
        keep_going=chance.random() < 0.7,
        row_names=ROW_NAMES,
        next_steps=LIVE_NEXT_STEPS,
    )
    share, errors, slow = (chance.choice(of) for of in ([percent / 100, 0.5], [0, 0.001, 0.1, 1], [1, 10]))
    named, several, kept = (chance.random() < 0.3 for _ in range(3))
    previous = ""
    for _ in range(chance.choice([0, 1, 30, 700, 3000])):
        version = CANARY if chance.random() < share else STABLE
        label = chance.choice(["status_503", "timeout", "odd"]) if chance.random() < errors else version
        session.add(
            Answer(
                label,
                chance.choice(["70-30", "100-0", ""]) if several else "70-30",
                previous if kept else None,
                version if named else "",
                seconds=chance.random() / 100 * (slow if version == CANARY else 1),
            )
        )
        previous = label
    objection = chance.choice(["", "", Message("interrupted before the end of the test")])
    verdict = session.verdict(requests_known=chance.random() < 0.8, objection=objection)
    shown = table(with_row(verdict), chinese)
    assert not ENGLISH.search(shown), shown
    assert not re.search(r"[{}]", shown)
    assert too_long(shown) == []
    english = progress_line(session, 100.0, 5.0)
    assert not ENGLISH.search(chinese(english))
    assert columns(chinese(english)) <= max(80, len(english))


def chinese(text: str) -> str:
    """Return a message of the load test in Chinese."""
    return translated(text, read(FOLDER / CATALOGUE))
