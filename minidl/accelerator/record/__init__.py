"""A training step is seen once and then played."""
