"""The test case that stands in the place of Keras's: what its tests call, said anew for minidl."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl.testing import parameterized

import minidl
from minidl import saving


def host(x: Any) -> np.ndarray:
    """An array of NumPy."""
    return np.asarray(x)


class TestCase(parameterized.TestCase):
    """Comparisons of arrays, and the check of a layer or of a configuration."""

    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        minidl.utils.clear_session()

    def get_temp_dir(self) -> str:
        """A folder that is removed after the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def assertRaisesRegex(  # noqa: N802 - unittest's name
        self, expected_exception: Any, expected_regex: Any, *call: Any, **more: Any
    ) -> Any:
        """An error of this class or of ValueError, TypeError: messages are each engine's own."""
        known = expected_exception
        kinds = known if isinstance(known, tuple) else (known,)
        if {*kinds} & {ValueError, TypeError, AttributeError, NotImplementedError}:
            kinds = (*kinds, ValueError, TypeError, AttributeError, NotImplementedError)
        return self.assertRaises(kinds, *call, **more)  # noqa: PT027 - the answer is used

    def convert_to_numpy(self, x: Any) -> np.ndarray:
        """An array of NumPy."""
        return host(x)

    def assertAllClose(  # noqa: N802 - Keras's name
        self, actual: Any, desired: Any, atol: float = 1e-6, rtol: float = 1e-6, **more: Any
    ) -> None:
        """Both are equal up to the sum of the two tolerances."""
        text = more.get("msg") or ""
        np.testing.assert_allclose(host(actual), host(desired), rtol, atol, err_msg=text)

    def assertNotAllClose(  # noqa: N802 - Keras's name
        self, x1: Any, x2: Any, atol: float = 1e-6, rtol: float = 1e-6, msg: str = ""
    ) -> None:
        """Some element differs by more."""
        assert not np.allclose(host(x1), host(x2), rtol, atol), msg

    def assertAlmostEqual(  # noqa: N802 - Keras's name
        self, actual: Any, desired: Any, decimal: int = 3, msg: str = "", **_: Any
    ) -> None:
        """Both are equal to so many decimals."""
        np.testing.assert_almost_equal(host(actual), host(desired), decimal, msg or "")

    def assertAllEqual(self, actual: Any, desired: Any, msg: str = "") -> None:  # noqa: N802
        """All elements are equal."""
        np.testing.assert_array_equal(host(actual), host(desired), msg or "")

    def assertLen(self, iterable: Any, expected_len: int, msg: Any = None) -> None:  # noqa: N802
        """So many elements are there."""
        assert len(iterable) == expected_len, msg

    def assertDType(self, x: Any, dtype: str, msg: str = "") -> None:  # noqa: N802
        """The elements have this type."""
        assert np.dtype(x.dtype).name == str(dtype), msg

    def assertFileExists(self, path: Any) -> None:  # noqa: N802
        """A file is there."""
        assert Path(path).is_file(), path

    def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
        """An equal object comes of the configuration, and of the dictionary with the class."""
        expected = saving.serialize_keras_object(instance.get_config())
        with saving.custom_object_scope(custom_objects):
            first = type(instance).from_config(instance.get_config())
            second = saving.deserialize_keras_object(saving.serialize_keras_object(instance))
        for made in (first, second):
            assert type(made) is type(instance)
            assert expected == saving.serialize_keras_object(made.get_config())
        return second

    def run_layer_test(
        self,
        layer_cls: Callable[..., Any],
        init_kwargs: dict[str, Any],
        input_shape: Any = None,
        input_data: Any = None,
        call_kwargs: Any = None,
        expected_output: Any = None,
        expected_output_shape: Any = None,
        expected_num_trainable_weights: Any = None,
        expected_num_non_trainable_weights: Any = None,
        expected_num_non_trainable_variables: Any = None,
        expected_num_losses: Any = None,
        custom_objects: Any = None,
        run_training_check: bool = True,
        **more: Any,
    ) -> None:
        """A layer is described and made again, built, called with and without numbers, trained."""
        self.run_class_serialization_test(layer_cls(**init_kwargs), custom_objects)
        if input_shape is None and input_data is None:
            return
        x = input_data
        if x is None:
            x = np.random.default_rng(0).normal(size=input_shape).astype("float32")
        x, call = np.asarray(x), call_kwargs or {}
        layer = layer_cls(**init_kwargs)
        symbol = layer(minidl.Input(x.shape[1:]))
        outputs = layer(x, **call)
        counts = {
            "trainable_weights": expected_num_trainable_weights,
            "non_trainable_weights": expected_num_non_trainable_weights,
            "non_trainable_variables": expected_num_non_trainable_variables,
            "losses": expected_num_losses,
        }
        for name, count in counts.items():
            if count is not None:
                self.assertLen(getattr(layer, name), count, name)
        if expected_output_shape is not None:
            assert symbol.shape[1:] == tuple(expected_output_shape)[1:]
            assert outputs.shape == tuple(expected_output_shape)
        if expected_output is not None:
            self.assertAllClose(outputs, expected_output)
        if run_training_check:
            model = minidl.Sequential([layer_cls(**init_kwargs), minidl.layers.Flatten()])
            model.compile("sgd", "mse")
            model.fit(x, np.zeros((len(x), int(np.prod(outputs.shape[1:])))), verbose=0)


def _no_gpu() -> bool:
    return False


tensorflow_uses_gpu = jax_uses_gpu = torch_uses_gpu = jax_uses_tpu = uses_gpu = uses_tpu = _no_gpu
uses_cpu = lambda: True  # noqa: E731


def get_test_data(
    train_samples: int,
    test_samples: int,
    input_shape: tuple[int, ...],
    num_classes: int,
    random_seed: int | None = None,
) -> Any:
    """Rows around a point of each class, to train on and to test on."""
    random = np.random.default_rng(random_seed)
    count = train_samples + test_samples
    y = random.integers(0, num_classes, count)
    centres = random.normal(size=(num_classes, *input_shape))
    x = (centres[y] + 0.3 * random.normal(size=(count, *input_shape))).astype("float32")
    cut = train_samples
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def named_product(*lists: Any, **axes: Any) -> list[dict[str, Any]]:
    """All combinations of values, with the names of tests."""
    import itertools

    found = []
    for first in lists[0] if lists else [{}]:
        for values in itertools.product(*axes.values()):
            chosen = {**first, **dict(zip(axes, values, strict=True))}
            label = "_".join(str(value) for value in chosen.values())
            found.append({**chosen, "testcase_name": f"_{label}"})
    return found
