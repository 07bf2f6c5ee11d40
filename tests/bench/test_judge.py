"""The answers that the judge is measured with."""

from pathlib import Path

import pytest

from canary_loadtest.judge.readers import FORMATS
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.sources import Source
from scripts.bench import judge
from scripts.bench.programs import BenchError


@pytest.mark.parametrize("file_format", FORMATS)
def test_each_format_is_written_as_the_judge_reads_it(file_format: str, tmp_path: Path) -> None:
    """All answers count as canary or stable, and every format has the same ones."""
    judge.write_answers(tmp_path / "answers", file_format, 1000)
    with (tmp_path / "answers").open("rb") as stream:
        reading = Reading()
        FORMATS[file_format].read(Source(stream, "answers"), reading)
    tally = reading.tally
    assert (tally.canary, tally.stable, tally.other_total) == (336, 664, 0)


def test_a_wrong_count_is_not_measured(tmp_path: Path) -> None:
    """A judge that counts fewer answers than expected ends the measurement."""
    judge.write_answers(tmp_path / "answers", "bodies", 10)
    with pytest.raises(BenchError, match=r"was given 11 answers as bodies and counted .*'canary'"):
        judge.judge(tmp_path / "answers", "bodies", 11)
