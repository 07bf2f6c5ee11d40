"""The course: its rules, its files, and its steps as a learner does them."""
