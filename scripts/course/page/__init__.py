"""The course's page in a browser: the current step, and what its latest check saw; it changes nothing."""
