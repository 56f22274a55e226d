"""Commands for the shell: ``minidl doctor`` (doctor.py) and ``minidl cache`` (cache.py)."""
