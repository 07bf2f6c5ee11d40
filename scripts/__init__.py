"""Commands around the project: each runs a part, none is imported by one."""
