"""The campaign on memory: wrong arrays for every public method, between pages nobody may touch.

``python -m tests.campaigns.memory`` runs the campaign; ``guarded`` allocates, ``arrays`` makes
arrays that fit or do not, ``formulas`` and ``objects`` list the calls, ``child`` makes the calls,
and ``running`` starts children and records each end.
"""
