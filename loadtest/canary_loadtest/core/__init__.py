"""Pure: what is counted, and what the counts prove."""
