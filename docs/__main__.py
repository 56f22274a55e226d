"""``python -m docs [FOLDER]`` builds the site from a checkout; FOLDER is ``docs/_build/html``.

Cells of a page are run if the page or minidl has changed since the last build. A warning is an
error.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).parent


def main() -> int:
    """Build, and say where the site lies."""
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "_build" / "html"
    doctrees = HERE / "_build" / "doctrees"
    options = ["--fail-on-warning", "--keep-going", "--jobs", "auto", "--quiet"]
    code = build_main([*options, "--doctree-dir", str(doctrees), str(HERE), str(site)])
    print(f"the site is {site / 'index.html'}" if code == 0 else "the build failed")
    return code


if __name__ == "__main__":
    sys.exit(main())
