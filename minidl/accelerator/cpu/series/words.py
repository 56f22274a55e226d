"""The words of the block that hands a step its numbers."""

from __future__ import annotations

# The address of the next row of numbers; how many arrays it is for. Then of each of these the
# address and how many numbers it has.
NEXT, COUNT = range(2)
FIXED, EACH = 2, 2
ADDRESS, LENGTH = range(2)
