"""The commands of the package: Locust with this load test, and the judge.

`canary-loadtest` and `canary-judge` once it is installed, `python -m canary_loadtest` too; from a copy of the folder
`python loadtest locust` and `python loadtest judge`.
"""

import runpy
import sys
from pathlib import Path

from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import EXIT_INTERRUPTED, EXIT_NO_VERDICT
from canary_loadtest.judge import command as judge
from canary_loadtest.output.language import told

USAGE = """usage: {program} judge --help
           judge counts, or answers that another tool received
       {program} locust --help
           run the load test: Locust's options and its own
       {program} gate --help
           answer a release engine whether its canary may go on
"""


def run_locust(arguments: list[str] | None = None) -> None:
    """Run Locust with the default locustfile: as `locust -f` does, but with all options in --help.

    Locust prints its help before it reads a locustfile, so the options must be registered before Locust starts.

    Args:
        arguments: the command line without the program's name, None for that of this process.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.argv = ["locust", "-f", str(Path(__file__).with_name("locustfile.py")), *given]
    try:
        # Locust patches the standard library at its import, which the judge must not need.
        from canary_loadtest.runner import listeners  # noqa: F401, PLC0415 - registers the options

        runpy.run_module("locust", run_name="__main__", alter_sys=False)
    except KeyboardInterrupt:  # Locust takes those that come after its start
        print(told(Message("load test: interrupted, no verdict")), file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def run_gate(arguments: list[str], program: str) -> int:
    """Run a part of the gate, and return the exit code.

    Args:
        arguments: the command line without the program's name.
        program: how it was called, for the usage.
    """
    from gevent import monkey  # noqa: PLC0415 - the other commands do not need it

    monkey.patch_all()
    from canary_loadtest.gate import command  # noqa: PLC0415 - after what it imports is patched

    return command.main(arguments, program)


def main(program: str = "python -m canary_loadtest") -> int:
    """Run the command that the first argument names, and return the exit code.

    Args:
        program: how it was called, for the usage.
    """
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if name == "judge":
        return judge.main(arguments, program=f"{program} judge")
    if name == "locust":
        run_locust(arguments)
    if name == "gate":
        return run_gate(arguments, f"{program} gate")
    is_help = name in {"-h", "--help"}
    print(USAGE.format(program=program), end="", file=sys.stdout if is_help else sys.stderr)
    return 0 if is_help else EXIT_NO_VERDICT


if __name__ == "__main__":
    sys.exit(main())
