"""What minidl's perceptrons have beyond scikit-learn's, and their errors."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.optimize import OptimizeResult
from scipy.sparse import coo_array, csc_array, csc_matrix, csr_array, csr_matrix
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import train_test_split

from minidl import activations, layers, optimizers
from minidl.backend import use
from minidl.callbacks import Callback, EarlyStopping
from minidl.estimators import MLPClassifier, MLPRegressor, perceptron
from minidl.estimators.base import Rows
from minidl.estimators.convergence import Convergence
from minidl.estimators.parts import split
from tests.doubles.cupy_double import installed

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((80, 4))
VALUE = X @ np.array([1.0, -2.0, 0.5, 0.0])
LABEL = np.where(VALUE > 0, "up", "down")


def fitted(
    kind: Any = MLPClassifier, y: Any = LABEL, eval_set: Any = None, X: Any = X, **arguments: Any
) -> Any:
    arguments = {"hidden_layer_sizes": 8, "random_state": 0, "max_iter": 10, **arguments}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**arguments).fit(X, y, eval_set=eval_set)


def test_dropout_and_batch_normalization_are_layers_of_the_network() -> None:
    made = fitted(hidden_layer_sizes=(8, 6), dropout=0.25, batch_normalization=True)
    kinds = [type(each) for each in made.network_.layers]
    hidden = [layers.Dense, layers.BatchNormalization, layers.Activation, layers.Dropout]
    assert kinds == [*hidden, *hidden, layers.Dense]
    assert made.network_.layers[3].rate == pytest.approx(0.25)
    assert [W.shape for W in made.coefs_] == [(4, 8), (8, 6), (6, 1)]
    assert not np.array_equal(made.coefs_[0], fitted(hidden_layer_sizes=(8, 6)).coefs_[0])
    better = fitted(dropout=0.1, batch_normalization=True, max_iter=100, learning_rate_init=0.03)
    assert better.score(X, LABEL) > 0.9


def test_l1_and_alpha_are_divided_by_the_rows_of_a_step() -> None:
    made = fitted(MLPRegressor, VALUE, l1=0.6, alpha=0.4, batch_size=20)
    penalty = made.network_.layers[0].kernel_regularizer
    assert (penalty.l1, penalty.l2) == pytest.approx((0.6 / 20, 0.2 / 20))
    strong = fitted(MLPRegressor, VALUE, l1=30.0, max_iter=200, learning_rate_init=0.01)
    free = fitted(MLPRegressor, VALUE, max_iter=200, learning_rate_init=0.01)
    # The fourth feature carries nothing.
    assert np.abs(strong.coefs_[0][3]).max() < 0.1 * np.abs(free.coefs_[0][3]).max()


def test_class_weights_are_sample_weights() -> None:
    weight = np.where(LABEL == "up", 3.0, 1.0)
    by_class = fitted(class_weight={"up": 3.0})
    by_row = MLPClassifier(8, random_state=0, max_iter=10)
    with pytest.warns(ConvergenceWarning, match="10 epochs"):
        by_row.fit(X, LABEL, sample_weight=weight)
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    assert not np.array_equal(fitted(class_weight="balanced").coefs_[0], by_class.coefs_[0])


def test_a_repeated_row_is_a_row_of_weight_two() -> None:
    twice = np.r_[0:80, 0:40]
    one = MLPClassifier(8, random_state=0, max_iter=20)
    other = copy.deepcopy(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one.fit(X[twice], LABEL[twice])
        other.fit(X, LABEL, sample_weight=np.bincount(twice))
    # One batch of all rows: the sums differ in their order alone.
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-10)


def test_optimizers_and_schedules_are_copied() -> None:
    chosen = optimizers.Nadam(0.01)
    made = fitted(solver=chosen)
    assert isinstance(made.network_.optimizer, optimizers.Nadam)
    assert made.network_.optimizer.iterations == 10
    assert chosen.iterations == 0
    schedule = optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    made = fitted(solver="sgd", learning_rate=schedule)
    assert float(made.network_.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**10)
    cloned = clone(MLPClassifier(solver=chosen, learning_rate=schedule))
    assert cloned.solver is not chosen
    assert cloned.solver.get_config() == chosen.get_config()


class Noting(Callback):
    """Notes epochs."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(epoch)


def test_callbacks_are_copied_and_may_stop() -> None:
    noting = Noting()
    stopping = EarlyStopping("val_loss", patience=2, min_delta=1e9)
    made = fitted(callbacks=[noting, stopping], eval_set=(X[:20], LABEL[:20]), max_iter=50)
    assert noting.epochs == []
    assert made.callbacks_[0].epochs == list(range(made.n_iter_))
    assert made.n_iter_ < 50
    pickle.dumps(made)
    assert fitted(callbacks=noting).callbacks_[0].epochs == list(range(10))


