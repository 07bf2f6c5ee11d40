"""What can be said of the chapters without a cluster: how they are compared, and that no question stays open."""

import re
import shlex
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest

from tests.docs.documents import console_examples, pattern_of
from tests.e2e.chapters import FLOW_CHAPTERS, FOLDER, MESH_CHAPTERS, Chapters
from tests.e2e.cluster import WATCH

POD = "micro-api-5c87dc94b9-hznls   1/1     Running   0          23s   stable   5c87dc94b9\n"
COMMAND = "scripts/cluster/load-images.sh"
MEASURE = "scripts/mesh/measure.sh"
UNDO = "scripts/cluster/rolling.sh undo"
HEAD = "REPLICASET TRACK WANTED READY\n"
LISTED = ("micro-api-{} stable 2 2\n", "micro-api-{} canary 2 2\n", "micro-api-{} stable 0 <none>\n")
CHANGES = """\
micro-api-{1} canary 0 2
micro-api-{0} stable 3 2
micro-api-{1} canary 0 <none>
micro-api-{0} stable 3 3
"""
HASHES = ("65758b79fb", "5d4c8d6f7c", "74b98cf6cf")
CHAPTERS = sorted(FOLDER.glob("[0-9]*.md"))
STEP = re.compile(r"^## (?:Step|第) ?(\d+)", re.MULTILINE)
QUESTION = re.compile(r"^\*\*(?:Question|问题) (\d+)", re.MULTILINE)
ANSWER = re.compile(r"^(\d+)\. ", re.MULTILINE)
ANSWERS = re.compile(r"^## (?:Answers|答案)$", re.MULTILINE)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (POD, "micro-api-695df856cf-2x7kp   1/1   Running   0   2m10s   stable   695df856cf\n"),
        ("pod/loadtest-trnw2 condition met\n", "pod/loadtest-bcdfg condition met\n"),
        ("first\n...\nlast\n", "first\nlast\n"),
        ("first\n...\nlast\n", "first\na\nb\nlast\n"),
        ('{"data":"V3|无依赖"}\n', '{"data":"无依赖"}\n'),
        ('{"data":"无依赖"}\n', '{"data":"V3|无依赖"}\n'),
    ],
)
def test_what_chance_decides_may_differ(shown: str, printed: str) -> None:
    """Names that Kubernetes makes, ages, figures, left-out lines and the version of an answer do not count."""
    assert pattern_of(shown).fullmatch(printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (POD, POD.replace("stable", "canary")),
        (POD, POD.replace("Running", "Pending")),
        (POD, POD.replace("23s", "soon")),
        (POD, POD * 2),
        ("ready <none>\n", "ready 2\n"),
        ('{"data":"V3|无依赖"}\n', '{"data":"V4|无依赖"}\n'),
    ],
)
def test_all_else_must_be_the_same(shown: str, printed: str) -> None:
    """Another word, another number of lines, or a word in place of a figure is another output."""
    assert not pattern_of(shown).fullmatch(printed)


def test_an_example_is_proven_once() -> None:
    """An output that differs is an error; when its command has run once, it counts as proven and may differ."""
    chapters = Chapters()
    assert COMMAND in chapters.unproven(FLOW_CHAPTERS)
    with pytest.raises(AssertionError, match="is not what the chapter shows"):
        chapters.compare(COMMAND, "something else", cluster="e2e-1")
    assert COMMAND not in chapters.unproven(FLOW_CHAPTERS)
    chapters.compare(COMMAND, "something else", cluster="e2e-1")


def test_a_cluster_of_another_name_stands_for_the_documented_one() -> None:
    """The tests' cluster has a name of its own, and the chapter the one that a reader gets."""
    printed = f"\n$ kind load docker-image --name e2e-1 {images()}\nImage: loading\n"
    Chapters().compare(COMMAND, printed, cluster="e2e-1")


def watched(order: Sequence[int], changes: str = CHANGES) -> str:
    """Return what a watch shows of a rollback, the ReplicaSets at its beginning in some order."""
    return HEAD + "".join(LISTED[one].format(HASHES[one]) for one in order) + changes.format(*HASHES)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_hashes_decide_the_order_of_a_list(order: Sequence[int]) -> None:
    """A list is sorted by names, and each version of Kubernetes makes other hashes of the same pod templates."""
    Chapters().compare(shlex.join(("kubectl", *WATCH)), watched(order), cluster="e2e-1")


@pytest.mark.parametrize(
    "printed",
    [
        watched((0, 1)),
        watched((0, 1, 1)),
        watched((0, 1, 2), "".join(reversed(CHANGES.splitlines(keepends=True)))),
    ],
    ids=["one missing", "one twice", "changes in another order"],
)
def test_a_list_must_be_complete_and_changes_come_in_their_order(printed: str) -> None:
    """Only the rows of one list may change places."""
    with pytest.raises(AssertionError, match="is not what the chapter shows"):
        Chapters().compare(shlex.join(("kubectl", *WATCH)), printed, cluster="e2e-1")


def test_what_kubectl_warns_of_is_left_out() -> None:
    """Each version of kubectl warns of other things; what it calls an error must be the same."""
    shown = dict(console_examples(FOLDER / FLOW_CHAPTERS[0]))[UNDO]
    rolled_back = "deployment.apps/micro-api rolled back\n"
    assert rolled_back in shown
    Chapters().compare(UNDO, shown.replace(rolled_back, f"Warning: of something\n{rolled_back}"), cluster="e2e-1")
    with pytest.raises(AssertionError, match="is not what the chapter shows"):
        Chapters().compare(UNDO, shown.replace(rolled_back, f"error: of something\n{rolled_back}"), cluster="e2e-1")


def test_a_verdict_may_break_its_lines_elsewhere() -> None:
    """Longer figures move the last words of a line to the next one; other words are another verdict."""
    printed = dict(console_examples(FOLDER / MESH_CHAPTERS[0]))[MEASURE]
    assert "are from the canary: within 5\n          points of 30 %" in printed
    longer = printed.replace("within 5\n          points of", "within\n          5 points of")
    Chapters().compare(MEASURE, longer, cluster="canary-cluster")
    with pytest.raises(AssertionError, match="is not what the chapter shows"):
        Chapters().compare(MEASURE, longer.replace("within", "outside"), cluster="canary-cluster")


def images() -> str:
    """Return the images that the first chapter loads."""
    found = re.search(
        r"^\$ kind load .* canary-cluster (.*)$", (FOLDER / FLOW_CHAPTERS[0]).read_text("utf-8"), re.MULTILINE
    )
    assert found
    return found[1]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda file: file.name)
def test_every_step_has_a_question_and_every_question_an_answer(chapter: Path) -> None:
    """Step N asks question N, and the list at the end answers it."""
    text = chapter.read_text("utf-8")
    steps = STEP.findall(text)
    assert steps
    assert QUESTION.findall(text) == steps
    assert ANSWER.findall(ANSWERS.split(text)[1]) == steps
