"""What the options ask for, in the load test as in the judge: lines on standard output, files with the exit code."""

import argparse

from canary_loadtest.core.outcome import EXIT_NOT_WRITTEN
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output import report
from canary_loadtest.output.about import About
from canary_loadtest.output.annotations import annotation
from canary_loadtest.output.files import keep
from canary_loadtest.output.junit import write_junit
from canary_loadtest.output.language import told


def printed(verdict: Verdict, about: About, options: argparse.Namespace) -> str:
    """Return the table, and the annotation where `--annotations` asks for one, without a newline at its end."""
    return "\n".join([report.table(verdict, told), *([annotation(verdict, about)] if options.annotations else [])])


def write_with_exit_code(verdict: Verdict, about: About, options: argparse.Namespace, exit_code: int) -> int:
    """Write the files that bear the exit code, `--junit` and `--verdict-json`, and return that code.

    Args:
        verdict: the result.
        about: what was measured.
        options: the parsed options.
        exit_code: that of the process so far; a file that cannot be written makes it `EXIT_NOT_WRITTEN`.
    """
    if not keep(options.junit, lambda file: write_junit(verdict, about, file, exit_code)):
        exit_code = EXIT_NOT_WRITTEN
    kept = keep(options.verdict_json, lambda file: report.write_json(verdict, about, file, exit_code))
    return exit_code if kept else EXIT_NOT_WRITTEN
