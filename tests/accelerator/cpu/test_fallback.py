"""Where compiled code cannot be had or run: blocks, one warning that says why, doctor says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.accelerator import executors
from minidl.accelerator.cpu.machine import machine_code, trial
from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.accelerator.trace import loops
from minidl.backend import BackendUnavailableError, switch, use

ROOT = Path(__file__).parents[3]

# Surroundings ------------------------------------------------------------------------------

FIT = """
import contextlib, io, json, os, sys, warnings
import numpy as np
BEFORE
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import minidl
    from minidl.commands import doctor
    x, y = np.random.default_rng(0).random((40, 5), "float32"), np.arange(40) % 3
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential([minidl.layers.Dense(4, activation="relu"),
        minidl.layers.Dropout(0.3), minidl.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=10, epochs=3, verbose=0)
    sums = [float(model.predict(x)[:, 0].sum()), float(np.abs(model.theta).sum())]
said = io.StringIO()
with contextlib.redirect_stdout(said):
    status = doctor.report()
print(json.dumps({"sums": sums, "executor": minidl.backend.executor, "doctor": status,
    "said": said.getvalue(), "told": [(str(w.message), w.filename) for w in told]}))
"""


def fit(cache, before="", **environment):
    """What a process says that trains, predicts and asks the doctor, with a cache of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MINIDL_")}
    given = {**clean, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT), **environment}
    result = subprocess.run(
        [sys.executable, "-c", FIT.replace("BEFORE", before)],
        cwd=cache,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def in_blocks(tmp_path_factory):
    """What the same network comes to in blocks that somebody has asked for."""
    found = fit(tmp_path_factory.mktemp("blocks"), MINIDL_EXECUTOR="blocks")
    assert found["executor"] == "blocks"
    assert found["told"] == []
    return found["sums"]


# A process that is refused executable memory, as systemd and SELinux can. No older kernel than
# Linux 6.3 knows how; there the C library's function stands in for the kernel.
REFUSED = """
import ctypes
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE
    from minidl.accelerator.cpu.machine import placing
    placing._library().mprotect = lambda *_: ctypes.set_errno(13) or -1
"""

SURROUNDINGS = [
    ("OSError: Could not find", "", "shadow", "pip install --upgrade llvmlite"),
    ("executable memory|memory for machine code", REFUSED, {}, "let the process execute memory"),
]


@pytest.mark.parametrize(("reason", "before", "environment", "mend"), SURROUNDINGS)
def test_without_compiled_code_blocks_run_and_one_warning_says_why(
    tmp_path, in_blocks, reason, before, environment, mend
):
    if environment == "shadow":  # of an LLVM that is not whole
        module = tmp_path / "shadow" / "llvmlite" / "__init__.py"
        module.parent.mkdir(parents=True)
        module.write_text("raise OSError('Could not find libllvmlite.so.')\n")
        environment = {"PYTHONPATH": os.pathsep.join([str(module.parents[1]), str(ROOT)])}
    found = fit(tmp_path, before, **environment)
    assert found["executor"] == "blocks"
    assert found["sums"] == in_blocks
    ((message, filename),) = found["told"]
    assert filename == "<string>"  # the line that called minidl
    assert message.startswith("minidl: formulas run in NumPy's blocks")
    assert any(part in message for part in reason.split("|"))
    assert f"To mend it: {mend}" in message
    assert found["doctor"] == 1
    assert any(part in found["said"] for part in reason.split("|"))
    assert f"-> {mend}" in found["said"]
    # Whoever may not run it can still compile it.
    assert bool(list(tmp_path.rglob("*.code"))) is (environment == {})


NOBODY = """
import pwd
def fail(user):
    raise KeyError(user)
pwd.getpwuid = fail
for name in ("HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
"""
ONE_FORMULA = """
import sys, warnings
import numpy as np
import os, tempfile
BEFORE
from minidl import backend
formula = backend.fused(lambda x: x * 2 + 1)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    out = np.empty(3)
    formula(np.arange(3.0), out=out)
    assert out.tolist() == [1, 3, 5]
    AFTER
print(backend.executor, *[str(w.message) for w in told], sep="\\n")
"""

AGAIN = """
    __import__("shutil").rmtree(os.environ["XDG_CACHE_HOME"])
    out = np.empty(3, "float32")
    formula(np.arange(3, dtype="float32"), out=out)
    assert out.tolist() == [1, 3, 5]
"""

# What happens before or after two formulas of other types, and what is said of it.
WITHOUT_CACHE = [
    ("nobody", NOBODY, "", "nor the system's list of users names a home"),
    ("removed", "", AGAIN, ""),
    ("full", "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))", "", "too large"),
    ("others", "os.makedirs(F); os.chmod(F, 0o777)", "", "others can write to"),
    ("another", "other = os.geteuid() + 42; os.geteuid = lambda: other", "", "belongs to"),
    ("a file", "open(os.environ['XDG_CACHE_HOME'] + '/minidl', 'wb').close()", "", "Not a dir"),
    ("ASCII", "assert not (__import__('locale').getpreferredencoding().startswith('UTF'))", "", ""),
]


@pytest.mark.parametrize(("name", "before", "after", "reason"), WITHOUT_CACHE)
def test_without_a_cache_compiled_code_runs_and_one_warning_says_why(
    tmp_path, name, before, after, reason
):
    """Nothing is left behind, in the cache or in the temporary folder."""
    cache, temporary = tmp_path / "cache", tmp_path / "temporary"
    cache.mkdir(mode=0o700)
    temporary.mkdir(mode=0o700)
    code = ONE_FORMULA.replace("BEFORE", before).replace("AFTER", after)
    code = code.replace("(F", "(os.environ['XDG_CACHE_HOME'] + '/minidl/commands'")
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("MINIDL_")},
            "XDG_CACHE_HOME": str(cache),
            "TMPDIR": str(temporary),
            **(
                {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
                if name == "ASCII"
                else {}
            ),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    executor, *told = result.stdout.splitlines()
    assert executor == "compiled"
    assert len(told) == bool(reason)
    if reason:
        assert reason in told[0] or (name == "a file" and "exists" in told[0])
        assert "To mend it: " in told[0]
        assert not list(cache.rglob("*.code")) + list(cache.rglob("*.tmp"))
    else:
        assert list(cache.rglob("*.code"))
    assert not list(temporary.iterdir())


_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


# Choice ------------------------------------------------------------------------------------


@pytest.fixture
def unavailable(monkeypatch):
    """A process in which no machine code can be had, at its start."""

    def fail():
        raise CompilationUnavailableError("there is a reason", "do something")

    monkeypatch.setattr(trial, "attempt", fail)
    for name in ("MINIDL_BACKEND", "MINIDL_EXECUTOR"):
        monkeypatch.delenv(name, raising=False)
    switch._state.clear()
    for cached in (loops.obstacle, switch._say):
        cached.cache_clear()
    yield
    for cached in (loops.obstacle, switch._say):
        cached.cache_clear()


@pytest.mark.usefixtures("unavailable")
def test_it_is_decided_and_told_once():
    with pytest.warns(UserWarning, match="there is a reason. To mend it: do something.") as told:
        assert switch.executor_for(np.empty(1)) is executors.BLOCKS
    assert len(told) == 1
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        switch._state.clear()
        assert minidl.backend.executor == "blocks"


@pytest.mark.usefixtures("unavailable")
def test_whoever_asks_for_compiled_code_is_told_at_once():
    with pytest.raises(BackendUnavailableError, match=r"cannot be used: there is a reason\. To"):
        use("numpy", executor="compiled")
    with use("numpy", executor="blocks"):
        assert minidl.backend.executor == "blocks"


NOTHING = """
def command(block, part, parts):
    pass
"""


def test_code_that_computes_something_else_is_not_used(monkeypatch):
    other = machine_code.placed(machine_code.Unit("nothing", "command", NOTHING))
    monkeypatch.setattr(machine_code, "placed", lambda unit: other)
    with pytest.raises(CompilationUnavailableError, match="computes something else") as error:
        trial.attempt()
    assert error.value.mend == "python -m minidl cache clear"
