"""The words of blocks of products: a plan writes the words, compiled code reads the words.

The names are BLAS's: out (m, n) = alpha a (m, k) b (k, n) + beta out. BLAS counts columns
first, so that the call computes outᵀ = bᵀ aᵀ.
"""

from __future__ import annotations

# BLAS's function, 0 for own tiles; the way to share out the product, as in shares.py or INNER.
FUNCTION, KIND = range(2)
# Sizes; bytes of an element.
M, N, K, SIZE = range(2, 6)
# Of each matrix the address, PLAIN or TRANSPOSED, and elements from one row, or column, to the
# next; of a vector, elements from one to the next.
A, TRANS_A, LDA, B, TRANS_B, LDB, C, LDC = range(6, 14)
# Bytes from the first term of the result to the second; factors, in the type of the elements.
TERM, ALPHA, BETA = range(14, 17)

# Words for all parts; after these, words of each part: the values that differ for each share.
FIXED, OWN = 24, 16
OWN_M, OWN_N, OWN_K = range(3)

PLAIN, TRANSPOSED = ord("N"), ord("T")
INNER = 3  # the parts add up terms of the whole result

# Threads of libraries: how many libraries there are; then of each the functions that tell and set
# the number of threads, and the former number.
LIBRARIES = 0
EACH = 3
GET, SET, BEFORE = range(1, 4)
