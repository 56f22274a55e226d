"""The words of the blocks for sparse rows, x: for products, and for gathering rows."""

from __future__ import annotations

# Addresses of the parts of a CSR matrix: entries, their columns, and where rows end; bytes of
# an entry, and of a column or an end; rows, columns, and entries that there is memory for.
DATA, INDICES, ENDS, DATA_SIZE, INDEX_SIZE, ROWS, COLUMNS, ROOM = range(8)

# Of a product: addresses of the dense factor and of the result; columns of both; and of xᵀ dy the
# columns of x with which the share of each part begins, and the last one ends.
FACTOR, OUT, UNITS, BOUNDS = range(8, 12)

# Of rows that are gathered: addresses of the results; numbers of rows and entries that there is
# memory for; addresses of the order, of the place in the order, as in gather/words.py, and of the
# word that becomes 1 where x is no matrix any more; number of rows of the order.
OUT_DATA, OUT_INDICES, OUT_ENDS, OUT_ROWS, OUT_ROOM, ORDER, PLACE, SPOILT, ORDERED = range(8, 17)
GATHERED = 17
