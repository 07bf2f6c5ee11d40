"""The command line of the course: `python -m scripts.course --help`."""

import argparse
import io
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.errors import CourseError
from scripts.course.page.server import Background, background, serve
from scripts.course.runner import Course
from scripts.course.state import CourseFolder
from scripts.lab.errors import LabError
from scripts.lab.terminal import print_error, told

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
# What each verb does, with the argument that it takes.
VERBS: Final[dict[str, tuple[str, str]]] = {
    "check": ("", "report whether the step is done, and what was seen"),
    "hint": ("", "say more about what was seen; again: still more"),
    "solve": ("", "do what a learner would do, printing each command"),
    "answer": ("TEXT", "record the answer to the step's question"),
    "reset": ("", "start the step again, from anything"),
    "goto": ("N", "start step N, from anything; earlier steps are not needed"),
    "status": ("", "list the steps, and your own weight"),
    "hand-in": ("", "write what was done into a file for your instructor"),
    "page": ("", "show the step, and what a check saw, in a browser"),
}
EPILOG: Final = """Without a command it opens a prompt, in which the commands are typed; quit ends
it.

exit codes:
  0    check, hint, solve: the step is done; page: Ctrl-C; else: success
  1    the lab failed, as the message explains
  2    wrong usage
  10   check, hint, solve: not yet, and what was seen
  11   check, hint, solve: cannot tell, the environment is not as it was
       started
  130  interrupted (Ctrl-C)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, or the prompt, and return the exit code, as `--help` explains it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the text's name is Chinese, and LANG may be C
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    folder = CourseFolder()
    if options.command is None:
        return _guarded(lambda: _prompt(folder, options.name))
    if options.command == "page":
        return _guarded(lambda: serve(folder, options.port))
    verb = [options.command, *(options.argument if VERBS[options.command][0] else [])]
    return _guarded(lambda: _do(Course.of(folder, options.name), verb))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.course",
        description="A course on canary releases whose steps check themselves.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", metavar="NAME", help="who you are: your own weights are made from it; asked once")
    parsers = parser.add_subparsers(metavar="COMMAND", dest="command")
    for verb, (argument, description) in VERBS.items():
        command = parsers.add_parser(verb, help=description, description=f"{description}.")
        if argument:
            command.add_argument("argument", metavar=argument, nargs=1)
        if verb == "page":
            command.add_argument("--port", metavar="PORT", type=int, default=0, help="where; else the system chooses")
    return parser


def _prompt(folder: CourseFolder, name: str | None) -> int:
    """Show the next open step, and do what is typed until quit or the end of the input."""
    if folder.read() is None and not name:
        name = _typed(told(Message("Your name (your own weights are made from it): ")))
    course = Course.of(folder, name)
    # A step that does not start is no end: status and goto are there.
    _guarded(course.begin_next_open)
    print(told(Message("Type the step's commands in a second terminal, and here:")))
    print("  check, hint, solve, answer TEXT, reset, goto N, status, hand-in, page, quit")
    with background(folder) as page:
        _take_lines(course, page)
    print(told(Message("Your progress is in .course, and the lab keeps running: `make course` goes on.")))
    print(told(Message("`make clean` stops the lab, and removes all that was made.")))
    return EXIT_FINE


def _take_lines(course: Course, page: Background) -> None:
    """Do what is typed until quit or the end of the input."""
    while (line := _typed(f"course {course.current.number if course.current else '-'}> ")) is not None:
        words = _words(line)
        if words == ["quit"]:
            break
        if words == ["page"]:
            _guarded(page.show)
        elif words:
            _guarded(partial(_do, course, words))


def _do(course: Course, words: Sequence[str]) -> int:
    """Do what a verb with its argument says, and return its exit code.

    Raises:
        CourseError: there is no such verb, or its argument is missing or wrong.
        LabError: the lab failed.
    """
    verb, *rest = words
    plain: dict[str, Callable[[], int]] = {
        "check": course.check,
        "hint": course.hint,
        "solve": course.solve,
        "reset": course.reset,
        "status": course.status,
        "hand-in": course.hand_in,
    }
    if verb in plain and not rest:
        return plain[verb]()
    if verb == "goto" and len(rest) == 1 and rest[0].isascii() and rest[0].isdigit():
        return course.begin(int(rest[0]))
    if verb == "answer" and "".join(rest).strip():
        return course.answer(" ".join(rest))
    if verb in VERBS:
        raise CourseError(
            Message(
                "{words}: type {usage}", words=" ".join(words), usage=" ".join(filter(None, [verb, VERBS[verb][0]]))
            )
        )
    raise CourseError(Message("{verb}: unknown command; there are {verbs}, quit", verb=verb, verbs=", ".join(VERBS)))


def _guarded(action: Callable[[], int]) -> int:
    """Return what an action returns, or the code of the error that it ends with, after its message."""
    try:
        return action()
    except CourseError as error:
        print_error("course", error)
        return EXIT_USAGE
    except LabError as error:
        print_error("course", error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print_error("course", Message("interrupted"))
        return EXIT_INTERRUPTED


def _typed(prompt: str) -> str | None:
    """Return a line that a person types, None at the end of the input."""
    try:
        return input(prompt)
    except EOFError:
        print()
        return None


def _words(line: str) -> list[str]:
    """Return the words of a line; one with an open quotation mark is split at its spaces."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


if __name__ == "__main__":
    sys.exit(main())
