"""Telling which mistake is in a wrong gradient: a student's backward, diagnosed in a sentence.

A kernel is a short program, and a known mistake one of its steps written wrongly (``kernel.py``,
``catalogue/``). The backward is called on telling inputs (``calling.py``), and whatever known
mistake, or two of them at once, gives its numbers on all of them is the diagnosis (``compare.py``,
``diagnosis.py``). Where none does, something else is said: a factor, a place, the first wrong
entries (``patterns.py``).
"""

from __future__ import annotations

from minidl.teaching.diagnosis import diagnose
from minidl.teaching.verdict import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
