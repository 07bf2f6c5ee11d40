"""The pure part of `lab check`: what is wrong with the contents of files; no files, clock, environment or chance."""
