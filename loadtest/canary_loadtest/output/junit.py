"""A verdict as a JUnit report: one suite of one test case.

There is no standard. The element order, and all attributes, are those that the strictest schema in use demands
(https://github.com/windyroad/JUnit-Schema); what Jenkins and GitLab read is a subset of it.
"""

import platform
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output.about import About, name_of
from canary_loadtest.output.files import write_whole
from canary_loadtest.output.report import table
from canary_loadtest.output.text import one_line

SUITE: Final = "canary-split"


def write_junit(verdict: Verdict, about: About, path: str, exit_code: int | None = None) -> None:
    """Write the verdict to the file at `path` as a JUnit report, whole or not at all; see `junit`.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(junit(verdict, about, exit_code), path)


def junit(verdict: Verdict, about: About, exit_code: int | None = None) -> str:
    """Return the verdict as a JUnit report.

    CONFIRMED passes, REFUTED is a failure and INCONCLUSIVE an error: no CI system lets either of them pass, and a wrong
    split is told apart from one that could not be judged. Where the process ends without a verdict, that is an error.

    Args:
        verdict: the result.
        about: what was measured; without a start the time of the report takes its place.
        exit_code: that of the process, None for the one of the verdict.
    """
    code = EXIT_CODES[verdict.outcome] if exit_code is None else exit_code
    passed, failed = (code == EXIT_CODES[outcome] for outcome in (Outcome.CONFIRMED, Outcome.REFUTED))
    seconds = f"{about.seconds or 0:.2f}"
    root = Element("testsuites")
    suite = SubElement(
        root,
        "testsuite",
        {
            "name": SUITE,
            "package": SUITE,
            "id": "0",
            "tests": "1",
            "failures": str(int(failed)),
            "errors": str(int(not passed and not failed)),
            "skipped": "0",
            "time": seconds,
            "timestamp": (about.started_at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": platform.node() or "localhost",
        },
    )
    SubElement(suite, "properties")
    case = SubElement(suite, "testcase", {"name": name_of(verdict, about), "classname": SUITE, "time": seconds})
    if not passed:
        kind = verdict.outcome.value if code == EXIT_CODES[verdict.outcome] else f"exit code {code}"
        what = SubElement(case, "failure" if failed else "error", {"message": one_line(verdict.reason), "type": kind})
        what.text = table(verdict)  # GitLab shows this text, and not that of system-out
    SubElement(suite, "system-out").text = table(verdict)
    SubElement(suite, "system-err")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'
