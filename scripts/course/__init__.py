"""A course that checks itself: each step has a start, a check, hints and a solution."""
