"""Locust's events, passed to the run of this process: options, start, stop, exit code.

Importing this module registers the listeners; every locustfile that imports `CanaryUser` does. They must be
registered at import: Locust fires `quitting` in reverse, so that these run after its own last reports.
"""

import argparse
import os
import signal
import sys
import threading
from typing import Final, NoReturn, cast
from weakref import WeakKeyDictionary

import gevent
from gevent import getcurrent
from gevent.hub import Hub
from locust import events, log
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import EXIT_CODES, EXIT_NO_VERDICT, EXIT_NOT_WRITTEN, Outcome
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.options import add_locust_options, destinations_of, versions_of
from canary_loadtest.output import page, report
from canary_loadtest.output.delivery import printed, write_with_exit_code
from canary_loadtest.output.files import keep, print_whole
from canary_loadtest.output.language import told
from canary_loadtest.output.text import wrapped
from canary_loadtest.runner import web
from canary_loadtest.runner.master_run import MasterRun
from canary_loadtest.runner.run import JudgingRun
from canary_loadtest.runner.target import TargetError, base_address, hosts_of
from canary_loadtest.runner.worker_run import WorkerRun

INIT_POLL_SECONDS: Final = 0.01

Run = JudgingRun | WorkerRun
# Before the run Ctrl-C interrupts the greenlet that runs just then; gevent hands it on to the main one.
Hub.NOT_ERROR = (*Hub.NOT_ERROR, KeyboardInterrupt)
_runs: WeakKeyDictionary[Environment, Run] = WeakKeyDictionary()


def run_of(environment: Environment) -> Run:
    """Return what follows this environment's process."""
    return _runs[environment]


def judging_run_of(environment: Environment) -> JudgingRun | None:
    """Return the run of this environment's process if it judges, None in a worker."""
    run = run_of(environment)
    return run if isinstance(run, JudgingRun) else None


def options_of(environment: Environment) -> argparse.Namespace:
    """Return the parsed options, which an environment of the `locust` command always has."""
    return cast("argparse.Namespace", environment.parsed_options)


def usage_error(message: str) -> NoReturn:
    """End the process as for any wrong option: a message and exit code 2."""
    print(wrapped("load test: ", message, indent=4), file=sys.stderr)
    sys.exit(EXIT_NO_VERDICT)


def interrupt_the_main_greenlet() -> None:
    """Have Ctrl-C end the run wherever the process is: in the middle of an answer to Prometheus it could be lost.

    Python raises KeyboardInterrupt in what runs at that moment, which may be the server of the metrics or a user. From
    here on the hub takes the signal, and Locust's own greenlet gets it.
    """
    if threading.current_thread() is threading.main_thread():  # elsewhere no signal arrives
        hub = gevent.get_hub()
        gevent.signal_handler(signal.SIGINT, hub.handle_system_error, KeyboardInterrupt, KeyboardInterrupt())


def on_init(environment: Environment, **_: object) -> None:
    """Attach to the runner, and let no failure from here on end as exit code 0."""
    interrupt_the_main_greenlet()
    options = options_of(environment)
    runner = cast("Runner", environment.runner)
    if isinstance(runner, WorkerRunner):
        run = _runs[environment] = WorkerRun(options, runner)
        events.report_to_master.add_listener(lambda client_id, data: data.update(canary=run.payload()))  # noqa: ARG005 - Locust passes both by name
        return
    if options.expect_canary is None:
        usage_error("--expect-canary is missing: the share that the canary is configured to get, in percent")
    hosts = hosts_of(environment)
    if options.headless and not all(hosts):
        usage_error("--host is missing: the address of the service, such as http://127.0.0.1:8080")
    judging: JudgingRun
    try:
        destinations_of(options)
        versions_of(options)
        for host in filter(None, hosts):
            base_address(host)
        judging = MasterRun(options, runner) if isinstance(runner, MasterRunner) else JudgingRun(options, runner)
    except (TargetError, ExpectationError) as error:
        usage_error(str(error))
    environment.process_exit_code = EXIT_CODES[Outcome.INCONCLUSIVE]
    if isinstance(judging, MasterRun):
        events.worker_connect.add_listener(judging.share_rate)
        events.worker_report.add_listener(lambda client_id, data: judging.take(client_id, data.get("canary")))
    _runs[environment] = judging
    if environment.web_ui is not None:
        web.extend(environment.web_ui, judging, options)
    events.reset_stats.add_listener(judging.reset)
    # Registered now, later than Locust's own, and so called earlier: while a test that has not been ended still runs.
    events.quitting.add_listener(lambda environment: on_quitting_early(judging, environment))
    events.quit.add_listener(lambda exit_code: on_quit(environment, exit_code))
    if options.metrics_port is not None:
        serve_metrics(judging)


