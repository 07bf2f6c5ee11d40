"""Tests of the benchmark: its arithmetic, its instruments, and that every section runs."""
