"""Pages that need data which may be missing: ``needs_data: fashion_mnist`` in their first lines.

Where :mod:`minidl.datasets` cannot load the set, the page says what it needs in place of its cells,
and the summary of the build names the page.
"""

import functools
import importlib
import re
from typing import Any

NEEDS = re.compile(r"\A---\n(?:.*\n)*?needs_data: *(?P<names>.+)\n(?:.*\n)*?---\n")
TITLE = re.compile(r"^# .*$", re.M)


@functools.cache
def missing(name: str) -> str:
    """The sentence of a data set that cannot be loaded, or nothing."""
    from minidl.datasets import DataFileError, DataNotFoundError

    try:
        importlib.import_module(f"minidl.datasets.{name}").load_data()
    except (DataNotFoundError, DataFileError) as error:
        return str(error)
    return ""


def skip(app: Any, page: str, source: list[str]) -> None:
    """Replace the page's content where its data are missing."""
    found = NEEDS.match(source[0])
    for name in re.split(r"[\s,]+", found["names"]) if found else []:
        if sentence := missing(name):
            app.env.skipped_pages[page] = f"{name}: {sentence}"
            title = TITLE.search(source[0])
            assert title is not None, f"{page} has no title"
            source[0] = (
                f"{title[0]}\n\n:::{{admonition}} This page has not been run\n:class: warning\n"
                f"The page needs the data set `{name}`, which was missing when the site was built."
                f"\n\n```text\n{sentence}\n```\n:::\n"
            )
            return


def begin(app: Any, *_: Any) -> None:
    """Give the environment its list; an environment of an earlier build has one."""
    if not hasattr(app.env, "skipped_pages"):
        app.env.skipped_pages = {}


def setup(app: Any) -> dict[str, Any]:
    """Look at each page before it is parsed."""
    app.connect("env-before-read-docs", begin)
    app.connect("env-purge-doc", lambda app, env, page: (begin(app), env.skipped_pages.pop(page, 0)))
    app.connect("env-merge-info", lambda app, env, names, other: (
        begin(app), env.skipped_pages.update(other.skipped_pages)))  # fmt: skip
    app.connect("source-read", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