def serve_metrics(run: JudgingRun) -> None:
    """Serve the metrics of a run until its process ends, or end it now where they cannot be served."""
    # Its import takes as long as that of all else here, and hooks into the collection of garbage.
    from canary_loadtest.runner.metrics import MetricsServer  # noqa: PLC0415 - see above

    options = run.options
    host, port = options.metrics_host, options.metrics_port
    try:
        server = MetricsServer(run, host, port, options.metrics_wait)
    except OSError as error:
        # Python adds the address to what the system says; the number of an unknown host's name is none of the system's.
        what = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        usage_error(f"--metrics-port {port}: {what} at {host}: choose another port, or another --metrics-host")
    # Both after the listeners above: Locust calls those of `quitting` in reverse.
    events.quitting.add_listener(server.hurry)
    events.quit.add_listener(server.close)


def on_test_start(environment: Environment, **_: object) -> None:
    """Begin a measurement."""
    # A worker that joins a test is told to start as soon as it has called, perhaps before Locust fires `init`.
    while environment not in _runs and environment.parsed_options is not None:
        gevent.sleep(INIT_POLL_SECONDS)
    run_of(environment).begin()


def on_test_stopping(environment: Environment, **_: object) -> None:
    """Gather the last counts."""
    if (run := judging_run_of(environment)) is not None:
        run.finish()


def on_test_stop(environment: Environment, **_: object) -> None:
    """End a measurement; with the web UI, where the process lives on, keep its report now."""
    run_of(environment).end()
    if (run := judging_run_of(environment)) is not None and not run.options.headless:
        keep_report(run)


def on_quitting_early(run: JudgingRun, _: Environment) -> None:
    """Take the verdict from a test that Ctrl-C cuts off; SIGTERM is an orderly end, and comes in a greenlet."""
    if getcurrent().parent is None:
        run.interrupt()


def on_quitting(environment: Environment, **_: object) -> None:
    """Turn the verdict into the exit code, and write the files that were asked for."""
    if (run := judging_run_of(environment)) is None:
        return
    run.close()
    verdict, about = run.verdict(), run.about()
    written = [keep(run.options.verdict_text, lambda file: report.write_text(verdict, file)), keep_report(run)]
    exit_code = run.exit_code(verdict) if all(written) else EXIT_NOT_WRITTEN
    environment.process_exit_code = write_with_exit_code(verdict, about, run.options, exit_code)


def keep_report(run: JudgingRun) -> bool:
    """Write the report and the summary of a test that has ended, once, and return whether all went well."""
    if run.kept:
        return True
    run.kept = True
    verdict = run.verdict()
    written = [
        keep(run.options.report, lambda file: page.write_report(web.page_data(run), report.table(verdict), file)),
        keep(run.options.summary, lambda file: report.append_summary(verdict, run.about(), file)),
    ]
    return all(written)


def on_quit(environment: Environment, exit_code: int) -> None:
    """Print the verdict last, where it is seen, unless a crash makes it worthless."""
    run = judging_run_of(environment)
    was_printed = run is None or print_whole(
        printed(run.verdict(), run.about(), run.options), to_stderr=run.options.json
    )
    if log.unhandled_greenlet_exception and exit_code in {EXIT_NO_VERDICT, *EXIT_CODES.values()}:
        print(told(Message("no verdict: a listener or a greenlet crashed, see the log above")), file=sys.stderr)
        sys.exit(EXIT_NO_VERDICT)
    if not was_printed:
        sys.exit(EXIT_NOT_WRITTEN)


def on_parser(parser: argparse.ArgumentParser) -> None:
    """Add the options, and have Locust's usage errors fit 80 columns."""
    add_locust_options(parser)
    end = parser.exit

    def end_within_columns(status: int = 0, message: str | None = None) -> NoReturn:
        end(status, message and "".join(wrapped("", line, indent=4) + "\n" for line in message.splitlines()))

    setattr(parser, "exit", end_within_columns)  # noqa: B010 - a method, which mypy does not let one assign


for hook, listener in {
    events.init_command_line_parser: on_parser,
    events.init: on_init,
    events.test_start: on_test_start,
    events.test_stopping: on_test_stopping,
    events.test_stop: on_test_stop,
    events.quitting: on_quitting,
}.items():
    hook.add_listener(listener)