def test_an_eval_set_gives_curves_and_ends_training() -> None:
    held_out = X[:30], LABEL[:30], np.ones(30)
    made = fitted(eval_set=held_out)
    assert len(made.validation_scores_) == made.n_iter_ == 10
    assert made.history_.history["val_score"] == made.validation_scores_
    assert made.validation_scores_[-1] == made.score(*held_out[:2])
    assert made.history_.history["loss"] == made.loss_curve_
    loss = made.history_.history["val_loss"]
    assert len(loss) == 10
    assert loss[-1] < loss[0]
    early = fitted(eval_set=held_out, early_stopping=True, max_iter=300, learning_rate_init=0.05)
    assert early.n_iter_ < 300
    assert early.score(*held_out[:2]) == early.best_validation_score_
    with pytest.raises(ValueError, match="eval_set: expected classes that are trained on"):
        fitted(eval_set=(X[:2], ["up", "sideways"]))
    with pytest.raises(ValueError, match=r"eval_set: expected \(X, y\)"):
        fitted(eval_set=X)


def test_an_eval_set_may_be_a_list_of_one() -> None:
    """As XGBoost and LightGBM take it; several are refused."""
    pair, weight = (X[:30], LABEL[:30]), np.arange(30.0)
    alone = fitted(eval_set=pair).history_.history["val_loss"]
    weighted = fitted(eval_set=(*pair, weight)).history_.history["val_loss"]
    assert fitted(eval_set=[pair]).history_.history["val_loss"] == alone
    assert fitted(eval_set=[(*pair, weight)]).history_.history["val_loss"] == weighted != alone
    for count in (2, 3):
        with pytest.raises(ValueError, match=rf"eval_set: expected \(X, y\).*, received {count} s"):
            fitted(eval_set=[pair] * count)
    for wrong in ([X], []):
        with pytest.raises(ValueError, match=r"eval_set: expected \(X, y\)"):
            fitted(eval_set=wrong)


def test_the_curves_are_in_the_notebook_representation() -> None:
    made = fitted(eval_set=(X[:30], LABEL[:30]))
    shown = made._repr_mimebundle_()["text/html"]
    assert "<svg" in shown
    assert "<svg" in made._repr_html_()
    assert "<svg" not in MLPClassifier()._repr_mimebundle_()["text/html"].partition("sk-")[0]
    assert shown.count("<svg") == MLPClassifier()._repr_html_().count("<svg") + 1


def test_weights_are_the_networks_and_can_be_set() -> None:
    made = fitted(MLPRegressor, VALUE)
    before = made.predict(X)
    made.intercepts_[-1][:] += 1.5
    np.testing.assert_allclose(made.predict(X), before + 1.5)
    made.coefs_ = [np.zeros_like(W) for W in made.coefs_]
    np.testing.assert_allclose(made.predict(X), made.intercepts_[-1][0])
    other = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(other.predict(X), made.predict(X))
    made.coefs_ = made.coefs_[:1]
    with pytest.raises(ValueError, match=r"coefs_ and intercepts_: expected arrays of shapes"):
        made.predict(X)
    made.coefs_ = [W.copy() for W in other.coefs_]
    other.coefs_[-1][:] = 1
    assert not np.array_equal(other.predict(X), made.predict(X))


def test_a_copy_goes_on_as_the_estimator_does() -> None:
    made = fitted(dropout=0.2)
    other = copy.deepcopy(made)
    for each in (made, other):
        for _ in range(3):
            each.partial_fit(X, LABEL)
    np.testing.assert_array_equal(other.coefs_[0], made.coefs_[0])
    assert other.loss_curve_ == made.loss_curve_
    assert len(made.history_.epoch) == 13


