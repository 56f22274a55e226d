"""The words of the block that hands a step its numbers."""

from __future__ import annotations

# The address of the next row of numbers; the number of arrays for the row. Then of each array the
# address and the size.
NEXT, COUNT = range(2)
FIXED, EACH = 2, 2
ADDRESS, LENGTH = range(2)
