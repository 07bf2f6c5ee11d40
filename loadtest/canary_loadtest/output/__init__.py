"""The verdict as table, JSON, Markdown and page."""
