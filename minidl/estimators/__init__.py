"""Estimators for scikit-learn: multi-layer perceptrons, and any network of your own.

:class:`MLPClassifier` and :class:`MLPRegressor` take the arguments of their namesakes in
``sklearn.neural_network``, and further arguments. :class:`NetworkClassifier` and
:class:`NetworkRegressor` fit any :class:`minidl.Sequential`.
"""

from minidl.estimators.mlp import MLPClassifier, MLPRegressor
from minidl.estimators.networks import NetworkClassifier, NetworkRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "NetworkClassifier", "NetworkRegressor"]
