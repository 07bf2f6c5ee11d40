"""The options for what is written in addition to the table; the load test and the judge share them."""

import argparse
from pathlib import Path
from typing import Any


def writable_file(text: str) -> str:
    """Return the absolute path of a file that can be written, before a run is spent on it.

    Raises:
        argparse.ArgumentTypeError: the folder does not exist, or the path is a folder.
    """
    file = Path(text).absolute()
    if file.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: name a file")
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder of {text} does not exist: make it first")
    return str(file)  # Locust sends the options to its workers, and can send text only


def html_file(text: str) -> str:
    """Return the absolute path of an HTML file that can be written, and a JSON file of the same name.

    Raises:
        argparse.ArgumentTypeError: the name does not end in .html, or `writable_file` objects to either file.
    """
    if Path(text).suffix != ".html":
        raise argparse.ArgumentTypeError(f"{text} is not an HTML file: give it a name that ends in .html")
    writable_file(str(Path(text).with_suffix(".json")))
    return writable_file(text)


def add_outputs(
    parser: Any,  # noqa: ANN401 - a parser or a group: argparse has no public name for both
    env_prefix: str | None = None,
    *,
    of_a_run: bool = False,
) -> None:
    """Add the options for files and annotations to an argparse (or Locust) parser.

    Args:
        parser: the parser, or a group of one.
        env_prefix: prefix of the environment variables that set them, None where the parser knows none.
        of_a_run: whether to add those, too, that only a run can have.
    """

    def add(flag: str, explanation: str, **more: Any) -> None:  # noqa: ANN401 - what argparse takes
        env = {} if env_prefix is None else {"env_var": env_prefix + flag.removeprefix("--").replace("-", "_").upper()}
        parser.add_argument(flag, help=explanation, **more, **env)

    file = {"type": writable_file, "metavar": "FILE"}
    add("--verdict-json", "write the verdict to FILE as JSON", **file)
    if of_a_run:
        add("--verdict-text", "write the table to FILE, such as a container's /dev/termination-log", **file)
        html = {"type": html_file, "metavar": "FILE.html"}
        add("--report", "write a report with charts to FILE.html, and its data to FILE.json", **html)
    add("--summary", "append the verdict to FILE as Markdown, such as $GITHUB_STEP_SUMMARY", **file)
    add("--junit", "write the verdict to FILE as a JUnit report, which CI systems read", **file)
    add("--annotations", "print the verdict as an annotation of GitHub Actions, too", action="store_true")
