"""Runs the judge within this process, as a person calls it with something piped in."""

import io
from collections.abc import Callable

import pytest

from canary_loadtest.judge.command import main

Judge = Callable[..., int]


def judge_with(monkeypatch: pytest.MonkeyPatch, *first: str) -> Judge:
    """Return a function that judges what is on standard input, and returns the exit code.

    Args:
        monkeypatch: undoes what the function does to standard input.
        first: arguments that come before those that the function is called with.
    """

    def judge(options: str, stdin: bytes = b"") -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            return main([*first, *options.split()])
        except SystemExit as end:
            return int(end.code or 0)

    return judge
