"""The documentation site, which ``python -m docs`` builds.

Sphinx, because no other generator reads docstrings, checks every reference and keeps an index of
names; MyST, because pages are Markdown on GitHub too; MyST-NB, because cells run at build, so that
every number on a page is computed; Furo, because Furo reads well on a phone and in the dark, and
asks no other machine for anything. MathJax and the fonts come from a package and lie in the site.
"""

import hashlib
import logging
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

import minidl  # noqa: E402

project = "minidl"
author = "the authors of minidl"
copyright = "the authors of minidl. MIT licence"
version = release = minidl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_exercise",
    "sphinx_togglebutton",  # folds the solutions of exercises
    "formulas",
    "kernels_of",
    "mathjax_in_site",
    "needed_data",
    "plain_docstrings",
    "repository_links",
    "summary",
]
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

autodoc_member_order = "bysource"  # backward below forward
autodoc_inherit_docstrings = False  # a method is described once, at its base
autodoc_typehints = "none"  # docstrings say shapes and types
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are listed once
viewcode_line_numbers = True

# What a cell prints depends on minidl, too: each state of its sources has a cache of its own.
sources = hashlib.sha256()
for path in sorted(Path(minidl.__file__).parent.rglob("*.py")):
    sources.update(path.read_bytes())
# Kernels know no profile of the person who builds, and speak of errors alone.
profile = DOCS / "_build" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
os.environ["IPYTHONDIR"] = str(profile.parent)
# Pages run beside each other: a thread of OpenBLAS that waits for a core would spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
logging.getLogger("traitlets").setLevel(logging.WARNING)
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / f"cells-{sources.hexdigest()[:12]}")
nb_execution_timeout = 300  # seconds a cell, on a busy machine
nb_execution_show_tb = True
nb_merge_streams = True

html_theme = "furo"
html_title = "minidl"
pygments_dark_style = "github-dark"
html_static_path = ["_static"]
html_css_files = ["minidl.css"]
html_copy_source = False
html_show_sphinx = False
