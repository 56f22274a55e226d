"""``use`` and what follows it: backend, executor, where arrays are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from minidl import backend
from minidl.accelerator import executors
from minidl.accelerator.trace import loops
from minidl.backend import (
    Backend,
    BackendUnavailableError,
    backend_of,
    current,
    switch,
    to_device,
    to_host,
    use,
)
from tests.doubles.cupy_double import installed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh(monkeypatch):
    """As in a new process without environment variables."""
    monkeypatch.delenv("MINIDL_BACKEND", raising=False)
    monkeypatch.delenv("MINIDL_EXECUTOR", raising=False)
    switch._state.clear()


# Backend -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("fresh")
def test_numpy_is_the_default():
    assert current() == Backend("numpy", np)


def test_use_as_a_call_lasts():
    with installed():
        use("cupy")
        assert current().name == "cupy"
        assert current().xp is sys.modules["cupy"]
        use("numpy")
        assert current().name == "numpy"


def test_use_as_a_context_restores_what_was_before():
    use("numpy", executor="compiled")
    with installed():
        with use("cupy") as inner:
            assert inner.name == "cupy"
            assert backend.executor == "cuda"
            with use("numpy", executor="blocks"):
                assert current().name == "numpy"
                assert backend.executor == "blocks"
            assert current().name == "cupy"
        assert current().name == "numpy"
        assert backend.executor == "compiled"


def test_use_restores_after_an_error():
    use("numpy", executor="compiled")
    with pytest.raises(ZeroDivisionError), use("numpy", executor="blocks"):
        raise ZeroDivisionError
    assert backend.executor == "compiled"


@pytest.mark.usefixtures("fresh")
def test_a_context_before_anything_was_chosen_leaves_the_choice_open():
    with use("numpy", executor="blocks"):
        pass
    assert switch._state == {}


def test_unknown_names_are_refused_and_change_nothing():
    use("numpy", executor="blocks")
    with pytest.raises(ValueError, match=r"backend: expected .*'cupy'\), received 'torch'"):
        use("torch", executor="compiled")
    with pytest.raises(ValueError, match=r"executor: expected .*'compiled'\), received 'jit'"):
        use("numpy", executor="jit")
    with installed(), pytest.raises(ValueError, match="executor"):
        use("cupy", executor="jit")
    assert current().name == "numpy"
    assert backend.executor == "blocks"


# Executor ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["python", "blocks", "compiled"])
def test_the_executor_is_the_one_that_was_chosen(name):
    use("numpy", executor=name)
    assert backend.executor == name
    assert switch.executor_for(np.ones(1)).name == name
    use("numpy")
    assert backend.executor == name


@pytest.mark.usefixtures("fresh")
def test_compiled_is_the_default_where_it_can_be(monkeypatch):
    assert backend.executor == "compiled"
    switch._state.clear()
    monkeypatch.setattr(loops, "lacking", lambda: ["llvmlite"])
    assert backend.executor == "blocks"


def test_compiled_without_its_package_is_an_error_that_names_the_remedy(monkeypatch):
    use("numpy", executor="blocks")
    monkeypatch.setattr(executors.LOOPS, "lacking", lambda: ["llvmlite"])
    with pytest.raises(BackendUnavailableError, match="needs the llvmlite package") as error:
        use("numpy", executor="compiled")
    assert "pip install 'minidl[fast]'" in str(error.value)
    assert "executor='blocks'" in str(error.value)
    assert backend.executor == "blocks"


@pytest.mark.usefixtures("fresh")
def test_the_executor_variable_without_the_package_is_an_error_too(monkeypatch):
    monkeypatch.setenv("MINIDL_EXECUTOR", "compiled")
    monkeypatch.setattr(executors.LOOPS, "lacking", lambda: ["llvmlite"])
    with pytest.raises(BackendUnavailableError, match="needs the llvmlite package"):
        _ = backend.executor


def test_device_arrays_have_their_own_executor_whatever_is_chosen_for_numpy():
    with installed(), use("cupy", executor="blocks"):
        assert backend.executor == "cuda"
        assert switch.executor_for(to_device(np.ones(2))).name == "cuda"
        assert switch.executor_for(np.ones(2)).name == "blocks"
    with installed(), use("cupy", executor="python"):  # which calls formulas wherever arrays are
        assert backend.executor == "python"
        assert switch.executor_for(to_device(np.ones(2))).name == "python"


def test_the_module_has_no_other_attribute():
    with pytest.raises(AttributeError, match="no attribute 'executer'"):
        _ = backend.executer


# Environment -------------------------------------------------------------------------------

ASK = "from minidl import backend; print(backend.current().name, backend.executor)"


def child(code, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MINIDL_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_variables_choose_at_the_start():
    assert child(ASK).stdout.split() == ["numpy", "compiled"]
    for name in ("python", "blocks"):
        assert child(ASK, MINIDL_EXECUTOR=name).stdout.split() == ["numpy", name]
    # An empty variable is none, as a shell writes it to leave one out.
    assert child(ASK, MINIDL_EXECUTOR="", MINIDL_BACKEND="").stdout.split() == ["numpy", "compiled"]
    code = "from tests.doubles.cupy_double import installed\nwith installed():\n    exec(ASK)"
    code = code.replace("ASK", repr(ASK))
    assert child(code, MINIDL_BACKEND="cupy").stdout.split() == ["cupy", "cuda"]


def test_a_call_outdoes_the_variables():
    code = "from minidl.backend import use; use('numpy', executor='compiled'); " + ASK
    result = child(code, MINIDL_EXECUTOR="blocks", MINIDL_BACKEND="cupy")
    assert result.stdout.split() == ["numpy", "compiled"]


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("MINIDL_BACKEND", "backend: expected one of ('numpy', 'cupy'), received 'nympy'"),
        (
            "MINIDL_EXECUTOR",
            "executor: expected one of ('python', 'blocks', 'compiled'), received 'nympy'",
        ),
    ],
)
def test_variables_with_unknown_names_are_errors(variable, message):
    result = child(ASK, **{variable: "nympy"})
    assert result.returncode != 0
    assert message in result.stderr


def test_neither_llvmlite_nor_cupy_is_imported_before_it_is_used():
    code = (
        "import sys; from minidl.accelerator.trace import loops; import minidl.kernels.updates; "
        "loops.available(); print(sorted({'llvmlite', 'cupy'} & set(sys.modules)))"
    )
    assert child(code).stdout.strip() == "[]"


# Arrays ------------------------------------------------------------------------------------


def test_numpy_arrays_stay_where_they_are():
    use("numpy")
    x = np.ones(3)
    assert to_device(x) is x
    assert to_host(x) is x
    assert backend_of(x).name == backend_of(csr_array((2, 3))).name == "numpy"
    np.testing.assert_array_equal(to_device([1, 2]), [1, 2])
    assert current().to_device([1, 2], "float32").dtype == np.float32


def test_arrays_go_to_the_device_and_back():
    host = np.arange(6, dtype="float32").reshape(2, 3)
    with installed(), use("cupy") as cupy:
        there = to_device(host)
        assert type(there) is sys.modules["cupy"].ndarray
        assert backend_of(there).name == "cupy"
        assert backend_of(current().to_device(csr_array(host))).name == "cupy"
        assert cupy.to_device(there) is there
        back = to_host(there)
        assert type(back) is np.ndarray
        np.testing.assert_array_equal(back, host)
        assert cupy.to_device(host, "float64").dtype == np.float64
        # A host array is on the host whatever the backend in use, and the reverse.
        assert to_host(host) is host
        with use("numpy"):
            np.testing.assert_array_equal(to_host(there), host)
