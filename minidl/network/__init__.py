"""The network: layers in a row over one vector, and the passes of rows through the layers.

A network is three classes, each in a file. ``chain.py`` puts layers in a row, ``stack.py`` builds
the layers over the vector, and ``passes.py`` lets rows pass forward and gradients backward.

========================  ======================================================================
conversion.py             rows that enter, and arrays between layers: checked, converted
penalties.py              the sum of all penalties on weights and outputs, with gradients
activity_penalties.py     penalties on the outputs of layers
projections.py            constraints on weights
freezing.py               tensors that training leaves unchanged
weights.py                tensors read and overwritten by a user
sharing.py                layers in several networks
unwritten.py              gradients that a foreign layer leaves unwritten, found at the first pass
concurrency.py            threads and signal handlers that use a network during a step
========================  ======================================================================
"""

from __future__ import annotations

from minidl.network.passes import Network

__all__ = ["Network"]
