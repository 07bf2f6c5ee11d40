"""The error of a measurement that cannot be made as it is asked for."""


class ExpectationError(ValueError):
    """An expectation that cannot be tested; the message names the value and what is allowed."""
