"""The load test of one step, as a process: its verdict file is what counts."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import IO, Final

from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import EXIT_CODES
from canary_loadtest.output.language import speaks_chinese, told
from scripts.rollout.engine import Measured, Step
from scripts.rollout.rules.record import RolloutError

STOP_SECONDS: Final = 10.0
TAIL_LINES: Final = 5
OUTCOMES: Final = {code: outcome for outcome, code in EXIT_CODES.items()}


def options_of(step: Step) -> list[str]:
    """Return the options of the load test that state a step; the weight 100 has no next one."""
    options = ["--expect-canary", f"{step.weight_percent:g}", "--route", step.route]
    if step.weight_percent < 100:
        options += ["--next-weight", f"{step.next_percent:g}"]
    return [*options, "--release", step.counts, "--release-steps", str(step.split_steps), *step.load_test]


def measured(command: Sequence[str], step: Step, kept_open: Sequence[int] = ()) -> Measured:
    """Run a load test until its verdict, and return that.

    Args:
        command: the load test, to which the options of the step are added.
        step: what it is asked.
        kept_open: file descriptors that it has, too: the lock of a rollout is free only when its load test has ended.

    Raises:
        RolloutError: there is no verdict.
        KeyboardInterrupt: the user interrupted it; it has ended, and its counts are kept.
    """
    with tempfile.TemporaryDirectory(prefix="rollout-") as folder:
        file, log = Path(folder) / "verdict.json", Path(folder) / "log"
        argv = [*command, *options_of(step), "--verdict-json", str(file)]
        with log.open("wb") as output:
            code = _run(argv, output, kept_open)
        if code not in OUTCOMES:
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            said = "\n".join(f"    {line}" for line in tail)
            raise RolloutError(
                Message(
                    "no verdict, exit code {code}, from:\n  {command}\nIt said:\n{said}",
                    code=code,
                    command=shlex.join(argv),
                    said=said,
                )
            )
        reason = json.loads(file.read_text(encoding="utf-8"))["reason"] if file.exists() else ""
        shown = _of_the_verdict(log.read_text(encoding="locale", errors="replace")) if speaks_chinese() else ()
        return Measured(OUTCOMES[code], reason, shown)


def _of_the_verdict(printed: str) -> tuple[str, ...]:
    """Return the lines of a table that say the verdict, none where there is no table."""
    head = told(Message("verdict:"))
    from_it = list(dropwhile(lambda line: not line.startswith(head), printed.splitlines()))
    return (*from_it[:1], *takewhile(lambda line: line.startswith(" "), from_it[1:]))


def _run(argv: Sequence[str], output: IO[bytes], kept_open: Sequence[int]) -> int:
    """Run a command to its end, and return its exit code; Ctrl-C reaches it once, from here."""
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell
            argv, stdout=output, stderr=output, start_new_session=True, pass_fds=kept_open, env=os.environ
        )
    except OSError as error:
        raise RolloutError(f"{argv[0]}: {error.strerror}") from error
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
