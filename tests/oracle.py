"""Keras on TensorFlow as the oracle: the only code that imports either.

Helpers take and return NumPy arrays and compute in float64, whatever Keras's default is.
What to make is said by a :class:`tests.specs.Spec`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.specs import Spec

_BEFORE = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES")}
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.ops import math_ops  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.get_logger().setLevel("ERROR")  # not of a new graph for every network, which is meant
tf.config.list_physical_devices()  # TensorFlow looks for devices now, and never again.
# Only TensorFlow shall be without a GPU: CuPy is tested in the same process.
for _name, _value in _BEFORE.items():
    if _value is None:
        del os.environ[_name]
    else:
        os.environ[_name] = _value


def set_dtype(name: str) -> None:
    """Both, because Keras keeps the policy of the first layer, whatever floatx says later."""
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)


set_dtype("float64")

_tf_cast = tf.cast


def _cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """tf.cast, but a Python number becomes ``dtype`` at once.

    TensorFlow makes a float32 of it first: the 0.96 in Keras's Nadam would be 0.95999998.
    """
    if type(x) is float:
        return tf.constant(x, dtype=dtype)
    return _tf_cast(x, dtype, name=name)


tf.cast = _cast


@contextlib.contextmanager
def rounding_to_float32() -> Iterator[None]:
    """Keras as it is: what it casts of its own numbers comes by way of float32."""
    tf.cast = _tf_cast
    try:
        yield
    finally:
        tf.cast = _cast


# Both sides compute in float64, where rounding is 1e-16: what is left are sums in another
# order and exp, log or tanh of another library, some tens of such roundings in a row.
# ATOL is the same for a value that should be 0 and is the difference of values near 1.
RTOL, ATOL = 1e-12, 1e-14
# TensorFlow's LeakyRelu keeps its slope in float32, whatever the tensors are: 0.2 and 0.3
# are off by up to 6e-8 of themselves there. Slopes that float32 holds exactly are not.
SLOPE_RTOL = 1e-7


# What Keras calls the state vectors that minidl calls so; the second, of all optimizers.
COMMON_STATE = {"gradient_sum": "gradient_accumulator", "moving_average": "average"}
STATE = {
    "SGD": {"velocity": "momentum"},
    "RMSprop": {"v": "velocity", "m": "average_gradient", "velocity": "momentum"},
    "Adam": {"m": "momentum", "v": "velocity", "v_max": "velocity_hat"},
    "AdamW": {"m": "momentum", "v": "velocity", "v_max": "velocity_hat"},
    "Nadam": {"m": "momentum", "v": "velocity"},
    "Adagrad": {"accumulator": "accumulator"},
    "Adamax": {"m": "momentum", "u": "norm"},
    "Adadelta": {"v": "accumulated_grad", "d": "accumulated_delta_var"},
    "Lion": {"m": "momentum"},
    "Ftrl": {"accumulator": "accumulator", "z": "linear"},
}


def assert_agrees(actual: Any, expected: Any, name: str = "", rtol: float = RTOL) -> None:
    """``actual`` is what the oracle says, to float64 rounding, and computed in float64."""
    assert np.asarray(actual).dtype == np.float64, f"{name}: expected float64"
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=ATOL, err_msg=name)


def _make(spec: Spec) -> Any:
    # np.float64, because TensorFlow makes float32 of a Python number.
    return spec.make(keras, np.float64)


def _tensor(array: Any) -> Any:
    array = np.asarray(array)
    return tf.constant(array, dtype=tf.float64 if array.dtype.kind == "f" else array.dtype)


def _values(variables: Iterable[Any]) -> list[Any]:
    return [variable.value for variable in variables]


def _arrays(tensors: Iterable[Any]) -> list[np.ndarray]:
    return [np.asarray(tensor) for tensor in tensors]


class LayerPass(NamedTuple):
    """A layer's output, the gradients at its input and weights, and its weights after."""

    y: np.ndarray
    dx: np.ndarray
    dweights: list[np.ndarray]
    weights: list[np.ndarray]


