"""Tests of scripts/record."""
