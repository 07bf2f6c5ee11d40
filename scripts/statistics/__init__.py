"""What the verdict's thresholds are computed from, and what they are checked against."""
