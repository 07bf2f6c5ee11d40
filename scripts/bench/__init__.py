"""`make bench`: how fast each part of the project is, measured side by side, as `docs/benchmarks.md` shows it.

`__main__` is the command line; each section of the page has a module of its own, with a function `measure`.
"""
