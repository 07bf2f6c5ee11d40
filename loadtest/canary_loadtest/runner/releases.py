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


class ReleaseFile:
    """The counts of a release on disk; without a path there are none.

    They are written at most once a second: what a killed process has lost since then no one has judged.
    """

    def __init__(self, path: str | None, expectation: Expectation) -> None:
        """Read the file.

        Args:
            path: of the file, None for a run that is no step of a release; one that does not exist is begun.
            expectation: what is tested.

        Raises:
            ExpectationError: the file cannot be read, or it is not one of this release.
        """
        self._path = path
        self._release = Release.begin(expectation)
        self._kept_at = time.monotonic()
        if path is not None and Path(path).exists():
            try:
                self._release = Release.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
                self._release.check(expectation)
            except (OSError, ValueError) as error:
                raise ExpectationError(f"--release {path}: {error}") from None

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
        kept = session.added_to(self._release).to_dict() | {RUN: session.run_to_dict()}
        write_whole(json.dumps(kept) + "\n", self._path)
        self._kept_at = time.monotonic()
