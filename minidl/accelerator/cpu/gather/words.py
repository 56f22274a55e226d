"""The words of a block that gathers rows."""

from __future__ import annotations

# Addresses of the rows, of the copies, of the rows' order, and of the place: the start and the
# count of the next rows in that order.
X, OUT, ORDER, PLACE = range(4)
START, COUNT = range(2)
# Elements of a row, bytes of one, and how the result is shared out; how many rows there are, how
# many the order has, and how many there is room for.
COLUMNS, SIZE, AXIS, ROWS, ORDERED, ROOM = range(4, 10)
WORDS = 10
