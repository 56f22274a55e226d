"""Recorded steps as machine code: commands that a team of threads runs without Python."""
