"""The command that runs Keras's own tests: what it counts, and that it sees a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from minidl import constraints
from minidl.kernels import constraints as kernels
from tests.keras_own.__main__ import main, run
from tests.keras_own.redirect import Missing, resolve
from tests.keras_own.scope import outside


def test_a_file_is_run_and_a_mistake_is_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Constraints: few tests, and fast ones."""
    before = {each.name: each.failure for each in run("constraints_test")}
    assert sum(failure is None for failure in before.values()) > 10
    name = next(name for name in before if name.endswith("test_non_neg"))
    assert before[name] is None
    monkeypatch.setattr(kernels, "non_negative", lambda W, out: out)
    after = {each.name: each.failure for each in run("constraints_test")}
    assert after[name] is not None
    assert main(["constraints_test"]) == 1
    printed = capsys.readouterr().out
    assert f"failed: {name}" in printed
    assert "tests that apply pass" in printed


def test_what_does_not_apply_is_left_aside_with_a_reason() -> None:
    assert outside("einsum_dense_test.py", "", "") == "classes that are none here"
    assert outside("dense_test.py", "test_quantize_int8", "") == "quantized or low-rank weights"
    assert outside("dense_test.py", "test", "layer._kernel") is not None
    assert outside("dense_test.py", "test", "layers.Dense(2)") is None
    aside = list(run("lambda_layer_test"))
    assert aside
    assert all(each.aside and each.failure is None for each in aside)


def test_imports_are_answered_with_minidl() -> None:
    assert resolve("keras.src", "constraints") is constraints
    assert resolve("keras.src.layers.core.dense", "Dense").__module__ == "minidl.layers.dense"
    missing: Any = resolve("keras.src.quantizers", "AbsMaxQuantizer")
    assert isinstance(missing, Missing)
    with pytest.raises(NotImplementedError, match=r"minidl has no keras\.src\.quantizers"):
        missing()
