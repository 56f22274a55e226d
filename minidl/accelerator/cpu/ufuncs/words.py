"""The words of a block that calls a C loop of NumPy's."""

from __future__ import annotations

# The loop and its data; how the arrays are shared out; rows and columns; how many arrays; whether
# rows lie one after the other.
LOOP, DATA, AXIS, ROWS, COLUMNS, COUNT, JOINED = range(7)
# Then of each array the address, and bytes from row to row and from element to element.
FIXED, EACH, MOST = 7, 3, 4
ADDRESS, PITCH, STEP = range(3)
# Then the arguments of the loop for each part: addresses, number of elements, bytes between two.
PARTS, OWN = FIXED + EACH * MOST, 16
ADDRESSES, LENGTH, STEPS = 0, MOST, MOST + 1
