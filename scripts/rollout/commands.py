"""A rollout by two commands: one sets a weight, one is the load test."""

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.message import Message
from canary_loadtest.gate import probe
from scripts.rollout import load_test
from scripts.rollout.engine import Measured, Step
from scripts.rollout.rules.record import RolloutError

SAID_LINES: Final = 10  # the cause comes first, as in `scripts/cluster/lib.sh`


@dataclass(frozen=True)
class CommandMachine:
    """What is moved by commands, such as a cluster.

    Attributes:
        set_weight_command: sets a weight, and ends when it is served; `{weight}` and `{route}` in it are filled in.
        load_test_command: the load test with all that does not depend on the step, such as `--host`.
        url: where the requests of the proof go.
        host: their Host header, "" for the one of the URL.
        kept_open: file descriptors that the load test has, too.
    """

    set_weight_command: Sequence[str]
    load_test_command: Sequence[str]
    url: str
    host: str = ""
    kept_open: Sequence[int] = ()

    def set_weight(self, weight_percent: float, route: str) -> None:
        """Run the command for a weight.

        Raises:
            RolloutError: it fails.
        """
        values = {"{weight}": f"{weight_percent:g}", "{route}": route}
        argv = [_filled(word, values) for word in self.set_weight_command]
        try:
            done = subprocess.run(argv, check=False, capture_output=True, text=True)  # noqa: S603 - no shell
        except OSError as error:
            raise RolloutError(f"{argv[0]}: {error.strerror}") from error
        if done.returncode:
            said = "\n".join(f"    {line}" for line in (done.stderr or done.stdout).splitlines()[:SAID_LINES])
            raise RolloutError(
                Message(
                    "the weight was not set, exit code {code}:\n  {command}\n{said}",
                    code=done.returncode,
                    command=shlex.join(argv),
                    said=said,
                )
            )

    def measure(self, step: Step) -> Measured:
        """Return the load test's verdict on a step."""
        return load_test.measured(self.load_test_command, step, self.kept_open)

    def ask(self) -> Answer:
        """Send one request, and return its answer."""
        return probe.ask(self.url, self.host)


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word
