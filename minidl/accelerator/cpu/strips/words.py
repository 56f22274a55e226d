"""The words of a block that runs commands strip by strip."""

from __future__ import annotations

# The number of strips of the share of a part; the number of commands. Then of each command the
# function and its block.
STRIPS, COUNT = range(2)
FIXED, EACH = 2, 2
FUNCTION, BLOCK = range(2)
