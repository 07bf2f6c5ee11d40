"""The project's tests: one folder per part, named as the part."""
