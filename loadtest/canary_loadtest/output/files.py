"""Writing the files that a run is asked for."""

from pathlib import Path


def write_whole(text: str, path: str) -> None:
    """Write `text` to the file at `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(path)
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def write_in_place(text: str, path: str) -> None:
    """Write `text` into the file at `path`, which stays the same file: a container's termination log is a mount.

    Raises:
        OSError: the file cannot be written.
    """
    Path(path).write_text(text, encoding="utf-8")


def append(text: str, path: str) -> None:
    """Append `text` to the file at `path`.

    Raises:
        OSError: the file cannot be written.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
