"""Computes the verdict's thresholds, and the exact figures that they and the rules are checked against."""
