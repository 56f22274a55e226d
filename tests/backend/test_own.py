"""What is minidl's own, as it was written; and what a step has to call as somebody else's."""

from __future__ import annotations

import functools
import math
from typing import Any
from unittest import mock

import numpy as np
import pytest

from minidl import Sequential, layers, losses, metrics, optimizers, regularizers
from minidl.backend import fused, kernel
from minidl.backend.own import are_own, foreign, has_foreign, is_own, is_own_function, methods
from minidl.callbacks import Callback, EarlyStopping
from minidl.kernels.dense import dense_forward
from minidl.optimizers.schedules import ExponentialDecay


def own() -> Any:
    """An object whose class no test changes for good."""
    return metrics.Accuracy()


def deriving(**attributes: Any) -> Any:
    """An object of a class that derives from a layer."""
    return type("Deriving", (layers.Dense,), attributes)(3)


def forward(self: Any, *given: Any, **named: Any) -> Any:
    """In the place of a method."""


def wrapping(method: Any) -> Any:
    """A function of somebody else's that has the names of a method, and its module's."""

    @functools.wraps(method)
    def wrapper(*given: Any, **named: Any) -> Any:
        return method(*given, **named)

    return wrapper


# Objects -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "thing",
    [
        layers.Dense(3), layers.Dropout(0.5), layers.BatchNormalization(),
        losses.MeanSquaredError(), metrics.Accuracy(), regularizers.L1L2(0.1, 0.2),
        optimizers.Adam(), optimizers.SGD(),
        ExponentialDecay(0.1, 10, 0.5), EarlyStopping(),
    ],
    ids=lambda thing: type(thing).__name__,
)  # fmt: skip
def test_minidls_objects_are_its_own(thing: Any) -> None:
    assert is_own(thing)
    assert list(foreign([thing])) == []


def test_a_subclass_that_adds_nothing_that_a_step_calls_is_as_its_base() -> None:
    class Named(layers.Dense):
        """Three units."""

        factor = 3.0
        names = ("a", "b")

        def __init__(self) -> None:
            super().__init__(3)
            self.note = "a text"

        def get_config(self) -> dict[str, Any]:
            return {}

        def __repr__(self) -> str:
            return "Named()"

    assert is_own(deriving())
    assert is_own(Named())
    assert is_own(type("Later", (Named,), {"factor": 2.0})())
    beside = type("Beside", (), {"factor": 3.0})
    assert is_own(type("Mixed", (beside, Named), {})())


