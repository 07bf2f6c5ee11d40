"""Tests of scripts/setup and of the Makefile."""
