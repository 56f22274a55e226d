"""The documentation site: ``python -m docs`` builds it.

Sphinx, because no other generator reads docstrings, checks every reference and keeps an index of
names; MyST, because pages are Markdown on GitHub too; MyST-NB, because a page whose cells run at
build cannot show a number that nobody computed; Furo, because it reads well on a phone and in the
dark, and asks no other machine for anything. MathJax and its fonts come from a package and lie in
the site.
"""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

import minidl  # noqa: E402

project = "minidl"
author = "the authors of minidl"
copyright = "the authors of minidl. MIT licence"  # noqa: A001
version = release = minidl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_exercise",
    "mathjax_in_site",
]
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

nb_execution_mode = "cache"
nb_execution_timeout = 120  # seconds a cell
nb_execution_raise_on_error = True
nb_merge_streams = True

html_theme = "furo"
html_title = "minidl"
html_static_path = ["_static"]
html_css_files = ["minidl.css"]
html_copy_source = False
html_show_sphinx = False
