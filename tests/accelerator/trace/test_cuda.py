"""The CuPy backend over the double of CuPy: what is missing is named, nothing synchronises."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from minidl.backend import BackendUnavailableError, current, fused, to_device, use
from minidl.kernels import updates
from tests.doubles.cupy_double import count_synchronisations, forbid_synchronisation, installed


@pytest.fixture
def double():
    with installed(), use("cupy") as backend:
        yield backend


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendUnavailableError, match="needs the CuPy package") as error:
        use("cupy")
    assert "pip install 'minidl[cuda13]'" in str(error.value)
    assert "pip install 'minidl[cuda12]'" in str(error.value)
    assert isinstance(error.value.__cause__, ImportError)


def test_a_missing_driver_is_named_with_the_command_that_installs_it():
    with installed("driver"), pytest.raises(BackendUnavailableError) as error:
        use("cupy")
    assert "needs an NVIDIA driver" in str(error.value)
    assert "cudaErrorInsufficientDriver" in str(error.value)
    assert "apt-get install nvidia-driver" in str(error.value)


def test_a_missing_device_is_named_and_the_driver_is_not_blamed():
    with installed("device"), pytest.raises(BackendUnavailableError) as error:
        use("cupy")
    assert "needs a CUDA device" in str(error.value)
    assert "CUDA_VISIBLE_DEVICES" in str(error.value)
    assert "install the driver" not in str(error.value)


@pytest.mark.parametrize("fault", ["driver", "device"])
def test_after_a_refusal_the_backend_is_the_one_before(fault):
    use("numpy", executor="blocks")
    with installed(fault), pytest.raises(BackendUnavailableError):
        use("cupy", executor="compiled")
    assert current().name == "numpy"
    from minidl import backend

    assert backend.executor == "blocks"


@pytest.mark.usefixtures("double")
def test_a_formula_becomes_one_kernel_with_its_name(monkeypatch):
    made = []
    cupy = sys.modules["cupy"]

    @fused
    def my_formula(x, y, rate):
        return x - rate * y, x + y

    kernel = cupy.RawKernel

    def recording(code, name, **options):
        made.append(name)
        return kernel(code, name, **options)

    monkeypatch.setattr(cupy, "RawKernel", recording)
    x, y = to_device(np.ones(4)), to_device(np.ones(4))
    for rate in (0.5, 0.25):
        my_formula(x, y, rate, out=(x, cupy.empty(4)))
    assert made == ["minidl_my_formula"]
    np.testing.assert_array_equal(x.get(), 0.25 - 0 * np.ones(4))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_neither_synchronises_nor_transfers(dtype):
    arrays = [to_device(np.ones(10, dtype)) for _ in range(4)]
    out = (arrays[0], arrays[2], arrays[3])
    with forbid_synchronisation(), count_synchronisations() as counts:
        updates.adam(*arrays, 0.1, 0.9, 0.999, 1e-7, out=out)
    assert counts.transfers == 0


@pytest.mark.usefixtures("double")
def test_the_numbers_of_a_call_have_the_type_of_its_output():
    @fused
    def scaled(x, scale):
        return x * scale

    pixels = np.arange(256, dtype="uint8")
    for dtype in ("float32", "float64"):
        out = to_device(np.full(256, 9, dtype))
        scaled(to_device(pixels), 1 / 255, out=out)
        np.testing.assert_array_equal(out.get(), pixels * np.dtype(dtype).type(1 / 255))


@pytest.mark.usefixtures("double")
def test_a_host_array_beside_device_arrays_is_an_error():
    @fused
    def total(x, y):
        return x + y

    x = to_device(np.ones(3))
    with pytest.raises((TypeError, ValueError, AssertionError)):
        total(x, np.ones(3), out=x)
