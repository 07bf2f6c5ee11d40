"""A learner whose machine speaks Chinese reads the course in Chinese; what programs read stays as it is."""

import re
from dataclasses import replace
from typing import Final

import pytest

from scripts.course.catalog import steps
from tests.course.learner import Learner
from tests.support.text import too_long

# Commands and names stay; three words in a row are a sentence.
ENGLISH: Final = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")


@pytest.mark.course
def test_a_step_is_done_in_chinese(learner: Learner) -> None:
    """From its goal to its end; the prompt, hints and errors are Chinese, the progress and the verdicts English."""
    wang = replace(learner, language="zh_CN.UTF-8")
    begun = wang.course("--name", "Ada", "goto", "3")
    assert begun.stdout.startswith("第 3 步   自己写一个流量状态（约 7 分钟）\n目标：    亲手")
    assert "正文：    docs/workshop/steps/30-write-a-state/text.zh-CN.md\n" in begun.stdout
    checked = wang.course("check")
    assert (checked.returncode, checked.stdout.partition("\n")[0]) == (
        10,
        "未完成：  Envoy 现在是 v1 100（100-0）：v2 还什么都没有得到。",
    )
    said = [begun, checked, wang.course("hint"), wang.course("status"), wang.course("answer", "30")]
    solved = wang.course("solve")
    assert (solved.returncode, too_long(solved.stdout)) == (0, [])
    assert "\n结论：    CONFIRMED - " in solved.stdout
    assert not ENGLISH.search(re.sub(r"^(?:\$|  -).*$", "", solved.stdout + solved.stderr, flags=re.MULTILINE))
    assert '"CONFIRMED"' in (learner.verdicts / "mine.json").read_text(encoding="utf-8")
    done = wang.course("check")
    assert done.stdout.startswith("完成：    Envoy 的权重是 v1 85、v2 15，")
    assert "下一步：  goto 4（在负载下切换，一个请求都不丢）" in done.stdout
    said += [done, wang.course("hand-in"), wang.course(stdin="status\nquit\n")]
    for one in said:
        assert too_long(re.sub(r"^(?:course \d> )+", "", one.stdout, flags=re.MULTILINE)) == []
        assert one.stderr == ""
        assert not ENGLISH.search(one.stdout)
    attempt = learner.progress()["attempts"]["write_a_state"]
    assert attempt["finding"].startswith("Envoy 的权重是 v1 85、v2 15，")
    assert attempt["saw"].startswith("Envoy's weights are v1 85, v2 15, its answers say 85-15,")


def test_each_step_has_a_chinese_title_and_goal() -> None:
    """They are those of the translated text."""
    for step in steps():
        chinese = step.in_chinese
        assert chinese.text.name == "text.zh-CN.md"
        assert chinese.title != step.title
        assert chinese.goal.endswith("。")
