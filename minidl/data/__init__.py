"""Data: arrays of a user are checked, and rows are handed out in batches.

=====================  =========================================================================
checking.py            features, targets and weights, checked
tables.py              tables of pandas as arrays
base.py                the methods that all batches have
batches.py             batches of the rows of arrays: here ``fit`` gets its batches
sparse_batches.py      batches of the rows of a CSR matrix; the choice between both
sources.py             generators and other data of a user that come batch by batch
source_batches.py      batches of such a source, checked
pydataset.py           Keras's PyDataset
=====================  =========================================================================
"""
