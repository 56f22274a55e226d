"""What CuPy itself takes: signatures and tables of loops, read from the package.

    python -m tests.doubles.signatures

writes ``signatures.json`` from the CuPy that is installed, which needs no device. The tests hold
the double against that file: a name, a keyword or a loop that CuPy has not is an error there.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("signatures.json")
#: Where public names are looked up, within the package ``cupy``.
PLACES = (
    "", "ndarray", "linalg", "cuda", "cuda.Device", "cuda.Event", "cuda.Graph", "cuda.Stream",
    "cuda.driver", "cuda.runtime", "RawKernel",
)  # fmt: skip


def table(package: Any) -> dict[str, dict[str, Any]]:
    """For each place: public names, with what is known of them.

    A function has its signature, without annotations, where it says one; a ufunc its loops, without
    those of complex numbers and of structures; all else has nothing.
    """
    return {place: _names(_within(package, place)) for place in PLACES}


def _within(package: Any, place: str) -> Any:
    for name in place.split(".") if place else ():
        package = getattr(package, name)
    return package


def _names(thing: Any) -> dict[str, Any]:
    return {
        name: _known(getattr(thing, name, None))
        for name in sorted(dir(thing))
        if not name.startswith("_")
    }


def _known(member: Any) -> Any:
    if type(member).__name__ == "ufunc":
        return [loop for loop in member.types if not set(loop) & set("FDV")]
    if not callable(member) or isinstance(member, type):
        return None
    try:
        parameters = inspect.signature(member).parameters.values()
    except (TypeError, ValueError):
        # Compiled methods say it in the first line of their description.
        first = (member.__doc__ or "").partition("\n")[0]
        found = re.match(r"[\w.]+(\(.*?\))( ->.*)?$", first)
        return _without_types(found[1]) if found else None
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare)).replace("<class 'float'>", "float")


def _without_types(text: str) -> str:
    """``(self, unicode x=u'a')`` as ``(self, x='a')``."""
    bare = re.sub(r"\b(?:[A-Za-z_][\w.]* )+(?=[A-Za-z_]\w*\s*[=,)])", "", text)
    return bare.replace("=u'", "='").replace('=u"', '="')


def main() -> None:
    """Write the file."""
    package = importlib.import_module("cupy")
    found = {"version": package.__version__, "names": table(package)}
    FILE.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written to {FILE}: CuPy {package.__version__}")


if __name__ == "__main__":
    main()
