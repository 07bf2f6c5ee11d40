"""Tests of scripts/statistics."""
