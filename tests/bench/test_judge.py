"""The answers that the judge is measured with."""

from pathlib import Path

import pytest

from canary_loadtest.judge.readers import FORMATS
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.sources import Source
from scripts.bench import judge
from scripts.bench.budget import QUICK
from scripts.bench.programs import BenchError
from scripts.bench.rounds import Sample


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


def test_a_start_that_fails_is_not_measured() -> None:
    """What ends with an error is named with the command, and is no figure."""
    with pytest.raises(BenchError, match=r"-c 'raise SystemExit\(3\)' ended with exit code 3"):
        judge.start("-c", "raise SystemExit(3)")


def test_the_start_is_that_of_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are measured in turn, the judge with a verdict, and each row is relative to Python's own start."""
    started: list[tuple[str, ...]] = []

    def start(*arguments: str) -> Sample:
        started.append(arguments)
        return Sample(1, 0.02, 0.01) if arguments == ("-c", "pass") else Sample(1, 0.1, 0.08)

    monkeypatch.setattr(judge, "start", start)
    table = judge.starts(QUICK)
    assert table.rows == [
        ("judge", "100", "80.0", "5.00", "8.00"),
        ("python -c pass", "20.0", "10.0", "1.00", "1.00"),
    ]
    judging = ("loadtest", "judge", "--expect-canary", "30", *judge.COUNTS)
    assert started == [judging, *[judging, ("-c", "pass")] * QUICK.rounds]
