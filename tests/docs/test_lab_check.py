"""The lab's README shows what `lab check` prints."""

from tests.docs.documents import console_examples
from tests.support.processes import run
from tests.support.repository import ROOT


def test_the_readme_shows_what_is_printed() -> None:
    """The example of the section is what the command prints, to the letter."""
    examples = [one for one in console_examples(ROOT / "scripts/lab/README.md") if "scripts.lab check" in one[0]]
    assert examples
    for command, shown in examples:
        done = run("bash", "-c", command)
        assert (done.stdout, done.stderr, done.returncode) == (shown, "", 1)
