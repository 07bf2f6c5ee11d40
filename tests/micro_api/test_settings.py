"""The configuration: what is allowed, and how the rest is refused."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micro_api.settings import VARIABLES, Settings, SettingsError


def test_defaults() -> None:
    """With nothing set the service is v1 on the article's port, with one worker, no metrics folder and no fault."""
    settings = Settings.from_env({"POD_NAME": "pod-a"})
    assert settings == Settings(
        version="v1",
        release="dev",
        pod="pod-a",
        bind="0.0.0.0:9090",
        workers=1,
        threads=8,
        graceful_timeout_seconds=20,
        keepalive_seconds=3700,
        receive_timeout_seconds=10,
        log_level="info",
        error_ratio=0,
        delay_seconds=0,
        delay_jitter_seconds=0,
        metrics_directory=None,
    )


def test_settings_are_frozen() -> None:
    """A setting cannot be changed after the check."""
    with pytest.raises(FrozenInstanceError):
        Settings.from_env({}).version = "v2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_VERSION", "v2"),
        ("SERVICE_RELEASE", "1.3-SNAPSHOT"),
        ("SERVICE_RELEASE", "发布" * 31),
        ("POD_NAME", "micro-api-7d4b9c-x2x1z"),
        ("SERVICE_BIND", "127.0.0.1:0"),
        ("SERVICE_BIND", "[::1]:65535"),
        ("SERVICE_BIND", "localhost:80"),
        ("SERVICE_BIND", "unix:/run/micro.sock"),
        ("SERVICE_BIND", "unix:/" + "x" * 102),
        ("SERVICE_LOG_LEVEL", "debug"),
    ],
)
def test_allowed_text(name: str, value: str) -> None:
    """An allowed text is kept unchanged."""
    (field,) = [variable.field for variable in VARIABLES if variable.name == name]
    assert getattr(Settings.from_env({name: value}), field) == value


@pytest.mark.parametrize(
    ("name", "field", "least", "most"),
    [
        ("WEB_CONCURRENCY", "workers", 1, 64),
        ("SERVICE_THREADS", "threads", 1, 256),
        ("SERVICE_GRACEFUL_TIMEOUT_SECONDS", "graceful_timeout_seconds", 1, 3600),
        ("SERVICE_KEEPALIVE_SECONDS", "keepalive_seconds", 1, 86400),
    ],
)
def test_limits_of_numbers(name: str, field: str, least: int, most: int) -> None:
    """Both limits are allowed, the numbers next to them are not."""
    for value in least, most:
        assert getattr(Settings.from_env({name: str(value)}), field) == value
    for value in least - 1, most + 1:
        with pytest.raises(SettingsError, match=rf"^{name}='{value}' is not allowed: set it to .*{least} to {most}$"):
            Settings.from_env({name: str(value)})


@pytest.mark.parametrize(
    ("name", "field", "most"),
    [
        ("SERVICE_ERROR_RATIO", "error_ratio", 1),
        ("SERVICE_DELAY_SECONDS", "delay_seconds", 60),
        ("SERVICE_DELAY_JITTER_SECONDS", "delay_jitter_seconds", 60),
    ],
)
def test_decimal_numbers(name: str, field: str, most: int) -> None:
    """Plain decimals up to the limit are allowed; larger, negative and other numbers are not."""
    for value in "0", "0.15", "00.5", f"{most}", f"{most}.0":
        assert getattr(Settings.from_env({name: value}), field) == float(value)
    for value in "nan", "NaN", "inf", "-inf", "Infinity", "-0.1", "-0", "+0.5", f"{most}.5", "1e-3", ".5", "0,5", "½":
        with pytest.raises(SettingsError, match=rf"^{name}='.*' is not allowed: set it to .* from 0 to {most}$"):
            Settings.from_env({name: value})


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_empty_is_not_unset(name: str) -> None:
    """An empty variable is refused: a template without a value must not serve v1 silently."""
    with pytest.raises(SettingsError, match=rf"^{name}='' is not allowed: set it to "):
        Settings.from_env({name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_VERSION", "V2"),
        ("SERVICE_VERSION", "v2 "),
        ("SERVICE_RELEASE", "x" * 64),
        ("SERVICE_RELEASE", "1.3\n"),
        ("POD_NAME", "pod a"),
        ("POD_NAME", "pod\r\nx-evil: 1"),
        ("SERVICE_BIND", "9090"),
        ("SERVICE_BIND", "0.0.0.0:65536"),
        ("SERVICE_BIND", "::1:9090"),
        ("SERVICE_BIND", "unix:relative"),
        ("SERVICE_BIND", "unix:/" + "x" * 103),
        ("SERVICE_BIND", "tcp://10.0.0.1:9090"),
        ("SERVICE_THREADS", "8.0"),
        ("SERVICE_THREADS", "８"),
        ("SERVICE_THREADS", "9" * 5000),
        ("SERVICE_LOG_LEVEL", "verbose"),
        ("SERVICE_ERROR_RATIO", "1.5"),
        ("SERVICE_DELAY_SECONDS", "9" * 5000),
        ("PROMETHEUS_MULTIPROC_DIR", "metrics"),
    ],
)
def test_refused_value(name: str, value: str) -> None:
    """The message for a bad value has the variable, the value and what is allowed."""
    with pytest.raises(SettingsError) as refusal:
        Settings.from_env({name: value})
    (problem,) = refusal.value.problems
    assert problem.startswith(f"{name}={value!r} is not allowed: set it to ")


def test_all_problems_at_once() -> None:
    """All bad values are reported together, in the order of the table."""
    names = [variable.name for variable in VARIABLES]
    with pytest.raises(SettingsError) as refusal:
        Settings.from_env(dict.fromkeys(names, ""))
    assert [problem.split("=")[0] for problem in refusal.value.problems] == names
    assert str(refusal.value).splitlines() == [*refusal.value.problems]


def test_metrics_directory_is_for_several_workers(tmp_path: Path) -> None:
    """The folder is used with several workers only; its default differs by address, so services never share it."""
    given_directory = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    assert Settings.from_env(given_directory).metrics_directory is None
    assert Settings.from_env({**given_directory, "WEB_CONCURRENCY": "2"}).metrics_directory == tmp_path
    defaults = {
        Settings.from_env({"WEB_CONCURRENCY": "2", "SERVICE_BIND": bind}).metrics_directory
        for bind in ("127.0.0.1:1", "127.0.0.1:2", "unix:/a/b", "unix:/a/c")
    }
    assert len(defaults) == 4


@given(st.dictionaries(st.sampled_from([variable.name for variable in VARIABLES]), st.text()))
@example({"WEB_CONCURRENCY": "2", "SERVICE_BIND": "unix:/\udcff"})
@example({"WEB_CONCURRENCY": "2", "SERVICE_BIND": "unix:/\0"})
def test_any_mapping_is_settings_or_a_settings_error(environ: Mapping[str, str]) -> None:
    """Any variables give settings or a problem for each bad one, never another error."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        named = {problem.split("=")[0] for problem in error.problems}
        assert named
        assert named <= environ.keys()
    else:
        assert isinstance(settings, Settings)


def test_no_variable_collides_with_those_of_kubernetes() -> None:
    """No variable begins with MICRO_API_, which Kubernetes sets for a Service named micro-api."""
    assert not [variable.name for variable in VARIABLES if variable.name.startswith("MICRO_API_")]
