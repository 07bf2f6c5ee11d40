"""Tests of scripts/rollout."""
