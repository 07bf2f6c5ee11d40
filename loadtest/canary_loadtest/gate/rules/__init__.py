"""What a gate makes of objects, questions and counts: no input or output, clock, environment or chance."""
