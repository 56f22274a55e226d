"""The campaign on memory: wrong arrays for every public method, between pages nobody may touch.

``python -m tests.campaigns.memory`` runs it; ``guarded`` allocates, ``arrays`` makes arrays that
fit or do not, ``formulas`` and ``objects`` say what is called, ``child`` calls it, and ``running``
starts children and takes down how they end.
"""
