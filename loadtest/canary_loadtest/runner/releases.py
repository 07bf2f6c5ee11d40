"""The file of a release: read before the first answer, and kept up to date while answers come."""

import json
import time
from pathlib import Path
from typing import Final

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.release import RUN, Release
from canary_loadtest.core.session import Session
from canary_loadtest.output.files import write_whole

KEEP_SECONDS: Final = 1.0
TARGET: Final = "target"  # the member with the address that was asked


class ReleaseFile:
    """The counts of a release on disk; without a path there are none.

    They are written at most once a second: what a killed process has lost since then no one has judged.
    """

    def __init__(self, path: str | None, expectation: Expectation, target: str) -> None:
        """Read the file.

        Args:
            path: of the file, None for a run that is no step of a release; one that does not exist is begun.
            expectation: what is tested.
            target: the address that is asked, and its Host: counts say nothing of another one.

        Raises:
            ExpectationError: the file cannot be read, or it is not one of this release.
        """
        self._path = path
        self._target = target
        self._release = Release.begin(expectation)
        self._kept_at = time.monotonic()
        if path is not None and Path(path).exists():
            try:
                self._release = self._read(Path(path))
                self._release.check(expectation)
            except OSError as error:
                raise ExpectationError(f"--release {path}: {error.strerror}") from None
            except json.JSONDecodeError:
                raise ExpectationError(
                    f"--release {path}: it is cut off, or no JSON: begin the release again, with another file"
                ) from None
            except ValueError as error:
                raise ExpectationError(f"--release {path}: {error}") from None

    def _read(self, path: Path) -> Release:
        found = json.loads(path.read_text(encoding="utf-8"))
        release = Release.from_dict(found)
        target = found.get(TARGET, self._target)
        if target != self._target:
            raise ExpectationError(
                f"its counts are of {target}, and this is {self._target}: begin another release, with another file"
            )
        return release

    def kept_at(self, weight_percent: float) -> int:
        """Return how many answers of a weight the file had."""
        return self._release.tally_at(weight_percent).total

    def resume(self, session: Session) -> None:
        """Have a measurement without an answer go on with the counts of the file."""
        if self._path is not None:
            session.go_on_with(self._release)

    def keep(self, session: Session, *, at_once: bool = False) -> None:
        """Write what a measurement has counted, now and then or at once.

        Raises:
            OSError: the file cannot be written.
        """
        if self._path is None or (not at_once and time.monotonic() < self._kept_at + KEEP_SECONDS):
            return
        kept = session.added_to(self._release).to_dict() | {RUN: session.run_to_dict(), TARGET: self._target}
        write_whole(json.dumps(kept) + "\n", self._path)
        self._kept_at = time.monotonic()