def layer(
    spec: Spec, x: Any, dy: Any, weights: Sequence[Any] | None = None, training: bool = False
) -> LayerPass:
    """One forward and backward pass of a layer, for the gradient ``dy`` at its output."""
    made = _make(spec)
    made.build(np.shape(x))
    if weights is not None:
        made.set_weights(list(weights))
    x = _tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = made(x, training=training)
    trainable = _values(made.trainable_variables)
    dx, *dweights = tape.gradient(y, [x, *trainable], output_gradients=_tensor(dy))
    return LayerPass(np.asarray(y), np.asarray(dx), _arrays(dweights), made.get_weights())


def activation(name: str, x: Any, dy: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """y of an activation function and dx for the gradient ``dy``; a float option is float64."""
    given = {k: np.float64(v) if type(v) is float else v for k, v in options.items()}
    x = _tensor(x)
    # The constants of TensorFlow's own gelu, too, are to be float64.
    math_ops.cast, right = _cast, math_ops.cast
    try:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = getattr(keras.activations, name)(x, **given)
    finally:
        math_ops.cast = right
    return np.asarray(y), np.asarray(tape.gradient(y, x, output_gradients=_tensor(dy)))


def config(spec: Spec) -> dict[str, Any]:
    """The configuration, with its defaults, of what Keras makes."""
    return dict(_make(spec).get_config())


def layer_names(specs: Iterable[Spec]) -> list[str]:
    """The names that Keras gives to layers made in this order in a fresh process."""
    keras.utils.clear_session()
    return [_make(spec).name for spec in specs]


def class_layer_name(kind: str) -> str:
    """The name that Keras gives to the first layer of a class that is called so."""
    keras.utils.clear_session()
    return str(type(kind, (keras.layers.Layer,), {})().name)


def masked(x: Any, mask: Any, dy: Any) -> tuple[np.ndarray, np.ndarray]:
    """x times a given mask, by ``tf.multiply``, and its gradient at x."""
    x = _tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.multiply(x, _tensor(mask))
    return np.asarray(y), np.asarray(tape.gradient(y, x, output_gradients=_tensor(dy)))


def loss(
    spec: Spec, y_true: Any, y_pred: Any, sample_weight: Any = None
) -> tuple[float, np.ndarray]:
    """A loss of a batch and its gradient at the predictions."""
    made, predictions = _make(spec), _tensor(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        value = made(y_true, predictions, sample_weight=sample_weight)
    return float(value), np.asarray(tape.gradient(value, predictions))


def loss_rows(name: str, y_true: Any, y_pred: Any, **options: Any) -> np.ndarray:
    """``keras.losses.<name>``: a loss for every row."""
    return np.asarray(getattr(keras.losses, name)(_tensor(y_true), _tensor(y_pred), **options))


def metric(spec: Spec, batches: Iterable[Sequence[Any]]) -> Any:
    """A metric over batches of (y_true, y_pred) or (y_true, y_pred, sample_weight).

    A float, or an array where the metric has a number for each class or threshold.
    """
    made = _make(spec)
    for y_true, y_pred, *weight in batches:
        made.update_state(y_true, _tensor(y_pred), *map(_tensor, weight))
    found = np.asarray(made.result())
    return found if found.ndim else float(found)


def metric_rows(name: str, y_true: Any, y_pred: Any) -> np.ndarray:
    """``keras.metrics.<name>``: a value for every row."""
    return np.asarray(getattr(keras.metrics, name)(_tensor(y_true), _tensor(y_pred)))


def penalty(spec: Spec, W: Any) -> tuple[float, np.ndarray]:
    """A regularizer's penalty on a tensor, and its gradient."""
    made, W = _make(spec), _tensor(W)
    with tf.GradientTape() as tape:
        tape.watch(W)
        value = made(W)
    return float(value), np.asarray(tape.gradient(value, W))


def constrained(spec: Spec, W: Any) -> np.ndarray:
    """The projection of a tensor by a constraint."""
    return np.asarray(_make(spec)(_tensor(W)))


def initial(spec: Spec, shape: Sequence[int]) -> np.ndarray:
    """An initializer's values of a tensor."""
    return np.asarray(_make(spec)(tuple(shape), dtype="float64"))


def adapted(spec: Spec, data: Any, x: Any) -> np.ndarray:
    """The output of a layer for ``x`` after ``adapt(data)``."""
    made = _make(spec)
    made.adapt(np.asarray(data, np.float64))
    return np.asarray(made(_tensor(x)))


def schedule(spec: Spec, steps: Iterable[int]) -> np.ndarray:
    """A schedule's learning rates at these steps."""
    made = _make(spec)
    return np.array([float(made(tf.constant(step, tf.int64))) for step in steps])


def optimizer_steps(
    spec: Spec,
    tensors: Sequence[Any],
    gradients: Iterable[Sequence[Any]],
    undecayed: Sequence[str] = (),
) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
    """One update for each list of gradients.

    The tensors are called tensor0, tensor1 …; those with a part of their name in ``undecayed``
    are excluded from weight decay.

    Returns:
        The tensors after, and the state by the names that Keras gives it ("momentum", …):
        for each name an array for every tensor.
    """
    optimizer = _make(spec)
    if undecayed:
        optimizer.exclude_from_weight_decay(var_names=list(undecayed))
    variables = [
        keras.Variable(tensor, dtype="float64", name=f"tensor{index}")
        for index, tensor in enumerate(tensors)
    ]
    for step in gradients:
        optimizer.apply([_tensor(gradient) for gradient in step], variables)
    state: dict[str, list[np.ndarray]] = {}
    for slot in optimizer.variables:  # "tensor0_momentum", "tensor1_momentum", …
        tensor, _, name = slot.name.partition("_")
        if tensor.startswith("tensor"):
            state.setdefault(name, []).append(np.asarray(slot.value))
    return _arrays(_values(variables)), state


class _Mask(keras.layers.Layer):
    """Stands for dropout with a mask that is given."""

    mask: Any = 1.0

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * self.mask if training else inputs


class Network:
    """A Keras Sequential trained step by step.

    Args:
        layers: specs; a Dropout becomes a product with the mask given to :meth:`step`.
        input_shape: of one row.
        loss, optimizer: specs.
    """

    def __init__(
        self, layers: Sequence[Spec], input_shape: tuple[int, ...], loss: Spec, optimizer: Spec
    ) -> None:
        made = [_Mask() if s.path == "layers.Dropout" else _make(s) for s in layers]
        self._masks = [layer for layer in made if isinstance(layer, _Mask)]
        self._model = keras.Sequential([keras.layers.Input(input_shape), *made])
        self._loss = _make(loss)
        self._optimizer = _make(optimizer)

    def get_weights(self) -> list[np.ndarray]:
        """All weights, in Keras's order."""
        return self._model.get_weights()

    def counts(self) -> tuple[int, int]:
        """Numbers of trainable and of other parameters."""
        parts = self._model.trainable_weights, self._model.non_trainable_weights
        trainable, fixed = (sum(int(np.prod(w.shape)) for w in part) for part in parts)
        return trainable, fixed

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights."""
        self._model.set_weights(list(weights))

    def predict(self, x: Any) -> np.ndarray:
        """The outputs in inference mode."""
        return np.asarray(self._model(_tensor(x), training=False))

    def step(
        self, x: Any, y: Any, sample_weight: Any = None, masks: Sequence[Any] = ()
    ) -> tuple[float, list[np.ndarray]]:
        """One training step: the loss before it, with penalties, and the gradients."""
        value, gradients = self._step(_tensor(x), y, sample_weight, [_tensor(m) for m in masks])
        return float(value), _arrays(gradients)

    def train(self, x: Any, y: Any, steps: int, masks: Sequence[Any] = ()) -> np.ndarray:
        """So many steps in one graph: the loss before each, with penalties.

        One graph with a loop takes a tenth of the time of steps one by one.

        Args:
            x, y: (B, N, ...): the rows and targets of B batches, taken in turn.
            steps: how many.
            masks: for each Dropout the multipliers of all steps, (steps, N, ...).
        """
        x, y, masks = _tensor(x), _tensor(y), [_tensor(mask) for mask in masks]
        self._optimizer.build(self._model.trainable_variables)  # a graph can make no variables

        def step(k: Any, losses: Any) -> tuple[Any, Any]:
            batch = k % len(x)
            value, _ = self._step(x[batch], y[batch], None, [mask[k] for mask in masks])
            return k + 1, losses.write(k, value)

        @tf.function(autograph=False)
        def loop() -> Any:
            losses = tf.TensorArray(tf.float64, steps)
            return tf.while_loop(lambda k, _: k < steps, step, (0, losses))[1].stack()

        return np.asarray(loop())

    def slots(self) -> dict[str, list[np.ndarray]]:
        """The optimizer's state by the names that Keras gives it: an array for every tensor."""
        found: dict[str, list[np.ndarray]] = {}
        for tensor in self._model.trainable_variables:
            prefix = f"{tensor.path.replace('/', '_')}_"
            for slot in self._optimizer.variables:
                if slot.name.startswith(prefix):
                    name = slot.name.removeprefix(prefix)
                    found.setdefault(name, []).append(np.asarray(slot.value))
        return found

    def _step(self, x: Any, y: Any, sample_weight: Any, masks: Sequence[Any]) -> tuple[Any, Any]:
        for layer, mask in zip(self._masks, masks, strict=True):
            layer.mask = mask
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            predictions = self._model(x, training=True)
            value = self._loss(y, predictions, sample_weight=sample_weight)
            value = tf.add_n([value, *self._model.losses])
        gradients = tape.gradient(value, _values(variables))
        self._optimizer.apply(gradients, variables)
        return value, gradients


def layer_classes() -> list[str]:
    """Names of all layers, and of functions that call one."""
    aside = {"InputSpec", "serialize", "deserialize"}
    return sorted({name for name in dir(keras.layers) if not name.startswith("_")} - aside)


def dataset(name: str, file: Any, **arguments: Any) -> Any:
    """``keras.datasets.NAME.load_data``, of this file in place of a download."""
    module = importlib.import_module(f"keras.src.datasets.{name}")
    right, module.get_file = module.get_file, lambda *_, **__: str(file)
    try:
        return module.load_data(**arguments)
    finally:
        module.get_file = right


def label_names(name: str) -> list[str]:
    """``keras.datasets.NAME.get_label_names``."""
    return list(getattr(keras.datasets, name).get_label_names())


def export_onnx(path: Any, x: Any) -> np.ndarray:
    """Write a network of Keras to a file of ONNX; the result is its outputs in float32.

    GELU is left out: tf2onnx lacks its Erfc.
    """
    random = np.random.default_rng(0)
    set_dtype("float32")
    try:
        names = ["relu", "elu", "selu", "silu", "softplus", "softsign", "tanh", "sigmoid"]
        model = keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                keras.layers.Rescaling(1 / 2, 0.1),
                keras.layers.Flatten(),
                *(keras.layers.Dense(4, name) for name in names),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(4, use_bias=False),
                keras.layers.BatchNormalization(),
                keras.layers.LeakyReLU(0.1),
                keras.layers.Dropout(0.5),
                keras.layers.ReLU(6.0),
                keras.layers.Dense(3, "softmax"),
            ]
        )
        weights = [random.uniform(0.3, 1.3, w.shape) for w in model.get_weights()]
        model.set_weights(weights)
        y = np.asarray(model(x))
        model.export(path, format="onnx", verbose=False)
    finally:
        set_dtype("float64")
    return y
