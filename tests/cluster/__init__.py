"""Tests of scripts/cluster."""
