"""What the verbs do with the steps: start, check, hint, solve, answer; they print, and return exit codes."""

import importlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol, cast

from canary_loadtest.core.message import Message, joined
from canary_loadtest.output.language import speaks_chinese
from canary_loadtest.output.text import padded
from scripts import REPOSITORY
from scripts.course.bench import Bench
from scripts.course.catalog import Step, steps
from scripts.course.cluster_bench import ClusterBench
from scripts.course.desk import Desk
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.hand_in import write as write_hand_in
from scripts.course.mesh_bench import MeshBench
from scripts.course.order import next_open
from scripts.course.rules.finding import Finding, Outcome
from scripts.course.rules.personal import own_percent
from scripts.course.state import Attempt, CourseFolder, Progress
from scripts.lab.terminal import filled, told

# As the load test's: yes, no, and neither.
CODES: Final = {Outcome.DONE: 0, Outcome.NOT_YET: 10, Outcome.CANNOT_TELL: 11}
LABELS: Final = {
    Outcome.DONE: Message("done:"),
    Outcome.NOT_YET: Message("not yet:"),
    Outcome.CANNOT_TELL: Message("cannot tell:"),
}
BENCHES: Final[Mapping[str, type[Bench | ClusterBench]]] = {"lab": Bench, "cluster": ClusterBench, "mesh": MeshBench}
PLACES: Final = {"lab": Message("lab:"), "cluster": Message("cluster:")}
NONCE_BYTES: Final = 3
LABEL: Final = 9  # columns before the text of a line, as in the table of the load test


class StepCode(Protocol):
    """A module of scripts.course.steps."""

    start: Callable[[Desk], None]
    check: Callable[[Desk], Finding]
    solve: Callable[[Desk], Attempt]


