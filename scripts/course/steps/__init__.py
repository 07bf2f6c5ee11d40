"""The steps of the course, a module each with `start`, `check` and `solve`; docs/workshop/course.toml orders them."""
