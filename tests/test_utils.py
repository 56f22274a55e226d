"""Helpers with Keras's names."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minidl
from minidl.utils import normalize, set_random_seed, to_categorical
from tests import oracle_training
from tests.fitting import HIDDEN, network, problem
from tests.specs import spec

LABELS = hnp.arrays(
    st.sampled_from([np.int64, np.int32, np.uint8]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4),
    elements=st.integers(0, 6),
)


@given(x=LABELS, more=st.integers(0, 3), count=st.booleans())
def test_to_categorical(x: Any, more: int, count: bool) -> None:
    """Keras's rows for class numbers of any shape; a last axis of one is dropped."""
    classes = int(x.max()) + 1 + more if count else None
    ours, theirs = to_categorical(x, classes), oracle_training.to_categorical(x, classes)
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_of_lists_in_the_default_type() -> None:
    """float32, or what set_floatx says."""
    found = to_categorical([2, 0])
    np.testing.assert_array_equal(found, np.array([[0, 0, 1], [1, 0, 0]], np.float32), strict=True)
    minidl.set_floatx("float64")
    assert to_categorical([True, False]).dtype == np.float64


@pytest.mark.parametrize(
    ("x", "classes", "error", "words"),
    [
        ([0, 3], 3, ValueError, "0 … 2, received 3"),
        ([0, -1], None, ValueError, "received -1"),
        ([0.0, 1.5], None, ValueError, "whole numbers, received 1.5"),
        ([0.0, np.nan], None, ValueError, "whole numbers, received nan"),
        (["a"], None, TypeError, "expected an array of numbers, received dtype <U1"),
        ([], None, (ValueError, TypeError), "expected.*received"),
        (np.zeros(0, int), None, ValueError, "at least one.*received none"),
        ([0], 0, ValueError, "num_classes: .*at least 1, received 0"),
        ([0], 2.0, TypeError, "num_classes: .*integer.*received 2.0"),
    ],
)
def test_to_categorical_refuses(x: Any, classes: Any, error: Any, words: str) -> None:
    """Numbers that are no classes."""
    with pytest.raises(error, match=words):
        to_categorical(x, classes)


def numbers(model: minidl.Sequential) -> Any:
    """Weights, masks and shuffles of a run."""
    task = problem("integers")
    start = model.get_weights()
    model.compile("adam", task.loss)
    return start, model.fit(task.x, task.y, 5, 2, verbose=0).history["loss"]


def made() -> minidl.Sequential:
    """A model of the run's next seed."""
    output = problem("integers").output
    model = minidl.Sequential([layer.make(minidl) for layer in (*HIDDEN, output)])
    model.build((4,))
    return model


def equal(a: Any, b: Any) -> bool:
    """Whether two runs had the same numbers."""
    same = all(np.array_equal(x, y) for x, y in zip(a[0], b[0], strict=True))
    return same and a[1] == b[1]


def test_seeds() -> None:
    """The first model after the call is the same each time, and so is the second."""
    runs = []
    for seed in (1, 1, 2, 0, 2**64 - 1):
        set_random_seed(seed)
        runs.append([numbers(made()), numbers(made())])
    assert equal(runs[0][0], runs[1][0])
    assert equal(runs[0][1], runs[1][1])
    different = [runs[0][0], runs[0][1], *(run[0] for run in runs[2:])]
    for k, one in enumerate(different):
        assert not any(equal(one, other) for other in different[k + 1 :])


