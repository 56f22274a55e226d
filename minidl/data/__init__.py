"""Data: checks of a user's arrays, and batches of their rows or of a source of batches."""
