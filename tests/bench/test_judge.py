"""The piped answers that the judge is measured with."""

from pathlib import Path

import pytest

from canary_loadtest.judge.readers import FORMATS
from scripts.bench import judge
from scripts.bench.programs import BenchError


@pytest.mark.parametrize("file_format", FORMATS)
def test_each_format_is_written_as_the_judge_reads_it(file_format: str, tmp_path: Path) -> None:
    """All answers count as canary or stable, and no format draws others than the rest."""
    path = tmp_path / "answers"
    judge.write_answers(path, file_format, 1000)
    with path.open("rb") as stream:
        tally = FORMATS[file_format].read(stream, None)
    judge.write_answers(path, "bodies", 1000)
    with path.open("rb") as stream:
        bodies = FORMATS["bodies"].read(stream, None)
    assert (tally.canary, tally.stable, tally.other_total) == (bodies.canary, bodies.stable, 0)
    assert tally.total == 1000


def test_a_judge_that_counts_otherwise_is_not_measured(tmp_path: Path) -> None:
    """Fewer answers in the file than claimed are noticed, whatever the time they took."""
    path = tmp_path / "answers"
    judge.write_answers(path, "bodies", 10)
    with pytest.raises(BenchError, match=r"was given 11 answers as bodies and counted .*'canary'"):
        judge.judge(path, "bodies", 11)
