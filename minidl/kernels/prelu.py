"""The parametric ReLU: a slope below 0 that is trained, one for each feature."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel
from minidl.kernels.sums import sum_rows


@fused
def prelu_forward(x, alpha):
    """y = x for x > 0, alpha · x for x <= 0; alpha is (O,).

    He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015, equation 1.
    """
    return np.maximum(x, 0) + alpha * np.minimum(x, 0)


@fused
def prelu_backward(dy, x, alpha):
    """dx = dy where x > 0, else alpha · dy: at the kink from the left, where Keras has 0."""
    kept = dy * (x > 0)
    return kept + alpha * (dy - kept)


@kernel
def prelu_parameter_gradient(dy: Any, x: Any, dalpha: Any, work: Any) -> Any:
    """dalpha = Σ_N dy · min(x, 0). He et al., equation 3.

    Args:
        dy, x: (N, O).
        dalpha: (O,), overwritten.
        work: (N, O), overwritten.
    """
    np.minimum(x, 0, out=work)
    np.multiply(work, dy, out=work)
    return sum_rows(work, dalpha)
