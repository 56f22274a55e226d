"""The summary of a build: seconds, pages that were skipped, and the bytes of each page."""

import re
import time
from pathlib import Path
from typing import Any

FILES = re.compile(r'(?:src|href)="([^"#?:]+\.(?:css|js|png|svg|jpg|webp|woff2?))[?"]')


def named(page: Path) -> set[Path]:
    """Files of the site that an opened page asks for."""
    found = {(page.parent / name).resolve() for name in FILES.findall(page.read_text("utf-8"))}
    return {path for path in found if path.exists()}


def lines(site: Path, pages: list[str]) -> list[str]:
    """A line for each page; files that all pages ask for are counted once."""
    asked = {page: named(site / f"{page}.html") for page in pages}
    shared = set.intersection(*asked.values())
    size = {path: path.stat().st_size for each in asked.values() for path in each}
    out = [f"{sum(size[path] for path in shared) / 1000:8.0f} kB  asked for by every page, once"]
    for page in sorted(pages):
        text = (site / f"{page}.html").stat().st_size
        own = sum(size[path] for path in asked[page] - shared)
        out.append(f"{text / 1000:8.0f} kB  {page}, and {own / 1000:.0f} kB of its own files")
    whole = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    return [*out, f"{whole / 1e6:8.1f} MB  the whole site with its sources and its fonts"]


def seconds(env: Any) -> dict[str, float]:
    """Seconds that the cells of each page ran, now or in the build before, if nothing changed."""
    known = getattr(env, "nb_metadata", {})
    noted = {page: data.get("exec_data") for page, data in known.items()}
    return {page: run["runtime"] for page, run in noted.items() if run and run["runtime"]}


def show(app: Any, error: Exception | None) -> None:
    """Print the summary after a build of HTML that succeeded."""
    if error is not None or app.builder.format != "html":
        return
    pages = sorted(app.env.found_docs)
    print("\nweights:")
    print("\n".join(lines(Path(app.outdir), pages)))
    ran = seconds(app.env)
    print(f"\nseconds of cells: {sum(ran.values()):.0f}")
    for page in sorted(ran, key=ran.__getitem__, reverse=True):
        print(f"{ran[page]:8.1f} s  {page}")
    skipped = getattr(app.env, "skipped_pages", {})
    print(f"\n{len(pages)} pages in {time.monotonic() - app.began:.0f} s, {len(skipped)} skipped")
    for page, reason in sorted(skipped.items()):
        print(f"skipped: {page} needs {reason.splitlines()[0]}")


def setup(app: Any) -> dict[str, bool]:
    """Note the time, and come after the files have been copied."""
    app.began = time.monotonic()
    app.connect("build-finished", show, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
