"""Which step comes next."""

from collections.abc import Sequence

from scripts.course.catalog import Step
from scripts.course.state import Progress


def next_open(listed: Sequence[Step], progress: Progress) -> Step | None:
    """Return the first step that is not done, from the current one on and then from the first one on.

    Args:
        listed: the steps in their order.
        progress: the learner's.
    """
    here = next((index for index, one in enumerate(listed) if one.name == progress.current), 0)
    done = {name for name, attempt in progress.attempts.items() if attempt.is_done}
    return next((one for one in [*listed[here:], *listed[:here]] if one.name not in done), None)
