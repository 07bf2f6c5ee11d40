"""What the commands say that Envoy serves is what it serves, not what a file calls itself."""

from pathlib import Path

import pytest

from tests.lab.helpers import HOST, RunningLab, edited, istio, one_line
from tests.support.text import too_long


def shifted(lab: RunningLab, tmp_path: Path, text: str) -> str:
    """Return what `shift` prints, as one line, for a file with a text."""
    file = tmp_path / "state.yaml"
    file.write_text(text, encoding="utf-8")
    ended = lab.command_line.run("shift", "--dir", lab.folder.path, file)
    assert ended.returncode == 0, ended.stderr
    assert too_long(ended.stdout) == []
    return one_line(ended.stdout)


def without(name: str, *lines: str) -> str:
    """Return the text of a file below istio/ without the lines that have one of some words."""
    text = Path(istio(name)).read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not any(word in line for word in lines))


def test_a_name_that_disagrees_with_the_weights_is_no_fact(lab: RunningLab, tmp_path: Path) -> None:
    """A copied file whose weights alone were changed is told apart from the one that its name means."""
    weights = edited("virtual-service-70-30.yaml", "weight: 70", "weight: 50").replace("weight: 30", "weight: 50")
    printed = shifted(lab, tmp_path, weights)
    assert printed.startswith("Envoy serves v1 50 %, v2 50 % after ")
    assert "Its name, 70-30, says something else" in printed
    status = one_line(lab.command_line.run("status", "--dir", lab.folder.path).stdout)
    assert "Envoy serves v1 50 %, v2 50 %. Its name, 70-30, says something else" in status


def test_a_version_that_is_there_twice_is_seen(lab: RunningLab, tmp_path: Path) -> None:
    """Where v1 was copied for v2, both weights go to v1, and the name is wrong."""
    printed = shifted(lab, tmp_path, edited("virtual-service-90-10.yaml", "subset: v2", "subset: v1"))
    assert printed.startswith("Envoy serves v1 90 %, v1 10 % after ")
    assert "Its name, 90-10," in printed


def test_each_route_is_a_line_and_so_is_what_no_route_takes(lab: RunningLab, tmp_path: Path) -> None:
    """A header's route and the rest, and the 404 of those for which there is none."""
    header = Path(istio("virtual-service-header.yaml")).read_text(encoding="utf-8")
    printed = shifted(lab, tmp_path, header)
    assert "v2 100 % (header-canary) for x-canary: true v1 100 % (header-stable) for all that are left" in printed
    without_rest = header.partition("    - route:\n")[0]
    assert "404 for all that are left: no route takes them" in shifted(lab, tmp_path, without_rest)


@pytest.mark.parametrize("command", ["shift", "status"])
def test_a_rule_without_a_name_has_no_empty_name(lab: RunningLab, tmp_path: Path, command: str) -> None:
    """Nothing is printed where a name is missing, such as `, from`."""
    text = without("virtual-service-70-30.yaml", "headers:", "response:", " set:", "x-canary-")
    printed = shifted(lab, tmp_path, text)
    if command == "status":
        printed = one_line(lab.command_line.run("status", "--dir", lab.folder.path).stdout)
    assert "Envoy serves v1 70 %, v2 30 % (a route without a name)" in printed


def test_a_rule_that_the_gateway_does_not_apply_serves_nothing(lab: RunningLab, tmp_path: Path) -> None:
    """Without the gateway's name in the rule, `shift` and `show` say that every request gets 404."""
    printed = shifted(lab, tmp_path, without("virtual-service-70-30.yaml", "- micro-gateway"))
    assert printed.startswith("Envoy serves no route after ")
    show = lab.command_line.run("show", "--dir", lab.folder.path)
    assert (show.returncode, show.stdout) == (0, "Envoy serves no route: every request gets 404.\n")


def test_show_is_the_view_of_the_labs_envoy(lab: RunningLab) -> None:
    """Routes with weights, the limits of each version, its replicas, and how many requests each got."""
    overload = istio("destination-rule-overload.yaml")
    assert lab.command_line.run("shift", "--dir", lab.folder.path, overload).returncode == 0
    show = lab.command_line.run("show", "--dir", lab.folder.path)
    assert show.returncode == 0, show.stderr
    assert too_long(show.stdout) == []
    lines = show.stdout.splitlines()
    assert lines[0] == f"host {HOST}, routes http.8080"
    assert {"route 70-30", "  lead to    70 % v1, 30 % v2", "version v1", "version v2"} <= set(lines)
    assert [line.split()[1] for line in lines if "endpoint" in line] == ["micro-api-v1-0.sock", "micro-api-v2-0.sock"]
    assert "  limits     connections 10, pending requests 1, requests none" in lines
    assert lab.command_line.run("show", "--dir", lab.folder.path, HOST).stdout.startswith(lines[0])


def test_show_names_the_hosts_where_there_is_no_route(lab: RunningLab) -> None:
    """An unknown host ends with 1 and those that are known."""
    show = lab.command_line.run("show", "--dir", lab.folder.path, "other.test")
    assert (show.returncode, show.stdout) == (1, "")
    assert one_line(show.stderr) == f"lab: Envoy has no route for other.test: its hosts are {HOST}"


def test_a_long_condition_fits_the_terminal(lab: RunningLab, tmp_path: Path) -> None:
    """The line of a route whose cookie is a regex is broken, and nothing of it is lost."""
    text = edited("virtual-service-header.yaml", 'exact: "true"', "regex: '^(.*;)?user=(tester|somebody-else)(;.*)?$'")
    file = tmp_path / "cookie.yaml"
    file.write_text(text, encoding="utf-8")
    done = lab.command_line.run("shift", "--dir", lab.folder.path, file)
    assert too_long(done.stdout) == []
    assert "^(.*;)?user=(tester|somebody-else)(;.*)?$" in done.stdout
