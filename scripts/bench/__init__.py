"""`make bench`: how fast each part of the project is, compared with a bare one where there is such a thing.

`__main__` is the command line; each section of docs/benchmarks.md has a module with a function `measure`.
"""
