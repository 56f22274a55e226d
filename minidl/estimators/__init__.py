"""Estimators for scikit-learn: its multi-layer perceptrons, and any network of one's own.

:class:`MLPClassifier` and :class:`MLPRegressor` take the arguments of the classes of the same
names in ``sklearn.neural_network``, and more. :class:`NetworkClassifier` and
:class:`NetworkRegressor` fit any :class:`minidl.Sequential`.
"""

from minidl.estimators.mlp import MLPClassifier, MLPRegressor
from minidl.estimators.networks import NetworkClassifier, NetworkRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "NetworkClassifier", "NetworkRegressor"]
