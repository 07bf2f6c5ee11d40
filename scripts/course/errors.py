"""What ends a command of the course with a message."""

from scripts.course.rules.finding import Finding


class CourseError(Exception):
    """Wrong usage that the message explains; the command ends with exit code 2."""


class CannotTellError(Exception):
    """The environment lets no check be made.

    Attributes:
        finding: what was seen.
    """

    def __init__(self, finding: Finding) -> None:
        """Keep the finding."""
        super().__init__(finding.saw)
        self.finding = finding