def test_a_backend_is_chosen_for_one_estimator() -> None:
    with installed():
        made = fitted(backend="cupy")
        assert made.network_.backend.name == "cupy"
        assert all(type(W) is np.ndarray for W in made.coefs_)
        found = made.predict_proba(X)
        made.intercepts_ = [b + 1 for b in made.intercepts_]
        assert not np.array_equal(made.predict_proba(X), found)
        other = fitted(MLPRegressor, VALUE, solver="lbfgs", max_iter=3, backend="cupy")
        by_lbfgs = other.predict(X)
        copied = copy.deepcopy(made)
        assert copied.network_.backend.name == "cupy"
    with use("numpy"):
        np.testing.assert_allclose(fitted().predict_proba(X), found, rtol=1e-9)
        on_cpu = fitted(MLPRegressor, VALUE, solver="lbfgs", max_iter=3).predict(X)
        np.testing.assert_allclose(on_cpu, by_lbfgs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, "'dropout' parameter of MLPClassifier must be"),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout: expected 0 for solver='lbfgs'"),
        ({"solver": "newton"}, "'solver' parameter of MLPClassifier must be"),
        ({"solver": "newton"}, r"Got 'newton' instead\.$"),
        ({"solver": "Nadam"}, r"Got 'Nadam' .*\. Write solver=minidl\.optimizers\.Nadam\("),
        ({"activation": "gelu"}, r"Got 'gelu' instead\. NetworkClassifier, around a network"),
        ({"activation": activations.gelu}, r"takes layers with 'gelu'\.$"),
        ({"activation": "sigmoid"}, r"Got 'sigmoid' instead\. Write activation='logistic'\.$"),
        ({"activation": "bent"}, r"Got 'bent' instead\.$"),
        ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be > 0, got \[5, 0\]"),
        ({"alpha": -1}, "'alpha' parameter of MLPClassifier must be"),
        ({"backend": "torch"}, "'backend' parameter of MLPClassifier must be"),
        ({"callbacks": 3}, "'callbacks' parameter of MLPClassifier must be"),
    ],
)
def test_errors_name_the_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(**arguments)


def test_a_regressor_names_the_estimator_of_its_kind() -> None:
    with pytest.raises(ValueError, match=r"'activation' parameter .*\. NetworkRegressor, around"):
        fitted(MLPRegressor, VALUE, activation="gelu")


def test_errors_of_data() -> None:
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    with pytest.raises(ValueError, match="expected values >= 0 for loss='poisson', received -"):
        fitted(MLPRegressor, VALUE, loss="poisson")
    with pytest.raises(ValueError, match="expected classes of `classes_`"):
        fitted().partial_fit(X[:2], ["up", "sideways"])
    with pytest.warns(UserWarning, match="batch_size: expected at most the 80 rows"):
        fitted(batch_size=100)
    with pytest.raises(AttributeError, match="partial_fit"):
        MLPRegressor(solver="lbfgs").partial_fit  # noqa: B018
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        fitted(hidden_layer_sizes=(3.7,))


@pytest.mark.filterwarnings("error")
def test_sparse_rows_of_any_format_are_converted_once() -> None:
    regressor = fitted(MLPRegressor, VALUE)
    for form in (csc_array, csc_matrix, coo_array):
        expected = regressor.predict(csr_array(X))
        np.testing.assert_array_equal(regressor.predict(form(X)), expected)


