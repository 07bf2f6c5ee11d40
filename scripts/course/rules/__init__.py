"""What a step's check decides from what was seen; pure: no input or output, clock, environment or chance."""
