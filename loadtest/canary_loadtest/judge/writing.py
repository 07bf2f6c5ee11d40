"""What the judge prints and writes."""

import argparse

from canary_loadtest.core.outcome import EXIT_CODES, EXIT_NOT_WRITTEN
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output import report
from canary_loadtest.output.about import About
from canary_loadtest.output.delivery import printed, write_with_exit_code
from canary_loadtest.output.files import keep, print_whole


def write_out(verdict: Verdict, read: str, options: argparse.Namespace) -> int:
    """Print the verdict, write the files that were asked for, and return the exit code.

    Args:
        verdict: the result.
        read: what was judged, such as the name of a file.
        options: the parsed options, those of `add_outputs` among them.
    """
    about = About(read, options.route)
    written = [
        print_whole(printed(verdict, about, options)),
        keep(options.summary, lambda file: report.append_summary(verdict, about, file)),
    ]
    exit_code = EXIT_CODES[verdict.outcome] if all(written) else EXIT_NOT_WRITTEN
    return write_with_exit_code(verdict, about, options, exit_code)