class Course:
    """A learner's course."""

    def __init__(self, folder: CourseFolder, progress: Progress) -> None:
        """Take the folder, and the progress that it has or that begins."""
        self._folder = folder
        self._progress = progress
        self._steps = [one.in_chinese if speaks_chinese() else one for one in steps()]

    @classmethod
    def of(cls, folder: CourseFolder, learner: str | None) -> "Course":
        """Return the course in a folder.

        Args:
            folder: the folder.
            learner: the learner's name, None for the one that the folder has.

        Raises:
            CourseError: the folder is another learner's, or no name is known.
        """
        progress = folder.read()
        if progress is None:
            if not learner or not learner.strip():
                raise CourseError(Message("say who you are with --name NAME: your own weights are made from it"))
            progress = Progress(" ".join(learner.split()))
        elif learner and learner.strip() != progress.learner:
            raise CourseError(
                Message(
                    "--name {learner}: the progress in {path} is {progress_learner}'s; move {file} away to "
                    "begin as someone else",
                    learner=learner,
                    path=folder.path,
                    progress_learner=progress.learner,
                    file=folder.file,
                )
            )
        return cls(folder, progress)

    @property
    def current(self) -> Step | None:
        """The step that was started last, None before the first."""
        return next((one for one in self._steps if one.name == self._progress.current), None)

    def begin(self, number: int) -> int:
        """Start the step with a number, from anything."""
        if not 1 <= number <= len(self._steps):
            raise CourseError(
                Message("goto {number}: there are steps 1 to {count}", number=number, count=len(self._steps))
            )
        step = self._steps[number - 1]
        former = self._progress.attempts.get(step.name)
        attempt = Attempt((former.number if former else 0) + 1, secrets.token_hex(NONCE_BYTES))
        self._folder.write(self._progress)  # before the step's files: it makes the folder
        bench = self._bench(step, attempt)
        _code(step).start(bench)
        attempt = replace(attempt, url=bench.url(), started_at_seconds=time.time())
        self._folder.make_verdicts(step.name, attempt, former)
        self._keep(step, attempt)
        _say(
            Message("Step {number}", number=number),
            Message("{title} (about {minutes} minutes)", title=step.title, minutes=step.minutes),
        )
        _say(Message("goal:"), step.goal)
        _say(Message("read:"), Message("{path} (中文: text.zh-CN.md)", path=step.text.relative_to(REPOSITORY)))
        _say(
            PLACES[step.place],
            Message(
                "{url}; your weight of v2: {percent}", url=attempt.url, percent=own_percent(self._progress.learner)
            ),
        )
        return 0

    def begin_next_open(self) -> int:
        """Show the current step if it is open, else start the next one that is; return the exit code."""
        step = self._next_open()
        if step is None:
            print(told(Message("All steps are done. `goto N` starts one again.")))
            return 0
        if step != self.current:
            return self.begin(step.number)
        _say(
            Message("Step {number}", number=step.number),
            Message("{title}: started at {url}", title=step.title, url=self._attempt(step).url),
        )
        _say(Message("goal:"), step.goal)
        _say(Message("read:"), Message("{path} (中文: text.zh-CN.md)", path=step.text.relative_to(REPOSITORY)))
        return 0

    def reset(self) -> int:
        """Start the current step again."""
        return self.begin(self._open_step().number)

    def check(self) -> int:
        """Check the current step, print what was seen, and return its code."""
        _, finding = self._checked()
        _say(LABELS[finding.outcome], finding.saw)
        if finding.look:
            _say(Message("look:"), finding.look)
        if finding.outcome is Outcome.DONE:
            following = self._next_open()
            _say(
                Message("next:"),
                Message("goto {number} ({title})", number=following.number, title=following.title)
                if following
                else Message("all steps are done"),
            )
        return CODES[finding.outcome]

    def hint(self) -> int:
        """Check the current step, print a hint on what was seen, each time more, and return the check's code."""
        step, finding = self._checked()
        attempt = self._attempt(step)
        given = attempt.hints.get(finding.cause, 0)
        if text := finding.hint(given):
            self._keep(step, replace(attempt, hints={**attempt.hints, finding.cause: given + 1}))
            _say(Message("seen:"), finding.saw)
            _say(Message("hint:"), text)
            more = len(finding.hints) - given - 1
            _say(
                Message("more:"),
                Message("`hint` again says more.") if more > 0 else Message("`solve` does it for you, and says how."),
            )
        else:
            _say(LABELS[finding.outcome], joined(" ", filter(None, [finding.saw, finding.look])))
        return CODES[finding.outcome]

    def solve(self) -> int:
        """Do what a learner would do, printing each command, then check."""
        step = self._open_step()
        attempt = _code(step).solve(self._bench(step, self._attempt(step)))
        self._keep(step, replace(attempt, is_solved=True))
        return self.check()

    def answer(self, text: str) -> int:
        """Record the learner's answer to the current step's question."""
        step = self._open_step()
        former = self._attempt(step)
        attempt = replace(former, answer=text.strip(), answered_at_seconds=time.time(), answers=former.answers + 1)
        self._keep(step, attempt)
        recorded = Message(
            "Your answer to step {number} is recorded: {answer}", number=step.number, answer=attempt.answer
        )
        print(told(recorded))
        return 0

    def status(self) -> int:
        """Print the steps and how far the learner is."""
        learner = self._progress.learner
        percent = own_percent(learner)
        print(
            told(
                Message(
                    "{learner}, your weight of v2 is {percent} (v1 {stable_percent})",
                    learner=learner,
                    percent=percent,
                    stable_percent=100 - percent,
                )
            ),
            end="\n\n",
        )
        print(told(Message("  STEP  MINUTES  NEEDS    STATE            TITLE")))
        for step in self._steps:
            mark = ">" if step.name == self._progress.current else " "
            state = padded(told(self._word(step)), 15)
            print(f"{mark} {step.number:>4}  {step.minutes:>7}  {step.needs:<7}  {state}  {step.title}")
        return 0

    def hand_in(self) -> int:
        """Write what was done into a file, and print where it is."""
        self._open_step()
        file = write_hand_in(self._folder, self._progress)
        done_count = sum(map(self._is_done, self._steps))
        _say(
            Message("written:"),
            Message("{file}: {done} of {count} steps are done", file=file, done=done_count, count=len(self._steps)),
        )
        _say(
            Message("note:"),
            Message("it has your name, your answers and every count: evidence of your work, and no proof."),
        )
        return 0

    def _next_open(self) -> Step | None:
        return next_open(self._steps, self._progress)

    def _checked(self) -> tuple[Step, Finding]:
        step = self._open_step()
        attempt = self._attempt(step)
        try:
            finding = _code(step).check(self._bench(step, attempt))
        except CannotTellError as error:
            self._keep(step, attempt.with_finding(_as_said(error.finding), time.time()))
            return step, error.finding
        attempt = replace(attempt, checks=attempt.checks + 1)
        if finding.outcome is Outcome.DONE and not attempt.is_done:
            attempt = replace(attempt, is_done=True, done_at_seconds=time.time(), saw=finding.saw)
        self._keep(step, attempt.with_finding(_as_said(finding), time.time()))
        return step, finding

    def _open_step(self) -> Step:
        if self.current is None:
            raise CourseError(Message("no step has begun: start the first one with `goto 1`"))
        return self.current

    def _attempt(self, step: Step) -> Attempt:
        return self._progress.attempts[step.name]

    def _is_done(self, step: Step) -> bool:
        return step.name in self._progress.attempts and self._attempt(step).is_done

    def _word(self, step: Step) -> str:
        if step.name not in self._progress.attempts:
            return Message("not begun")
        if self._attempt(step).is_solved:
            return Message("done by solve") if self._is_done(step) else Message("open by solve")
        return Message("done") if self._is_done(step) else Message("open")

    def _bench(self, step: Step, attempt: Attempt) -> Bench | ClusterBench:
        return BENCHES[step.needs](self._folder, self._progress.learner, step.name, attempt)

    def _keep(self, step: Step, attempt: Attempt) -> None:
        self._progress = self._progress.with_attempt(step.name, attempt)
        self._folder.write(self._progress)


def _code(step: Step) -> StepCode:
    return cast("StepCode", importlib.import_module(f"scripts.course.steps.{step.name}"))


def _as_said(finding: Finding) -> Finding:
    """Return a finding in the user's language, for those who read it later."""
    return replace(finding, saw=told(finding.saw), look=told(finding.look))


def _say(label: str, text: str) -> None:
    """Print a line with its label, wrapped below its text."""
    print(filled(f"{padded(told(label), LABEL)} {told(text)}", " " * (LABEL + 1)), flush=True)
