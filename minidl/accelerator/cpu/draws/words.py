"""The words of a block of random bits."""

from __future__ import annotations

# Addresses of the numbers, and of the step that is read; how many numbers; how many steps ahead of
# that they are; the key.
OUT, STEP, COUNT, AHEAD, KEY, OTHER_KEY = range(6)
SIZE = 6
