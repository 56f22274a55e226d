"""Wheel and sdist, each installed into a bare environment and tried: ``python -m tests.built``.

``python -m build`` makes both in ``dist/``. The environment has nothing but what pip installs with
the wheel; the sdist then takes the wheel's place. In both a network is trained, saved and loaded,
far from the checkout. Needs the package ``build`` and an index of packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

TRIED = """
import sys
import warnings
from importlib.metadata import version

import numpy as np

import minidl
from minidl.layers import Dense, Flatten, Rescaling

assert minidl.__file__.startswith(sys.prefix), minidl.__file__
assert minidl.__version__ == version("minidl")
warnings.simplefilter("error")
(x, y), (x_test, y_test) = minidl.datasets.digits.load_data()
minidl.utils.set_random_seed(1)
model = minidl.Sequential(
    [Flatten(), Rescaling(1 / 255), Dense(32, "relu"), Dense(10, "softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
assert accuracy > 0.8, accuracy  # chance is .1
model.save("digits.npz")
again = minidl.load_model("digits.npz")
assert np.array_equal(again.predict(x_test), model.predict(x_test))
print(f"minidl {minidl.__version__}: test accuracy {accuracy:.3f}")
"""


def run(*command: str | Path, folder: Path) -> None:
    """Run a command that sees nothing of the checkout; raise if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([str(part) for part in command], cwd=folder, env=kept, check=True)


def files(dist: Path) -> list[Path]:
    """The wheel and the sdist, built anew."""
    shutil.rmtree(dist, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT, folder=ROOT)
    return [*dist.glob("*.whl"), *dist.glob("*.tar.gz")]


def main() -> int:
    """Build, install, try."""
    wheel, sdist = files(ROOT / "dist")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        venv.create(folder / "venv", with_pip=True)
        scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python, program = scripts / "python", folder / "tried.py"
        program.write_text(TRIED, encoding="utf-8")
        for built, options in ((wheel, []), (sdist, ["--no-deps", "--force-reinstall"])):
            print(f"== {built.name}", flush=True)
            run(python, "-m", "pip", "install", "--quiet", *options, built, folder=folder)
            run(python, program, folder=folder)
        run(scripts / "minidl", "doctor", folder=folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
