"""The mistake in a student's wrong gradient, told in a sentence.

A kernel is a short program, and a known mistake is a step written wrongly (``kernel.py``,
``catalogue/``). The backward is called on telling inputs (``calling.py``). The diagnosis is the
mistake, or the pair of mistakes, that gives the same numbers on every input (``compare.py``,
``diagnosis.py``). Where no mistake does, the diagnosis names a factor, a place, or the first wrong
entries (``patterns.py``). ``exercises/`` makes files with holes, and grades files.
"""

from __future__ import annotations

from minidl.teaching.diagnosis import diagnose
from minidl.teaching.verdict import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
