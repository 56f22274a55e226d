"""Machine code of commands: compiled, kept in the user's cache, and brought into memory."""
