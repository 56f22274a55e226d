"""The network: layers in a row over one vector, and the passes of rows through the layers.

``chain.py`` puts layers in a row, ``stack.py`` builds them over the vector, ``passes.py`` lets rows
pass forward and gradients backward. ``penalties.py`` sums the costs of weights and outputs.
"""

from __future__ import annotations

from minidl.network.passes import Network

__all__ = ["Network"]