@pytest.mark.parametrize(
    "value",
    [
        forward,
        property(lambda self: 2),
        staticmethod(print),
        classmethod(print),
        functools.partial(print),
        functools.partialmethod(print),
        wrapping(layers.Dense.forward),
        kernel(forward),
        fused(lambda x: x),
        mock.Mock(),
        mock.MagicMock(),
        print,
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("name", ["forward", "size", "other", "__call__", "__getattr__"])
def test_whatever_a_class_can_compute_with_counts(name: str, value: Any) -> None:
    kind = type("Deriving", (layers.Dense,), {name: value})
    assert not is_own(layers.Dense.__new__(kind))


def test_a_method_that_a_base_brings_counts() -> None:
    class Beside:
        def forward(self) -> None: ...

    adding = type("Adding", (layers.Dense,), {"forward": forward})
    assert not is_own(type("Later", (adding,), {})(3))
    assert not is_own(type("Mixed", (Beside, layers.Dense), {})(3))
    assert not is_own(type("Mixed", (layers.Dense, Beside), {})(3))


@pytest.mark.parametrize("module", ["builtins", "abc", "typing", "collections.abc"])
def test_a_class_that_names_a_module_of_pythons_is_somebody_elses(module: str) -> None:
    """As does each class of code that exec has run without a name."""
    code = """
def schedule(step):
    return 0.1

class Doubling(Layer):
    def forward(self, x, training=False, step=0):
        return x + x

    def backward(self, dy):
        return 2 * dy
"""
    names: dict[str, Any] = {"Layer": layers.Layer}
    exec(code, names)
    assert names["Doubling"].__module__ == "builtins"
    names["Doubling"].__module__ = module
    assert not is_own(names["Doubling"]())
    assert {"forward", "backward"} <= set(methods(names["Doubling"]()))
    assert not is_own_function(names["schedule"])


def test_objects_of_no_class_of_minidls_are_somebody_elses() -> None:
    class Empty:
        pass

    assert not is_own(Empty())
    assert not is_own(mock.Mock())
    assert not is_own(mock.Mock(spec=layers.Dense))
    assert not is_own(mock.create_autospec(layers.Dense, instance=True))


REPLACEMENTS = [
    pytest.param(forward, id="function"),
    pytest.param(lambda self, *given: None, id="lambda"),
    pytest.param(wrapping(metrics.Accuracy.reset_state), id="wraps"),
    pytest.param(functools.partialmethod(forward), id="partialmethod"),
    pytest.param(mock.Mock(), id="mock"),
    pytest.param(print, id="built-in"),
    pytest.param(metrics.Metric.get_state, id="another of minidl's methods"),
]


@pytest.mark.parametrize("where", ["object", "class", "base"])
@pytest.mark.parametrize("value", REPLACEMENTS)
def test_a_method_that_is_replaced_is_no_longer_minidls(where: str, value: Any) -> None:
    """On the object, on its class, or on what that derives from; until it is put back."""
    thing, later = own(), deriving()
    holder: Any = {"object": thing, "class": metrics.Accuracy, "base": metrics.Metric}[where]
    name = {"object": "reset_state", "class": "_count", "base": "result"}[where]
    assert is_own(thing)
    with mock.patch.object(holder, name, value):
        assert not is_own(thing)
        assert [each for each, _ in foreign([thing])] == [thing]
        assert is_own(later)  # of another class
    assert is_own(thing)


def test_a_method_that_is_put_on_a_class_is_no_longer_minidls() -> None:
    with mock.patch.object(metrics.Metric, "more", forward, create=True):
        assert not is_own(own())
    assert is_own(own())


def test_the_code_of_a_method_is_looked_at_too() -> None:
    method = metrics.Metric.result
    before = method.__code__
    try:
        method.__code__ = (lambda self: 1.0).__code__
        assert not is_own(own())
    finally:
        method.__code__ = before
    assert is_own(own())


@pytest.mark.parametrize("asked", [False, True])
def test_methods_may_be_put_on_a_subclass_before_anybody_has_asked_or_after(asked: bool) -> None:
    class Named(layers.Dense):
        def __init__(self) -> None:
            super().__init__(3)

    if asked:
        assert is_own(Named())
    Named.forward = forward
    assert not is_own(Named())


# What objects hold -------------------------------------------------------------------------


class Rate:
    """An object that can be called."""

    def __call__(self, step: int) -> float:
        """A rate."""
        return 0.1


def plain(x: Any) -> Any:
    """A function."""
    return x


@fused
def formula(x):
    """A formula of somebody else's: a tape knows what it does."""
    return x + 1


@kernel
def some_kernel(x: Any, out: Any) -> Any:
    """A kernel of somebody else's: the same."""
    return np.add(x, 1, out=out)


HELD = [
    ("a plain function", plain, True),
    ("a lambda", lambda x: x, True),
    ("np.tanh", np.tanh, True),
    ("a built-in", math.sqrt, True),
    ("a partial", functools.partial(plain), True),
    ("wraps of minidl's", wrapping(layers.Dense.forward), True),
    ("wraps of a kernel", wrapping(dense_forward), True),
    ("a method of somebody else's", Rate().__call__, True),
    ("a mock", mock.Mock(), True),
    ("a formula", formula, False),
    ("a kernel", some_kernel, False),
    ("minidl's method", optimizers.Adam().update, False),
    ("a class", dict, False),
    ("a text", "tanh", False),
    ("an array", np.ones(3), False),
    ("a number of NumPy", np.float32(3), False),
    ("a module", math, False),
]


@pytest.mark.parametrize(("value", "is_foreign"), [h[1:] for h in HELD], ids=[h[0] for h in HELD])
def test_what_minidls_own_object_holds_is_looked_at(value: Any, is_foreign: bool) -> None:
    thing = own()
    thing.held = value
    assert is_own(thing)
    assert ((thing, "held") in list(foreign([thing]))) == is_foreign
    assert has_foreign([thing]) == is_foreign


def test_a_callable_object_is_held_and_looked_at_itself() -> None:
    thing, value = own(), Rate()
    thing.held = value
    assert list(foreign([thing])) == [(thing, "held"), (value, None)]


def test_objects_in_lists_and_objects_are_looked_at() -> None:
    class Strange(regularizers.L2):
        def forward(self, W: Any, out: Any) -> Any: ...

    strange, thing = Strange(), own()
    thing.parts = [own(), (1, 2), strange]
    assert list(foreign([thing])) == [(strange, None)]
    thing.parts, thing.part = [], own()
    thing.part.part = strange
    # A regularizer can be called, too.
    assert list(foreign([thing, strange, thing])) == [(thing.part, "part"), (strange, None)]
    thing.part.part = thing  # it goes round
    assert list(foreign([thing])) == []


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop", "nadam", "adagrad"])
def test_what_training_leaves_is_minidls_own(name: str) -> None:
    """Vectors, buffers, references to them: nothing that a step has to ask."""
    model = Sequential([layers.Input((3,)), layers.Dense(2, "relu"), layers.Dense(1)])
    model.compile(optimizers.get(name), "mse", metrics=["mse"])
    model.fit(np.zeros((4, 3)), np.zeros((4, 1)), verbose=0)
    parts = [*model.layers, model, model.optimizer, model.penalties, model._loss]
    assert list(foreign([*parts, *model._metrics])) == []


def test_an_optimizer_holds_its_schedule() -> None:
    assert not has_foreign([optimizers.SGD(ExponentialDecay(0.1, 10, 0.5))])
    assert has_foreign([optimizers.SGD(Rate())])
    assert has_foreign([optimizers.SGD(lambda step: 0.1)])

    class Slower(ExponentialDecay):
        def __call__(self, step: int) -> float:
            return 0.1

    assert has_foreign([optimizers.SGD(Slower(0.1, 10, 0.5))])


# Functions ---------------------------------------------------------------------------------


def test_functions_of_minidl_are_its_own() -> None:
    assert is_own_function(optimizers.Adam().update)
    assert is_own_function(layers.Dense.forward)
    assert is_own_function(formula)
    assert is_own_function(some_kernel)
    assert not is_own_function(plain)
    assert not is_own_function(np.tanh)
    assert not is_own_function(functools.partial(layers.Dense.forward))
    assert not is_own_function(deriving(forward=forward).forward)
    assert not is_own_function(wrapping(layers.Dense.forward))
    assert not is_own_function(wrapping(some_kernel))
    assert not is_own_function(wrapping(formula))


def test_callbacks_are_own_if_they_hold_nobody_elses_functions() -> None:
    assert are_own([])
    assert are_own([EarlyStopping(), Callback()])
    stopper = EarlyStopping()
    stopper.note = plain
    assert not are_own([stopper])
    stopper.note = Rate()
    assert not are_own([stopper])
    stopper.note = functools.partial(plain)
    assert not are_own([stopper])
    stopper.note, stopper.model = ExponentialDecay(0.1, 10, 0.5), Sequential([layers.Dense(1)])
    assert are_own([stopper])
    assert not are_own([EarlyStopping(), type("Own", (Callback,), {"on_epoch_end": forward})()])


def test_the_methods_of_an_object_are_what_it_can_be_called_through() -> None:
    class Base:
        size = property(lambda self: 3)
        number = 3
        Kind = dict

        def forward(self) -> None: ...

        def __len__(self) -> int:
            return 3

    class Later(Base):
        half = functools.partialmethod(forward)
        still = staticmethod(plain)
        whole = classmethod(plain)
        formula = formula

        def backward(self) -> None: ...

    names = ["backward", "formula", "forward", "half", "still", "whole"]
    assert list(methods(Later())) == names
