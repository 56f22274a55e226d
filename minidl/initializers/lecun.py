"""Random initial values with LeCun's variance, 1 / fan_in.

LeCun, Bottou, Orr & Müller, "Efficient BackProp", 1998. :mod:`minidl.initializers.scaled` has the
variances of Glorot and He, and says what "uniform" and "normal" mean.
"""

from __future__ import annotations

from minidl.initializers.scaled import _Scaled
from minidl.names.register import register


@register
class LecunUniform(_Scaled):
    """Uniform with variance 1 / fan_in. LeCun et al. (1998), section 4.6."""

    distribution = "uniform"


@register
class LecunNormal(_Scaled):
    """Cut normal with variance 1 / fan_in. LeCun et al. (1998), section 4.6.

    With it, networks of selu keep mean 0 and variance 1 from layer to layer: Klambauer et al.,
    "Self-normalizing neural networks", NeurIPS 2017, section 2.
    """
