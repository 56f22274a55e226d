"""The words of blocks of sums, largest elements and their places."""

from __future__ import annotations

# Along rows or columns: how the array is shared out; the kind of result; blocks of rows, the rows
# of each, and columns; addresses of the array and of the result; bytes from one block of the array
# to the next, from one of its rows to the next, and from one row of results to the next.
AXIS, KIND, BLOCKS, ROWS, COLUMNS, X, OUT, X_BLOCK, X_ROW, OUT_ROW = range(10)
SIZE = 10
SUM, LARGEST, PLACE = range(3)

# Of a vector in pieces: the number of pieces, the address of their sums, and the address of the
# total. Then of each piece the address and the number of elements.
COUNT, TERMS, TOTAL = range(3)
FIXED, EACH = 3, 2
ADDRESS, LENGTH = range(2)
