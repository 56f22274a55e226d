"""The words of a block that runs commands strip by strip."""

from __future__ import annotations

# How many strips there are of the share of a part; how many commands. Then of each of these the
# function and its block.
STRIPS, COUNT = range(2)
FIXED, EACH = 2, 2
FUNCTION, BLOCK = range(2)
