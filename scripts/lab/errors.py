"""What ends a command of the lab with a message instead of a traceback."""


class LabError(Exception):
    """A failure that the message explains; the command ends with exit code 1."""


class UsageError(LabError):
    """Wrong usage that the message explains; the command ends with exit code 2."""
