"""MathJax in the site itself: one script and the fonts of the script, 1.6 MB of 24."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

FONTS = Path("output/chtml/fonts/woff-v2")
SCRIPT = "tex-chtml.js"


def copy(app: Any, error: Exception | None) -> None:
    """Copy the script and the fonts from the package sphinx-mathjax-offline."""
    if error is not None or app.builder.format != "html":
        return
    spec = importlib.util.find_spec("sphinx-mathjax-offline")  # a name that import cannot say
    assert spec is not None
    assert spec.origin is not None
    here = Path(spec.origin).parent / "static" / "mathjax"
    there = Path(app.outdir) / "_static" / "mathjax"
    there.mkdir(parents=True, exist_ok=True)
    shutil.copy(here / SCRIPT, there / SCRIPT)
    shutil.copytree(here / FONTS, there / FONTS, dirs_exist_ok=True)


def setup(app: Any) -> dict[str, bool]:
    """Name the script to Sphinx."""
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = f"mathjax/{SCRIPT}"
    app.config.mathjax3_config = {"chtml": {"scale": 1}}
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
