"""scikit-learn's own tests of its perceptrons, of the installed package, run on minidl's.

The text of ``sklearn/neural_network/tests/test_mlp.py`` runs here with one line changed, the import
of the two classes. Its test functions become this module's.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sklearn.neural_network

#: The tests that reach for private attributes, and what each wants of these.
PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs with lists for activations and gradients to compare "
    "its gradient with differences; tests/gradient_check does that for each network",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate, which is here "
    "network_.optimizer.learning_rate; test_perceptrons.py compares it",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate likewise",
}

pytestmark = pytest.mark.thorough

_IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
_FILE = Path(sklearn.neural_network.__path__[0]) / "tests" / "test_mlp.py"
_SOURCE = _FILE.read_text(encoding="utf-8")
assert _SOURCE.count(_IMPORT) == 1
exec(
    compile(
        _SOURCE.replace(_IMPORT, _IMPORT.replace("sklearn.neural_network", "minidl.estimators")),
        _FILE,
        "exec",
    )
)
_WITHOUT = {name: globals().pop(name) for name in PRIVATE}


@pytest.fixture
def global_random_seed() -> int:
    """scikit-learn's conftest.py draws it; 42 is its default."""
    return 42


@pytest.mark.parametrize("name", PRIVATE)
def test_only_a_private_attribute_keeps_a_test_from_passing(name: str) -> None:
    with pytest.raises(AttributeError, match=r"has no attribute '(_loss_grad_lbfgs|_optimizer)'"):
        _WITHOUT[name]()
