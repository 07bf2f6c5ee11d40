"""One Locust process from test to test, which judges."""

import argparse
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import gevent
from locust import log
from locust.env import Environment
from locust.runners import Runner

from canary_loadtest.core.history import History
from canary_loadtest.core.labels import RowNames
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import EXIT_CODES, EXIT_NO_VERDICT
from canary_loadtest.core.reading import Reading
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.options import expectation_of
from canary_loadtest.output import report
from canary_loadtest.output.about import About
from canary_loadtest.output.files import print_whole
from canary_loadtest.output.language import told
from canary_loadtest.output.why import with_row
from canary_loadtest.runner.pacing import pacer_of
from canary_loadtest.runner.progress import follow
from canary_loadtest.runner.releases import ReleaseFile
from canary_loadtest.runner.target import TargetError, base_address, hosts_of, without_password
from canary_loadtest.runner.wording import LIVE_NEXT_STEPS
from canary_loadtest.runner.worker_run import Answers

NO_AUTOQUIT: Final = -1
LEAST_OF_SCHEDULE: Final = 0.9
START_SECONDS: Final = 1.0


class JudgingRun:
    """A process that tests alone: it counts, looks and gives the verdict.

    Attributes:
        stopping: whether it has decided to end the test.
    """

    def __init__(self, options: argparse.Namespace, runner: Runner) -> None:
        """Attach to a Locust runner.

        Args:
            options: Locust's options and those of `add_locust_options`, parsed.
            runner: what is to be stopped when the verdict is certain.
        """
        self.options = options
        self.pacer = pacer_of(options)
        self._runner = runner
        self._row_names = _row_names_of(runner.environment)
        self.session = self._new_session()
        self.history = History()
        self._began = time.monotonic()
        self._started_at: datetime | None = None
        self._progress: gevent.Greenlet[..., Any] | None = None
        self.stopping = False
        self._running = False
        self._interrupted = False
        self._final: Verdict | None = None
        self.fault = ""
        self.kept = False

    def _new_session(self) -> Session:
        session = Session(
            expectation_of(self.options),
            self.options.route or None,
            keep_going=self.options.keep_going,
            row_names=self._row_names,
            next_steps=LIVE_NEXT_STEPS,
        )
        session.hold_latency(self._missed_schedule)
        self._release = ReleaseFile(self.options.release, session.expectation, self._target())
        self._release.resume(session)
        return session

    def _target(self) -> str:
        """Return the address that is asked, with its Host."""
        return f"{self._runner.environment.host or self.options.host or ''} {self.options.host_header or ''}".strip()

    def _missed_schedule(self) -> str:
        """Return by how much fewer requests were sent than `--max-rate` asks for, "" where it is about as many.

        Such a run has another load than the one that was asked for, and latency depends on the load.
        """
        rate, points = self.options.max_rate, self.history.points
        if not rate or not points:
            return ""
        seconds = time.monotonic() - self._began if self._running else points[-1].seconds
        sent = self.session.tally.total + self.session.tally.settling + self.session.unfinished
        if sent >= LEAST_OF_SCHEDULE * rate * (seconds - START_SECONDS):
            return ""
        return Message(
            "the schedule was missed: {sent:.3g} requests a second were sent in place of {rate:g}; give"
            " more users (-u), or a lower --max-rate",
            sent=sent / seconds,
            rate=rate,
        )

    @property
    def answers(self) -> Answers:
        """What takes the answers of the present test."""
        return self.session

    def begin(self) -> None:
        """Start counting from nothing: a test starts, perhaps the second one of this process."""
        self.end_progress()
        self.stopping = self._interrupted = self.kept = False
        try:
            if host := self._runner.environment.host:
                base_address(host)
            self.clear()
        except (TargetError, ExpectationError) as error:  # the web UI takes any text
            print(told(Message("not started: {error}", error=error)), file=sys.stderr, flush=True)
            gevent.spawn(self._runner.stop)
            return
        if kept := self._release.kept_at(self.session.expectation.canary_percent):
            goes_on = Message("--release: goes on with {kept} answers of the file", kept=kept)
            print(told(goes_on), file=sys.stderr, flush=True)
        self._running = True
        self._began = time.monotonic()
        self._started_at = datetime.now(UTC)
        self.record()
        self._progress = gevent.spawn(follow, self.record, self.options.run_time)

    def reset(self) -> None:
        """Forget all that is counted, as the button of the web UI asks, and in the middle of a test begin again."""
        if self._running:
            self.begin()
        else:
            with suppress(ExpectationError):  # such a test was refused, and did not start
                self.clear()

    def clear(self) -> None:
        """Forget all that is counted.

        Raises:
            ExpectationError: the options state none that can be tested.
        """
        self._running = False
        self._final = None
        self.fault = ""
        self.history = History()
        self.session = self._new_session()

    def finish(self) -> None:
        """Gather what is still to be counted, before the users are stopped: here nothing."""

    def end(self) -> None:
        """Stop the progress; with the web UI, where the process lives on, print the verdict now."""
        self.close()
        self.end_progress()
        if not self.options.headless:
            print_whole(report.table(self.verdict(), told), to_stderr=self.options.json)

    def close(self) -> None:
        """Record the end of the test: what is counted is final, whether or not Locust has stopped it yet."""
        if self._running:
            self.record()
            self._keep_release(at_once=True)
        self._running = False

    def _keep_release(self, *, at_once: bool = False) -> None:
        """Keep the counts of a release; a file that cannot be written ends the test, whose counts would be lost."""
        try:
            self._release.keep(self.session, at_once=at_once)
        except OSError as error:
            self.fail(
                Message(
                    "--release {release} was not written: {strerror}",
                    release=self.options.release,
                    strerror=error.strerror,
                )
            )

    def end_progress(self) -> None:
        """Stop reporting progress."""
        if self._progress is not None:
            self._progress.kill(block=False)
            self._progress = None

    def answer_counted(self, answers: Answers) -> None:
        """End the test once its verdict is certain."""
        if answers is self.session:
            self.stop_when_decided()

    def stop_when_decided(self) -> None:
        """End the test once its verdict is certain or out of reach, unless it is to go on."""
        session = self.session
        if not session.keep_going and (session.decided or session.hopeless):
            self._stop()

    def fail(self, fault: str) -> None:
        """End the test because of a fault in the locustfile, and name the fault once."""
        if not self.fault:
            self.fault = fault
            print(told(Message("no verdict: {fault}", fault=fault)), file=sys.stderr, flush=True)
            self._stop()

    def _stop(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        # From a greenlet of its own: a task that stops the run is killed halfway, and the run goes on without it.
        gevent.spawn(self._end_test)

    def _end_test(self) -> None:
        """End the test, and the process where Locust would: with --headless, and after --autoquit."""
        if self.options.headless:
            self._runner.quit()
            return
        self._runner.stop()
        if self.options.autostart and self.options.autoquit != NO_AUTOQUIT:
            gevent.sleep(self.options.autoquit)
            self._runner.quit()
            if (web_ui := self._runner.environment.web_ui) is not None:
                web_ui.stop()

    def interrupt(self) -> None:
        """Note that somebody ends the test by hand."""
        self._interrupted = self._running

    def record(self) -> Session:
        """Add what is known now to the history, while the test runs, and return the measurement."""
        if self._running:
            self.history.record(time.monotonic() - self._began, self.session)
            self._keep_release()
        return self.session

    @property
    def state(self) -> str:
        """Whether a test is "running", has "ended", or none has begun: "ready"."""
        if self._running:
            return "running"
        return "ended" if self.history.points else "ready"

    def about(self) -> About:
        """Return what is measured, as the outputs name it."""
        hosts = dict.fromkeys(without_password(host) for host in hosts_of(self._runner.environment) if host)
        points = self.history.points
        return About(
            ", ".join(hosts),
            self.options.route or None,
            self._started_at,
            points[-1].seconds if points else None,
        )

    def verdict_so_far(self) -> Verdict:
        """Return the verdict; while the test runs, counts that are still to come are no objection to it."""
        return with_row(self.session.verdict()) if self._running else self.verdict()

    def verdict(self) -> Verdict:
        """Return the verdict at the end; that of an interrupted test is INCONCLUSIVE."""
        verdict = with_row(self.session.verdict(objection=self._objection()))
        if self.state == "ended":
            self._final = verdict
        return verdict

    def reading(self) -> Reading:
        """Return what is known now, without a look, so that a reader changes no verdict; at the end the verdict."""
        session = self.session
        return Reading(
            verdict=self._final or session.verdict(with_look=False),
            split_evidence=session.evidence(),
            health_evidence=session.canary_evidence(),
            to_go=session.to_go(),
            ended=self._final is not None,
        )

    def exit_code(self, verdict: Verdict) -> int:
        """Return how the process ends with a verdict: a fault of the locustfile leaves none."""
        return EXIT_NO_VERDICT if self.fault or log.unhandled_greenlet_exception else EXIT_CODES[verdict.outcome]

    def _objection(self) -> str:
        if self.fault:
            return self.fault
        if log.unhandled_greenlet_exception:
            return Message("a listener or a greenlet crashed, see the log")
        if self._interrupted and self.session.decided:
            return Message("interrupted before the end of the test")
        return ""


def _row_names_of(environment: Environment) -> RowNames | None:
    """Return what the first user class that says so calls the two versions."""
    named = (getattr(user, "row_names", None) for user in environment.user_classes)
    return next((row_names for row_names in named if row_names is not None), None)
