"""Runs that go wrong: the first NaN or infinity of a training is found, named and kept.

``watch.py`` looks every 32 steps and goes back; ``probe.py`` adds up tensors within a step, and
``trail.py`` notes the steps between two looks. ``naming.py`` finds the tensor, ``errors.py`` has
the error, ``files.py`` writes the step, and ``replaying.py`` repeats the step.
"""

from minidl.finite.errors import Finding, NonFiniteError, Seen

__all__ = ["Finding", "NonFiniteError", "Seen"]
