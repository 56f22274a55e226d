"""Links from pages to files of the repository.

A link is written for the repository. In the site, a link to a module of minidl leads to the page of
the source; a link to a file such as ``SECURITY.md`` leads to the page that includes the file; of a
link to a folder, which no site can show, the name stays.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index",
    "SECURITY.md": "project/security",
    "CONTRIBUTING.md": "project/contributing",
    "CHANGELOG.md": "project/changelog",
}


def _path(app: Any, page: str, target: str) -> Path | None:
    """The path in the repository that a link of a page leads to, if there is something."""
    target = target.partition("#")[0]
    # From the page's own folder, or from the root, of a file that the page includes.
    for folder in (Path(app.env.doc2path(page)).parent, ROOT):
        for name in (target, f"{target}.md"):
            path = folder.joinpath(name).resolve()
            if path.exists() and path.is_relative_to(ROOT):
                return path.relative_to(ROOT)
    return None


def to_pages(app: Any, doctree: Any) -> None:
    """Links to folders, and to files beside docs/ that a page includes."""
    page = app.env.docname
    for node in list(doctree.findall(addnodes.pending_xref)):
        path = _path(app, page, node["reftarget"]) if node["reftype"] in ("myst", "doc") else None
        if path is None or (path.suffix == ".md" and str(path) not in PAGES):
            continue
        if str(path) in PAGES:
            uri = app.builder.get_relative_uri(page, PAGES[str(path)])
            node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=uri))
        else:
            node.replace_self(node.children)


def to_source(app: Any, doctree: Any, page: str) -> None:
    """Files of Python that are shown among the sources."""
    modules = getattr(app.env, "_viewcode_modules", {})
    for node in list(doctree.findall(addnodes.download_reference)):
        path = _path(app, page, node["reftarget"])
        if path is None or path.suffix != ".py":
            continue
        module = ".".join(path.with_suffix("").parts)
        if modules.get(module):
            uri = app.builder.get_relative_uri(page, "_modules/" + module.replace(".", "/"))
            node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=uri))


def setup(app: Any) -> dict[str, bool]:
    """Have links looked at that Sphinx cannot follow, and files that Sphinx would offer to save."""
    app.connect("doctree-read", to_pages)
    app.connect("doctree-resolved", to_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
