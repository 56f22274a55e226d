"""The example of somebody else's package, installed beside minidl and tested on its own.

Both are built and installed into an environment of their own, without a network: what else they
need, they find in the environment of this test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

# These take long.
pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_activation"


class Environment(NamedTuple):
    """The interpreter, the example's folder, and where the packages were installed."""

    python: Path
    folder: Path
    packages: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the interpreter in the example's folder."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            # Nothing to compile, and no stale bytecode of what the tests edit.
            env={**kept, "PYTHONDONTWRITEBYTECODE": "1", "MINIDL_EXECUTOR": "blocks"},
            capture_output=True,
            text=True,
            check=False,
        )

    def pytest(self, *arguments: str) -> str:
        """What pytest prints; its result is in it."""
        options = ("-p", "no:cacheprovider", "--hypothesis-seed=0")
        return self.run("-m", "pytest", *options, *arguments).stdout

    @contextmanager
    def edited(self, module: str, old: str, new: str) -> Iterator[None]:
        """Within the block, the installed module reads otherwise."""
        path = self.packages / "own_activation" / module
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        try:
            yield
        finally:
            path.write_text(text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Environment:
    base = tmp_path_factory.mktemp("environment")
    venv.create(base / "venv", with_pip=False)
    python = base / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    packages = Path(found.stdout.strip())
    theirs = [path for path in sys.path if "site-packages" in path or "dist-packages" in path]
    (packages / "dependencies.pth").write_text("\n".join(theirs))
    # Copies, because building leaves folders behind.
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*")
    for name in ("minidl", "own_activation"):
        source = {"minidl": ROOT, "own_activation": EXAMPLE}[name]
        (base / name).mkdir()
        for part in ("pyproject.toml", "README.md", "LICENSE"):
            if (source / part).exists():
                shutil.copy(source / part, base / name)
        shutil.copytree(source / name, base / name / name, ignore=ignored)
    shutil.copytree(EXAMPLE / "tests", base / "own_activation" / "tests", ignore=ignored)
    command = [
        sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index",
        "--no-deps", "--no-build-isolation", "--no-compile", str(base / "minidl"),
        str(base / "own_activation"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(base / "own_activation" / "own_activation")  # the installed one is tested
    return Environment(python, base / "own_activation", packages)


def test_the_tests_of_the_example_pass(installed):
    printed = installed.pytest("-rP")
    assert re.search(r"\n=+ 5 passed in", printed), printed
    assert "gradients of softplus (Activation): right, largest relative error" in printed
    assert re.search(r"training: swish/beta +\(3,\) +error \d", printed)
    # Without being asked a check that passes prints nothing, not even past pytest's capture.
    assert "gradients of" not in installed.pytest("-s", "-k", "not networks")


def test_a_wrong_sign_in_the_activation_fails_with_what_is_wrong(installed):
    with installed.edited("softplus.py", "return -dy * np.expm1(-y)", "return dy * np.expm1(-y)"):
        printed = installed.pytest("-k", "not networks")
    assert re.search(r"\n=+ 2 failed, 2 passed, 1 deselected in", printed), printed
    assert "GradientError: gradients of softplus (Activation): 1 of 1 are wrong" in printed
    assert "every entry has the opposite sign" in printed
    # The line of the test that failed, and none of the check's own.
    assert ">       gradcheck(softplus, shape=(4,))" in printed
    assert "minidl/gradient_check/compare.py" not in printed


@pytest.mark.thorough
def test_a_wrong_parameter_gradient_shrinks_to_the_layer_alone(installed):
    with installed.edited("swish.py", "dy * x * x * ds", "dy * x * ds"):
        printed = installed.pytest("-k", "networks")
    assert re.search(r"\n=+ 1 failed, 4 deselected in", printed), printed
    assert "training and inference: swish_0/beta (1,): 1 of 1 entries wrong" in printed
    assert re.search(r"case=<1 row of 1 into \[Swish\(.*\), Dense\(units=1", printed)


def test_the_examples_of_the_documentation_run(installed):
    text = (ROOT / "docs" / "do" / "gradient_tests.md").read_text()
    text = text.partition("## PyTorch, JAX and Keras")[0]  # not installed there
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    (installed.folder / "test_documented.py").write_text("\n".join(blocks))
    printed = installed.pytest("test_documented.py")
    tests = sum(block.count("def test_") for block in blocks)
    assert re.search(rf"\n=+ {tests} passed in", printed), printed
    assert tests == 5


def test_the_plugin_loads_nothing_until_it_is_used(installed):
    """But the package around it: no check, no plots."""
    (installed.folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    code = (
        "import sys, pytest; pytest.main(['-q', '-p', 'no:cacheprovider', 'test_nothing.py']); "
        "wanted = {'minidl.testing.plugin', 'minidl.gradient_check', 'matplotlib'}; "
        "print(wanted & set(sys.modules))"
    )
    printed = installed.run("-c", code).stdout
    assert "1 passed" in printed
    assert printed.splitlines()[-1] == "{'minidl.testing.plugin'}"


@pytest.mark.thorough
def test_the_plugin_is_listed_and_can_be_left_out(installed):
    listed = installed.pytest("--fixtures")
    assert "gradcheck [session scope]" in listed
    assert "Check gradients against differences" in listed
    printed = installed.pytest("-p", "no:minidl", "-k", "softplus")
    assert "fixture 'gradcheck' not found" in printed
