"""The threads that run lists of commands: how they are made, and what they run."""
