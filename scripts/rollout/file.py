"""The file of a rollout, which is replaced whole at each change, and kept by one process at a time."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from canary_loadtest.core.message import Message
from canary_loadtest.output.files import write_whole
from scripts.rollout.rules.record import Record, RolloutError


class RolloutFile:
    """Where a rollout is kept: its record, and in a second file the counts of its load tests, until both are one."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is read or written yet."""
        self.path = path

    @property
    def counts(self) -> Path:
        """The file with the counts of the release, which the load test keeps up to date."""
        return self.path.with_name(f"{self.path.stem}.counts{self.path.suffix}")

    @contextmanager
    def lock(self) -> Iterator[int]:
        """Keep a second rollout from the same file, and give the descriptor that does.

        A load test that has the descriptor, too, keeps the lock if this process is killed.

        Raises:
            RolloutError: another one runs, or the folder cannot be written.
        """
        try:
            descriptor = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise RolloutError(
                Message("{path}: {strerror}: name another file with --record", path=self.path, strerror=error.strerror)
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RolloutError(
                Message(
                    "{path}: a rollout runs, or the load test that it has started; wait for its end, or stop it",
                    path=self.path,
                )
            ) from None
        else:
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self) -> Record | None:
        """Return the record, None where there is none.

        Raises:
            RolloutError: the file is no record.
        """
        try:
            return Record.from_dict(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RolloutError(
                Message("{path}: {strerror}: name another file with --record", path=self.path, strerror=error.strerror)
            ) from error
        except ValueError as error:
            raise RolloutError(
                Message("{path} is cut off, or no JSON: name another file with --record", path=self.path)
            ) from error
        except RolloutError as error:
            raise RolloutError(
                Message("{path}: {error}; name another file with --record", path=self.path, error=error)
            ) from error

    def write(self, record: Record) -> None:
        """Replace the record, with the counts so far.

        Raises:
            RolloutError: the file cannot be written.
        """
        try:
            write_whole(json.dumps({**record.to_dict(), "counts": self._counts()}, indent=2) + "\n", str(self.path))
        except OSError as error:
            raise RolloutError(
                Message("{path} was not written: {strerror}", path=self.path, strerror=error.strerror)
            ) from error

    def _counts(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.counts.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def finish(self) -> None:
        """Remove the counts' own file: the record has them."""
        self.counts.unlink(missing_ok=True)

    def put_aside(self, record: Record) -> Path:
        """Rename the file of a rollout that has ended by the time of its end, and return the new path."""
        at = record.events[-1].at if record.events else now()
        stamp = at.partition("+")[0].replace(" ", "T").replace(":", "-")
        kept = self.path.with_name(f"{self.path.stem}-{stamp}{self.path.suffix}")
        number = 1
        while kept.exists():
            number += 1
            kept = self.path.with_name(f"{self.path.stem}-{stamp}-{number}{self.path.suffix}")
        self.path.rename(kept)
        self.finish()
        return kept


def now() -> str:
    """Return the time as events have it."""
    return datetime.now(UTC).isoformat(" ", "seconds")
