"""What the judge prints and writes."""

import argparse

from canary_loadtest.core.outcome import EXIT_CODES, EXIT_NOT_WRITTEN
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output import report
from canary_loadtest.output.about import About
from canary_loadtest.output.annotations import annotation
from canary_loadtest.output.files import keep, print_whole
from canary_loadtest.output.junit import write_junit


def write_out(verdict: Verdict, read: str, options: argparse.Namespace) -> int:
    """Print the verdict, write the files that were asked for, and return the exit code.

    Args:
        verdict: the result.
        read: what was judged, such as the name of a file.
        options: the parsed options, those of `add_outputs` among them.
    """
    about = About(read, options.route)
    lines = [report.table(verdict), *([annotation(verdict, about)] if options.annotations else [])]
    written = [
        print_whole("\n".join(lines)),
        keep(options.summary, lambda file: report.append_summary(verdict, about, file)),
    ]
    exit_code = EXIT_CODES[verdict.outcome] if all(written) else EXIT_NOT_WRITTEN
    if not keep(options.junit, lambda file: write_junit(verdict, about, file, exit_code)):
        exit_code = EXIT_NOT_WRITTEN
    kept = keep(options.verdict_json, lambda file: report.write_json(verdict, about, file, exit_code))
    return exit_code if kept else EXIT_NOT_WRITTEN
