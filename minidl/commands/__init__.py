"""Commands for the shell: ``minidl doctor`` and ``minidl cache``."""
