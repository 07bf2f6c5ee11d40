"""What prepares this machine and cleans it up."""
