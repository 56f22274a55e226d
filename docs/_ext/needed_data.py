"""Pages that need data which may be missing: ``needs_data: fashion_mnist`` in their first lines.

If :mod:`minidl.datasets` cannot load the set, a sentence stands in place of the page's cells. The
summary of the build names the page.
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
    """Replace the content of a page whose data are missing."""
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


def begin(app: Any, env: Any, pages: list[str]) -> None:
    """Give the environment a list; an environment of an earlier build has one."""
    if not hasattr(env, "skipped_pages"):
        env.skipped_pages = {}


def forget(app: Any, env: Any, page: str) -> None:
    """Forget a page that is read again."""
    getattr(env, "skipped_pages", {}).pop(page, None)


def merge(app: Any, env: Any, pages: list[str], other: Any) -> None:
    """Take over the pages that another process skipped."""
    env.skipped_pages |= other.skipped_pages


def setup(app: Any) -> dict[str, Any]:
    """Look at each page before the page is parsed."""
    app.connect("env-before-read-docs", begin)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("source-read", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