@pytest.mark.parametrize("sparse", [np.asarray, csr_matrix, csr_array])
def test_few_rows_are_checked_as_all_are(sparse: Any) -> None:
    regressor = fitted(MLPRegressor, VALUE)
    expected = regressor.predict(sparse(X))
    np.testing.assert_allclose(regressor.predict(sparse(X[:1])), expected[:1], rtol=1e-12)
    np.testing.assert_array_equal(
        regressor.predict(sparse(X[:1].astype(np.int64))),
        regressor.predict(sparse(np.trunc(X[:1]))),
    )
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="Input X contains"):
            regressor.predict(sparse(np.where(X[:1] == X[0, 1], wrong, X[:1])))
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        regressor.predict(sparse(X[:1, :3]))
    with pytest.raises(ValueError, match="0 sample"):
        regressor.predict(sparse(X[:0]))
    single = fitted(MLPRegressor, VALUE, X=X.astype(np.float32))
    with (
        pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"),
        pytest.warns(RuntimeWarning, match="overflow"),
    ):
        single.predict(sparse(1e39 * X[:1]))
    regressor.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        regressor.predict(sparse(X[:1]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation", "tanh"),
        ("hidden_layer_sizes", (5,)),
        ("dropout", 0.5),
        ("batch_normalization", True),
    ],
)
def test_a_training_goes_on_with_the_network_of_before_or_not_at_all(name: str, value: Any) -> None:
    made = pickle.loads(pickle.dumps(fitted(warm_start=True)))
    with pytest.raises(ValueError, match=f"{name}: expected .* received .*warm_start=False"):
        made.set_params(**{name: value}).partial_fit(X, LABEL)
    made.set_params(warm_start=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        made.fit(X, LABEL)
    made.partial_fit(X, LABEL)


def test_other_outputs_do_not_go_on() -> None:
    made = fitted(MLPRegressor, VALUE)
    with pytest.raises(ValueError, match=r"y: expected 1 columns, .* received 2"):
        made.partial_fit(X, np.stack([VALUE, VALUE], axis=1))
    assert made.partial_fit(X, VALUE).n_outputs_ == 1


def test_the_best_loss_is_a_number() -> None:
    made = fitted(MLPRegressor, VALUE)
    best, made.loss_ = made.best_loss_, np.nan
    assert not Convergence(made, 80, None)._loss_stalls()
    assert made.best_loss_ == best


def test_a_fit_that_failed_is_none() -> None:
    made = MLPClassifier()
    with pytest.raises(ValueError, match="sample_weight: expected"):
        made.fit(X, LABEL, sample_weight=np.full(80, -1.0))
    with pytest.raises(NotFittedError):
        made.predict(X)


def test_another_loss_does_not_go_on() -> None:
    made = fitted(MLPRegressor, VALUE, warm_start=True)
    with pytest.raises(ValueError, match=r"loss: expected 'squared_error', .* received 'poisson'"):
        made.set_params(loss="poisson").fit(X, np.abs(VALUE))


def test_rows_of_labels_go_on_with_rows_of_labels() -> None:
    made = fitted(y=np.stack([LABEL == "up", X[:, 0] > 0], axis=1).astype(int), warm_start=True)
    for go_on in (made.fit, made.partial_fit):
        with pytest.raises(ValueError, match="y: expected 2 labels of 0 and 1 for each row"):
            go_on(X, (LABEL == "up").astype(int))


def test_steps_follow_a_training_by_lbfgs() -> None:
    made = fitted(solver="lbfgs").set_params(solver="adam", warm_start=True)
    made.partial_fit(X, LABEL)
    assert isinstance(made.network_.optimizer, optimizers.Adam)
    assert made.loss_curve_ == [made.best_loss_]
    made = fitted(solver="lbfgs").set_params(solver="adam", warm_start=True)
    with pytest.warns(ConvergenceWarning, match="10 epochs"):
        made.fit(X, LABEL)
    assert len(made.loss_curve_) == 10


def test_early_stopping_may_begin_and_end_between_trainings() -> None:
    made = fitted(warm_start=True)
    for early in (True, False):
        with pytest.warns(ConvergenceWarning, match="10 epochs"):
            made.set_params(early_stopping=early).fit(X, LABEL)
        assert (made.best_loss_ is None) == (made.best_validation_score_ is not None) == early
    assert len(made.loss_curve_) == 30


def test_lbfgs_refuses_what_needs_epochs() -> None:
    with pytest.raises(ValueError, match=r"callbacks: expected None for solver='lbfgs'.*Callback"):
        fitted(solver="lbfgs", callbacks=Callback())
    with pytest.raises(ValueError, match="eval_set: expected None for solver='lbfgs'"):
        fitted(solver="lbfgs", eval_set=(X, LABEL))


def test_a_warning_advises_what_has_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """max_fun is of L-BFGS alone, and SciPy's message may end in a colon."""
    with pytest.warns(ConvergenceWarning, match="converged; a larger max_iter, a larger tol"):
        MLPClassifier(3, max_iter=1, random_state=0).fit(X, LABEL)
    ended = OptimizeResult(nit=0, fun=1.0, status=2, message="ABNORMAL: ")
    monkeypatch.setattr(perceptron, "lbfgs", lambda *_: ended)
    with pytest.warns(ConvergenceWarning, match="ABNORMAL; a larger max_iter or max_fun"):
        MLPClassifier(3, solver="lbfgs", random_state=0).fit(X, LABEL)


def test_weights_have_a_sum_above_0() -> None:
    weight = np.full(len(X), -0.5)
    with pytest.raises(ValueError, match=r"sample_weight: expected .* above 0, received -40"):
        MLPClassifier().fit(X, LABEL, sample_weight=weight)
    # The rows with a weight are held out.
    _, row = train_test_split(np.arange(80), test_size=2, random_state=0)
    rows = Rows(X, VALUE[:, None], np.isin(np.arange(80), row).astype(float))
    with pytest.raises(ValueError, match=r"sample_weight: expected .* not held out, received 0"):
        split(rows, 2 / 80, alike=False, random=0)


def test_an_interrupt_keeps_what_was_trained() -> None:
    class Interrupting(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        made = fitted(callbacks=Interrupting(), max_iter=20)
    assert made.n_iter_ in (3, 4)
    assert made.predict(X).shape == (80,)
