"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

from minidl.optimizers.cosine import CosineDecay, CosineDecayRestarts
from minidl.optimizers.exponential import ExponentialDecay
from minidl.optimizers.piecewise import PiecewiseConstantDecay
from minidl.optimizers.polynomial import InverseTimeDecay, PolynomialDecay
from minidl.optimizers.schedule import LearningRateSchedule

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]
