"""The threads that run lists of commands: their making, and their compiled code."""
