"""What happens around the requests of a Locust run: options, counting, progress, early stop, verdict, exit code.

Importing this module registers the listeners; `user` does, and with it every locustfile that uses `CanaryUser`. They
must be registered at import: Locust fires `quitting` in reverse, so that these run after its own last reports.
"""

import argparse
import sys
from typing import Any, NoReturn, cast
from weakref import WeakKeyDictionary

import gevent
from locust import events, log
from locust.env import Environment
from locust.runners import LocalRunner, Runner

from . import report
from .options import add_locust_options, expectation_of
from .session import Session
from .verdict import Outcome

PROGRESS_SECONDS = 2.0


class Run:
    """Follows one Locust process: a session for each test, progress while it runs, the verdict at its end."""

    def __init__(self, options: argparse.Namespace, runner: Runner) -> None:
        """Attach to a Locust runner.

        Args:
            options: Locust's options and those of `add_locust_options`, parsed.
            runner: what is to be stopped when the verdict is certain.
        """
        self.options = options
        self.session = self._new_session()
        self._runner = runner
        self._progress: gevent.Greenlet[..., Any] | None = None
        self._stopping = False

    def _new_session(self) -> Session:
        return Session(expectation_of(self.options), self.options.route, keep_going=self.options.keep_going)

    def begin(self) -> None:
        """Start counting from nothing: a test starts, perhaps the second one of this process."""
        self.session = self._new_session()
        self._stopping = False
        self.end_progress()
        self._progress = gevent.spawn(self._report_progress)

    def end_progress(self) -> None:
        """Stop reporting progress."""
        if self._progress is not None:
            self._progress.kill(block=False)
            self._progress = None

    def stop_when_decided(self, session: Session) -> None:
        """End the test once its verdict is certain."""
        if not session.decided or session.keep_going or self._stopping:
            return
        self._stopping = True
        # From a greenlet of its own: a task that stops the run is killed halfway, and the run goes on without it.
        gevent.spawn(self._runner.quit if self.options.headless else self._runner.stop)

    def _report_progress(self) -> None:
        counted = 0
        seconds = 0.0
        while True:
            gevent.sleep(PROGRESS_SECONDS)
            seconds += PROGRESS_SECONDS
            total = self.session.tally.total
            rate, counted = (total - counted) / PROGRESS_SECONDS, total
            left = self.options.run_time - seconds if self.options.run_time else None
            print(report.progress_line(self.session, rate, left), file=sys.stderr, flush=True)


_runs: WeakKeyDictionary[Environment, Run] = WeakKeyDictionary()


def run_of(environment: Environment) -> Run:
    """Return what follows this environment's process."""
    return _runs[environment]


def options_of(environment: Environment) -> argparse.Namespace:
    """Return the parsed options, which an environment of the `locust` command always has."""
    return cast("argparse.Namespace", environment.parsed_options)


def usage_error(message: str) -> NoReturn:
    """End the process as for any wrong option: a message and exit code 2."""
    print(f"locustfile.py: {message}", file=sys.stderr)
    sys.exit(2)


def on_init(environment: Environment, **_: object) -> None:
    """Check what a run needs, and let no failure from here on end as exit code 0."""
    options = options_of(environment)
    if not isinstance(environment.runner, LocalRunner):
        usage_error("--master, --worker and --processes are not judged yet; run one process")
    if options.expect_v3 is None:
        usage_error("--expect-v3 is missing: which percentage of the answers is configured to be V3?")
    if options.headless and not environment.host:
        usage_error("--host is missing: where is the service, such as http://127.0.0.1:8080?")
    environment.process_exit_code = report.EXIT_CODES[Outcome.INCONCLUSIVE]
    run = _runs[environment] = Run(options, environment.runner)

    def on_quit(exit_code: int, **_: object) -> None:
        """Show the verdict last, where it is seen, unless a crash makes it worthless."""
        print(report.table(run.session.verdict()), flush=True)
        if exit_code in {0, 10} and log.unhandled_greenlet_exception:
            print("no verdict: a listener or a greenlet crashed, see the log above", file=sys.stderr)
            sys.exit(2)

    environment.events.quit.add_listener(on_quit)


def on_test_start(environment: Environment, **_: object) -> None:
    """Begin a measurement."""
    run_of(environment).begin()


def on_test_stop(environment: Environment, **_: object) -> None:
    """End the progress; with the web UI, where the process lives on, show the verdict now."""
    run = run_of(environment)
    run.end_progress()
    if not run.options.headless:
        print(report.table(run.session.verdict()), flush=True)


def on_quitting(environment: Environment, **_: object) -> None:
    """Turn the verdict into the exit code, and write the verdict file."""
    run = run_of(environment)
    verdict = run.session.verdict()
    environment.process_exit_code = report.EXIT_CODES[verdict.outcome]
    file = run.options.verdict_json
    if file is None:
        return
    try:
        report.write_json(verdict, file)
    except OSError as problem:
        print(f"the verdict file {file} was not written: {problem.strerror}", file=sys.stderr)
        environment.process_exit_code = 1


events.init_command_line_parser.add_listener(add_locust_options)
events.init.add_listener(on_init)
events.test_start.add_listener(on_test_start)
events.test_stop.add_listener(on_test_stop)
events.quitting.add_listener(on_quitting)
