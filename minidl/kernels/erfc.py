"""The complementary error function, of functions that NumPy and every executor know."""

from __future__ import annotations

from typing import Any

import numpy as np

# p(s), the highest power first: Chebyshev's interpolation of log(erfc(z) · exp(z²) / t) with 60
# points on -1 <= s <= 1, t = (s + 1) / 2, z = 2 / t - 2, up to degree 24, computed with 60 digits.
_P = (
    -1.2776086554968677e-08, 2.980513364515168e-08, 7.745572408758512e-08, -2.895626567435524e-07,
    -4.146853754663641e-08, 1.283394915356199e-06, -1.409445991433531e-06, -2.963484230959699e-06,
    8.662535397475538e-06, 1.3989370477611051e-07, -3.023784054007137e-05, 3.174693542327236e-05,
    7.141810433422301e-05, -0.00017430412986925938, -9.373894767667295e-05, 0.0006736791352568864,
    -0.00014624628742128406, -0.002345812552995894, 0.0017589335074028032, 0.008824938561312326,
    -0.009872689364099222, -0.04689561023132892, 0.047343306841863525, 0.6726432239776583,
    -0.6717940840566922,
)  # fmt: skip


def erfc(z: Any) -> Any:
    """2/√π ∫_z^∞ exp(-u²) du = t · exp(p(2 t - 1) - z²), t = 2 / (2 + z), for z >= 0.

    The polynomial p makes the error at most 3 units of the last place of 1. Small results keep
    their digits: the relative error is that of exp(-z²), some z² units.

    The substitution is that of Press, Teukolsky, Vetterling & Flannery, "Numerical recipes", 3rd
    edition, 2007, section 6.2.2.

    Args:
        z: array, or what stands for one in a formula; all >= 0.
    """
    t = 2 / (2 + z)
    s = 2 * t - 1
    p = _P[0] * s + _P[1]
    for coefficient in _P[2:]:
        p = p * s + coefficient
    return t * np.exp(p - z * z)
