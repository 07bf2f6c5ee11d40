"""`python -m loadtest`: the verdict without Locust (`judge`), or Locust with this load test (`locust`)."""

import runpy
import sys
from pathlib import Path

from . import judge

USAGE = """usage: python -m loadtest judge --help     judge counts, or answers that another tool sent for
       python -m loadtest locust --help    run the load test: Locust's options and this load test's own
"""


def run_locust(arguments: list[str]) -> None:
    """Run Locust with this locustfile: as `locust -f` does, but with all options in --help.

    Locust prints its help before it reads a locustfile, so the options must be registered before Locust starts.
    """
    # Locust patches the standard library at its import, which the judge must not need.
    from . import listeners  # noqa: F401, PLC0415 - registers the options

    sys.argv = ["locust", "-f", str(Path(__file__).with_name("locustfile.py")), *arguments]
    runpy.run_module("locust", run_name="__main__", alter_sys=False)


def main() -> int:
    """Run the command that the first argument names, and return the exit code."""
    command, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if command == "judge":
        return judge.main(arguments)
    if command == "locust":
        run_locust(arguments)
    print(USAGE, end="", file=sys.stdout if command in {"-h", "--help"} else sys.stderr)
    return 0 if command in {"-h", "--help"} else judge.EXIT_USAGE


sys.exit(main())
