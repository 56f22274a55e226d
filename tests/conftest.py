"""Hypothesis profiles, a fresh engine for every test, and the executors to test on."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from minidl import seeds
from minidl.accelerator.gpu import cublaslt, kernels
from minidl.accelerator.record import recording
from minidl.backend import BackendUnavailableError, cuda, floatx, set_floatx, switch, use
from minidl.backend.fused import Fused
from tests.doubles.cupy_double import installed
from tests.selection import Selection

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=10,
    # The executor of a test is the same for all of its examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# pytest --thorough.
settings.register_profile("more", settings.get_profile("ci"), max_examples=25)
# A search at random, for hours.
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Whether a test fails, not the smallest example with which it does.
settings.register_profile(
    "mutants",
    settings.get_profile("ci"),
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the default leaves out."""
    parser.addoption("--thorough", action="store_true", help="run all tests, with more examples")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Tests run in several processes where pytest-xdist is installed and nobody says how many."""
    options = config.option
    is_worker = hasattr(config, "workerinput")
    if config.pluginmanager.hasplugin("xdist") and not is_worker and options.numprocesses is None:
        options.numprocesses, options.dist = "auto", "loadfile"
        options.maxprocesses = options.maxprocesses or 4


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests are imported, some of which read the number of examples."""
    thorough = config.getoption("thorough")
    profile = os.environ.get("HYPOTHESIS_PROFILE", "more" if thorough else "ci")
    settings.load_profile(profile)
    config.pluginmanager.register(Selection(thorough, _no_device))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Tests and what they import stay: nobody looks for garbage among them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Nor among what a file of tests leaves behind, such as the oracle's modules."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


EXECUTORS = ["blocks", "compiled", "cupy-double", pytest.param("cupy", marks=pytest.mark.gpu)]


#: Those of them that compute on a device, or as one would.
DEVICES = EXECUTORS[2:]
on_devices = pytest.mark.parametrize("executor", DEVICES, indirect=True)


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> Iterator[None]:
    """A shell's background jobs ignore Ctrl-C, and so would the processes that tests start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of a few steps, as those of tests are, are recorded all the same."""
    monkeypatch.setattr(recording, "FEW", 0)


@pytest.fixture(autouse=True)
def engine_state() -> Iterator[None]:
    """Backend, executor, floating type and seed are after each test as they were before."""
    before = dict(switch._state), floatx(), seeds._seed, seeds._models
    yield
    switch._state.clear()
    switch._state.update(before[0])
    set_floatx(before[1])
    seeds._seed, seeds._models = before[2], before[3]


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine on each executor in turn; the value is its name.

    "cupy-double" is the engine's CuPy code over the double of CuPy; "cupy" is real hardware,
    left out without it. The extra ``test`` has llvmlite: its absence is an error.
    """
    name: str = request.param
    with contextlib.ExitStack() as stack:
        if name in ("blocks", "compiled"):
            use("numpy", executor=name)
        else:
            if name == "cupy-double":
                stack.enter_context(installed())
            _forget_cuda_kernels()
            stack.callback(_forget_cuda_kernels)
            use("cupy")
        yield name


@functools.cache
def _no_device() -> str | None:
    try:
        cuda.load()
    except BackendUnavailableError as error:
        return str(error)
    return None


def _forget_cuda_kernels() -> None:
    """What was compiled for the double does not run on CuPy, nor the other way round."""
    if _no_device() is not None:
        return  # all were compiled for the double
    kernels.forget()
    cublaslt.forget()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("minidl", "tests"):
            continue
        for value in vars(module).values():
            if isinstance(value, Fused):
                for key in [key for key in value.compiled if key[0] == "cuda"]:
                    del value.compiled[key]


@pytest.fixture(params=[1, 2, 3])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Recorded steps are shared out in so many parts, and run by as many threads."""
    from minidl.accelerator.cpu.team import team  # takes its time

    team.end_team()
    monkeypatch.setattr(team, "processors", lambda: team.LARGEST)
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))
    yield request.param
    team.end_team()