def test_without_a_seed_every_model_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From each other, and from run to run."""
    from minidl import seeds

    monkeypatch.setattr(seeds, "_seed", None)
    assert len({made().seed for _ in range(20)}) == 20


def test_models_leave_numpys_own_state_alone() -> None:
    """Neither read nor moved: nobody's numbers depend on a model's."""
    set_random_seed(1)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not move
    first = numbers(made())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    set_random_seed(1)
    np.random.seed(7)  # noqa: NPY002
    assert equal(numbers(made()), first)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1", None, True])
def test_what_is_no_seed(seed: Any) -> None:
    """Integers of 64 bits."""
    with pytest.raises((TypeError, ValueError), match=r"seed: expected.*received"):
        set_random_seed(seed)


@pytest.mark.parametrize("seed", [np.int64(7), np.uint8(7)])
def test_seeds_of_numpys_integers(seed: Any) -> None:
    """Are the same numbers."""
    set_random_seed(7)
    expected = made().seed
    set_random_seed(seed)
    assert made().seed == expected


def test_a_layers_own_seed_stands() -> None:
    """Dropout(seed=) and initializers' seeds do not follow the run's."""
    layer = spec("layers.Dense", units=3, kernel_initializer=spec("initializers.HeNormal", seed=5))
    first, second = (network([layer], seed=seed).get_weights()[0] for seed in (1, 2))
    np.testing.assert_array_equal(first, second)
    dropout = [spec("layers.Dropout", rate=0.5, seed=3)]
    x = np.ones((4, 4))
    masks = [network(dropout, seed=seed).forward(x, training=True).copy() for seed in (1, 2)]
    np.testing.assert_array_equal(*masks)


def test_class_numbers_may_be_floats_or_booleans():
    np.testing.assert_array_equal(to_categorical([1.0, 0.0]), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(to_categorical([True, False]), [[0, 1], [1, 0]])
    assert to_categorical([0, 14_999, 3]).shape == (3, 15_000)  # and no 15,000 x 15,000 on the way


@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
def test_one_seed_for_all_generators(seed: int) -> None:
    """Python's and NumPy's, as Keras seeds them."""
    found = []
    for seeded in (set_random_seed, oracle_training.seeded):
        seeded(seed)
        found.append((random.random(), np.random.rand(), np.random.randint(1000)))  # noqa: NPY002
    assert found[0] == found[1]


def test_large_seeds_differ_in_all_bits() -> None:
    found = set()
    for seed in (5, 5 + 2**32, 5 + 2**63):
        set_random_seed(seed)
        found.add((random.random(), np.random.rand()))  # noqa: NPY002
    assert len(found) == 3


@pytest.mark.parametrize(
    "arguments", [{}, {"axis": -2}, {"order": 1}, {"axis": 1, "order": 3}, {"order": np.inf}]
)
def test_normalize(arguments: dict[str, Any]) -> None:
    """Keras's quotients; a row of zeros stays.

    Keras takes the axis 0 for the last one.
    """
    x = np.random.default_rng(1).normal(size=(3, 4, 2))
    x[1] = 0
    theirs = oracle_training.normalize(x, **arguments)
    np.testing.assert_allclose(normalize(x, **arguments), theirs, rtol=1e-15)
    np.testing.assert_array_equal(normalize([3, 4]), [0.6, 0.8])
    np.testing.assert_array_equal(normalize([[3, 0], [4, 2]], axis=0), [[0.6, 0], [0.8, 1]])


@pytest.mark.parametrize(
    ("x", "arguments", "error", "words"),
    [
        (["a"], {}, TypeError, "expected an array of numbers, received dtype"),
        ([1.0], {"axis": 1}, ValueError, "axis: expected one of 1 axes, received 1"),
        (1.0, {}, ValueError, "axis: expected one of 0 axes"),
        ([1.0], {"order": 0}, ValueError, "order: .* received 0"),
    ],
)
def test_normalize_refuses(x: Any, arguments: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        normalize(x, **arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_the_largest_and_least_numbers_are_normalized(dtype: str) -> None:
    """Their squares are infinite, or 0."""
    limits = np.finfo(dtype)
    for size in (limits.max, limits.tiny, limits.smallest_subnormal):
        rows = np.full((1, 4), size, dtype) * np.array([1, -1, 1, 0], dtype)
        expected = np.array([[1, -1, 1, 0]]) / np.sqrt(3)
        np.testing.assert_allclose(normalize(rows), expected, rtol=4 * limits.eps)


def test_names_begin_anew_after_clear_session() -> None:
    """By both of its names; what was made before keeps its name."""
    for clear in (minidl.utils.clear_session, minidl.backend.clear_session):
        before = minidl.layers.Dense(1)
        clear()
        assert [minidl.layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
        assert minidl.Sequential().name == "sequential"
        assert before.name.startswith("dense")


def test_activations_as_programs_write_them() -> None:
    """Every activation, in layers and on arrays; another name is answered."""
    layer = minidl.layers.Dense(3, activation=minidl.nn.relu)
    assert layer.activation.function is minidl.activations.relu
    np.testing.assert_array_equal(minidl.nn.relu([-1.0, 2.0]), [0, 2])
    names = "relu sigmoid tanh softmax softplus elu selu leaky_relu gelu silu swish softsign"
    assert set(names.split()) <= set(dir(minidl.nn))
    for name in dir(minidl.nn):
        assert getattr(minidl.nn, name) is getattr(minidl.activations, name)
    with pytest.raises(
        AttributeError, match=r"minidl\.nn has activation functions, and no 'conv2d'"
    ):
        _ = minidl.nn.conv2d
