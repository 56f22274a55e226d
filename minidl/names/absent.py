"""Names of Keras that minidl's models, or the package, lack, with advice.

:mod:`minidl.layers.absent` has the names of layers.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from minidl.names.register import kinds

_STEP = "write minidl.train_step(model, loss, optimizer, x, y), or a layer or a loss of your own"
_GENERATOR = "write {}, which takes generators, too"
_TYPES = "numbers are float32 or float64: write minidl.set_floatx(...)"

#: Attribute of a model -> the code to write instead, or the reason why there is none.
OF_MODELS = {
    "fit_generator": _GENERATOR.format("fit"),
    "evaluate_generator": _GENERATOR.format("evaluate"),
    "predict_generator": _GENERATOR.format("predict"),
    "predict_classes": "write predict(x).argmax(axis=-1), or predict(x) > 0.5 for one unit",
    "predict_proba": "write predict(x)",
    "reset_metrics": "metrics begin anew in each epoch and each call: leave it out",
    "reset_states": "no layer keeps a state from batch to batch: leave it out",
    "add_metric": "write metrics=[...] in compile",
    "add_weight": "write a layer with build, forward and backward, and put it in the row",
    "call": "write model(x), and a layer with forward and backward for what is missing",
    "train_step": _STEP,
    "compute_loss": _STEP,
    "make_train_function": _STEP,
    "test_step": "write evaluate(x, y), or metrics=[...] in compile",
    "predict_step": "write predict(x)",
    "compute_metrics": "write metrics=[...] in compile",
    "get_metrics_result": "fit and evaluate return the values",
    "export": "write save(path), or minidl.interop.to_onnx(model, path)",
    "quantize": "numbers are float32 or float64: leave it out",
    "dtype_policy": "the numbers have one type, model.dtype",
}
#: Attribute of the package -> the code to write instead, or the reason why there is none.
OF_PACKAGE = {
    **dict.fromkeys(("mixed_precision", "DTypePolicy", "dtype_policies"), _TYPES),
    "config": "minidl.set_floatx and minidl.backend.use say how numbers are kept and computed",
    "device": "write minidl.backend.use(...)",
    "Function": "write minidl.Model(inputs, outputs)",
    "applications": "no trained networks are here; load_model reads files of Keras's",
    "preprocessing": "change arrays before the training",
    "random": "write numpy.random, and minidl.utils.set_random_seed for networks",
    "visualization": "write minidl.plotting",
    "wrappers": "write minidl.estimators, which has scikit-learn's classes",
    "version": "write minidl.__version__",
}


def of_package(name: str) -> str | None:
    """Advice for an attribute that Keras's package has; None for any other name."""
    for base in kinds:
        place = ".".join(base.__module__.split(".")[:2])
        if name == base.__name__ and name in vars(sys.modules[place]):
            return f"write {place}.{name}"
    return OF_PACKAGE.get(name)


#: Methods that Keras's models call and minidl's do not: a class that defines one expects a call.
CALLED_BY_KERAS = (
    "call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics",
    "make_train_function",
)  # fmt: skip


class AbsentNames:
    """An object that answers for the attributes of Keras's models."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a method that Keras would call and minidl does not.

        Raises:
            TypeError: the class has such a method.
        """
        super().__init_subclass__(**options)
        for name in CALLED_BY_KERAS:
            if hasattr(cls, name):
                raise TypeError(
                    f"{cls.__name__}.{name}: expected no such method, because nothing here calls "
                    f"it; {OF_MODELS[name]}"
                )

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> NoReturn:
            """Raise, with advice for a name of Keras."""
            if name in OF_MODELS:
                raise AttributeError(f"{name} is no part of minidl's models: {OF_MODELS[name]}")
            object.__getattribute__(self, name)  # raises the error that led here
