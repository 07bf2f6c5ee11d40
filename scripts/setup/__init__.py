"""Prepares this machine for the project, and cleans it up."""
