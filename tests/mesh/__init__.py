"""Tests of scripts/mesh."""
