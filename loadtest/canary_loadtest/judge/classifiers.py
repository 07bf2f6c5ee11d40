"""A classifier of one's own, from a Python file."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path

from canary_loadtest.core.contract import Classifier
from canary_loadtest.judge.sources import SourceError


def load_classifier(place: str) -> Classifier:
    """Return the classifier that FILE.py:NAME names, as `CanaryUser.classify` is one.

    Args:
        place: a Python file, a colon, and the name of a function in it, with dots for one of a class.

    Returns:
        The function, whose faults raise `SourceError`.

    Raises:
        SourceError: the file cannot be loaded, or has no such function.
    """
    file, _, name = place.rpartition(":")
    if not file.endswith(".py") or not name:
        raise SourceError(f"--classify {place}: write FILE.py:NAME, such as shop.py:classify")
    if not Path(file).is_file():
        raise SourceError(f"--classify {place}: there is no file {file}")
    import importlib.util  # noqa: PLC0415 - most calls of the judge have no classifier, and start faster without

    spec = importlib.util.spec_from_file_location("canary_judge_classifier", file)
    if spec is None or spec.loader is None:
        raise SourceError(f"--classify {place}: {file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # an exit code of the file's own could read as a verdict
        raise SourceError(f"--classify {place}: {file} cannot be loaded: {error!r}") from error
    try:
        function = reduce(getattr, name.split("."), module)
    except AttributeError:
        raise SourceError(f"--classify {place}: {file} has no {name}") from None
    if not callable(function):
        raise SourceError(f"--classify {place}: {name} is no function")
    return _checked(function, place)


def _checked(function: Classifier, place: str) -> Classifier:
    def classify(status: int, headers: Mapping[str, str], body: bytes) -> str:
        try:
            label = function(status, headers, body)
        except (Exception, SystemExit) as error:
            raise SourceError(f"{place} raised {error!r} for an answer with status {status}") from error
        if not isinstance(label, str) or not label:
            raise SourceError(f"{place} returned {label!r} and no label for an answer with status {status}")
        return label

    return classify
