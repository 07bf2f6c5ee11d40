"""Writing what a run is asked for, into files and to standard output.

A regular file is replaced whole. A FIFO, a device or a mount is written in place and never replaced or removed:
`/dev/full` stays a device, and a container's termination log stays the mount that the kubelet reads.
"""

import errno
import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from canary_loadtest.core.message import Message
from canary_loadtest.output.language import told


def write_whole(text: str, path: str) -> None:
    """Write `text` to the file at `path`: a regular file whole or not at all, anything else in place.

    A link is followed, and the file that it leads to keeps its permissions.

    Raises:
        OSError: the file cannot be written; a FIFO that nothing reads is such a file.
    """
    # Asked of the path itself: what /dev/stdout leads to, or a shell's >(command), may have no name to resolve it to.
    if Path(path).exists() and not Path(path).is_file():
        write_in_place(text, path)
        return
    file = Path(path).resolve()
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        if file.exists():
            shutil.copymode(file, partial)
        partial.replace(file)
    except OSError as error:
        if error.errno != errno.EBUSY:  # a file that is a mount cannot be replaced
            raise
        write_in_place(text, path)
    finally:
        partial.unlink(missing_ok=True)


def write_in_place(text: str, path: str) -> None:
    """Write `text` into the file at `path`, which stays the same file.

    Raises:
        OSError: the file cannot be written; a FIFO that nothing reads is such a file.
    """
    with _opened(path, os.O_TRUNC) as file:
        file.write(text)


def append(text: str, path: str) -> None:
    """Append `text` to the file at `path`.

    Raises:
        OSError: the file cannot be written; a FIFO that nothing reads is such a file.
    """
    with _opened(path, os.O_APPEND) as file:
        file.write(text)


def _opened(path: str, flag: int) -> IO[str]:
    """Open a file for writing; a FIFO that nothing reads is an error, and does not block."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | flag, 0o666)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def keep(file: str | None, write: Callable[[str], None]) -> bool:
    """Write a file that was asked for, and return whether that went well."""
    try:
        if file is not None:
            write(file)
    except OSError as error:
        problem = Message("the file {file} was not written: {strerror}", file=file, strerror=error.strerror)
        print(told(problem), file=sys.stderr)
        return False
    return True


def print_whole(text: str, *, to_stderr: bool = False) -> bool:
    """Print `text`, and return whether that went well.

    A reader that has gone, as `head` does, has what it wants. What else goes wrong is named on standard error.

    Args:
        text: what is printed.
        to_stderr: whether to use standard error, because standard output is for something else.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale of any kind may ask for Chinese
            stream.reconfigure(errors="replace")
    if to_stderr:
        print(text, file=sys.stderr, flush=True)
        return True
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        problem = Message("standard output was not written: {strerror}", strerror=error.strerror)
        print(told(problem), file=sys.stderr)
        return False
    return True


def _discard_output() -> None:
    """Lead standard output nowhere, so that Python does not fail again when it flushes it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
