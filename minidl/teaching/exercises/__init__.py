"""Exercises: files with a hole, made from the kernels' own docstrings, and graded in a sentence.

``course.py`` lists the exercises and ``files.py`` makes their files. ``grading.py`` grades a
student's functions by :func:`minidl.teaching.diagnose`. ``apart.py`` and ``running.py`` do so in a
separate process; ``checking.py``, ``watching.py`` and ``report.py`` do the work of the command.
"""

from __future__ import annotations

from minidl.teaching.exercises.course import EXERCISES, Exercise

__all__ = ["EXERCISES", "Exercise"]
