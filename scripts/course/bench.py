"""What the steps do with the lab: serve a beginning, see what is served, and run its commands as a learner would."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts import REPOSITORY
from scripts.course.calls import call
from scripts.course.desk import Desk
from scripts.course.envoy import weights
from scripts.course.errors import CannotTellError
from scripts.course.rules.calls import Calls
from scripts.course.rules.finding import cannot_tell
from scripts.course.rules.traffic import Traffic
from scripts.lab import control
from scripts.lab import status as lab_status
from scripts.lab.__main__ import EXIT_INTERRUPTED
from scripts.lab.__main__ import main as lab_main
from scripts.lab.errors import LabError
from scripts.lab.measure import PATH, in_lines, versions_behind
from scripts.lab.ports import Ports
from scripts.lab.processes import is_alive
from scripts.lab.show import HOST_HEADER
from scripts.lab.show import read as read_envoy
from scripts.lab.state import DEFAULT_FOLDER, LabFolder, LabState
from scripts.lab.status import Status
from scripts.lab.terminal import PROGRAM
from scripts.lab.traffic_state import TrafficState
from scripts.proxy.served import served, taking

ISTIO: Final = REPOSITORY / "istio"
RULE: Final = ISTIO / "destination-rule.yaml"
# The port that the documents show; another one where it is busy.
USUAL_PORT: Final = 18080
REPLICAS: Final = 2


def state_text(name: str) -> str:
    """Return a traffic state of the repository without the comments at its head, such as `70-30`."""
    return state_file(name).read_text(encoding="utf-8").partition("---\n")[2]


def state_file(name: str) -> Path:
    """Return the file of a traffic state of the repository."""
    return ISTIO / f"virtual-service-{name}.yaml"


@dataclass(frozen=True)
class Bench(Desk):
    """What a step of the lab works with.

    Attributes:
        lab: the folder of the lab: the one that the lab's commands use without an option.
    """

    lab: LabFolder = field(default_factory=lambda: LabFolder(DEFAULT_FOLDER))

    def serve(
        self, state: Path, rule: Path = RULE, *, canary_settings: Mapping[str, str] = control.NO_SETTINGS
    ) -> None:
        """Have a healthy lab serve a traffic state, with the repository's Gateway.

        A lab that is well and has nothing special is kept, with its address; any other one is replaced.

        Args:
            state: the file of a VirtualService.
            rule: the file of a DestinationRule.
            canary_settings: variables of the replicas of v2 alone, such as faults.

        Raises:
            LabError: the lab did not start.
        """
        files = [str(state), str(rule), str(ISTIO / "gateway.yaml")]
        found = lab_status.read(self.lab)
        if found and not canary_settings and _is_usable(found):
            control.restore(self.lab, TrafficState.load(files))
        else:
            control.down(self.lab)
            try:
                control.up(self.lab, files, ports=Ports(USUAL_PORT), replicas=REPLICAS, canary_settings=canary_settings)
            except LabError:  # the port is busy; any other reason is met, and reported, again
                control.up(self.lab, files, replicas=REPLICAS, canary_settings=canary_settings)

    def serve_hidden(self, state: str, rule: str | None = None) -> None:
        """Have the lab serve texts of which no file is left; arguments and errors as those of `serve`."""
        texts = {"hidden.yaml": state, "hidden-rule.yaml": rule}
        files = {self.folder.path / name: text for name, text in texts.items() if text is not None}
        try:
            for file, text in files.items():
                file.write_text(text, encoding="utf-8")
            self.serve(*files)
        finally:
            for file in files:
                file.unlink(missing_ok=True)

    def url(self) -> str:
        """Return the address of the running lab; raises LabError where none runs."""
        return control.running(self.lab).url

    def traffic(self) -> Traffic | None:
        """Return what Envoy serves to the learner's requests, None where no route takes them.

        Raises:
            CannotTellError: the lab of the step's start does not run, or not as it was started.
        """
        state = self._state()
        try:  # two requests of 5 s at most: a check ends within 15 s
            configuration = read_envoy(state.admin_url)
        except LabError as error:
            raise _lost(
                "envoy_silent", Message("Envoy does not report what it serves: {error}", error=error)
            ) from error
        route = taking(served(configuration.routes), HOST_HEADER, PATH, {})
        if route is None:
            return None
        pods = {
            share.version: versions_behind(share.cluster, configuration, state)
            for share in route.shares
            if share.weight_percent
        }
        return Traffic(route.name_on_answers, weights(configuration.routes, route), pods)

    def calls(self, headers: Mapping[str, str]) -> Calls:
        """Return what a few calls with some headers get, each by the lab's own address and host."""
        return call(self.attempt.url, headers)

    def run_lab(self, *arguments: str) -> int:
        """Print a command of the lab, run it, and return its exit code.

        Raises:
            KeyboardInterrupt: Ctrl-C ended it.
        """
        print(in_lines([*PROGRAM.split(), *arguments]), flush=True)
        code = lab_main(arguments)
        if code == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        return code

    def measure(self, file: str, *options: str) -> int:
        """Run the lab's `measure` with its verdict in a file of the step's folder, and return its exit code."""
        return self.run_lab("measure", *options, *self.into(file))

    def meanwhile(self, *arguments: str) -> AbstractContextManager[None]:
        """Print a command of the lab, let it run as a process of its own meanwhile, and wait for its end."""
        return self.alongside("-m", "scripts.lab", *arguments)

    def _state(self) -> LabState:
        """Return the state of the lab of the step's start; raise CannotTellError where it is not as it was started."""
        state = self.lab.read_state()
        if state is None:
            raise _lost("no_lab", Message("no lab runs here."))
        dead = [record.name for record in state.processes if not is_alive(record)]
        if dead or state.phase != "ready":
            raise _lost(
                "lab_ill",
                Message(
                    "the lab is {phase}; not alive: {dead}.",
                    phase=state.phase,
                    dead=joined(", ", dead) or Message("none"),
                ),
            )
        if state.url != self.attempt.url:
            raise _lost(
                "another_lab",
                Message(
                    "the lab is at {url}, and the step began at {started_at}.",
                    url=state.url,
                    started_at=self.attempt.url,
                ),
            )
        return state


def _is_usable(found: Status) -> bool:
    state = found.state
    plain = (state.replicas, state.groups, dict(state.canary_settings)) == (REPLICAS, 1, {})
    return found.is_well and found.served is not None and plain


def _lost(cause: str, saw: Message) -> CannotTellError:
    return CannotTellError(
        cannot_tell(cause, saw, Message("`reset` starts the step again, with a lab; your progress stays."))
    )
