"""What a rollout does next, and what proves its rollback: no input or output, clock, environment or chance."""
