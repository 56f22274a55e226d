"""The extensions of the documentation: formulas, plain docstrings, missing data, links, weights.

Sphinx itself is not needed here; building the site runs them together.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

import minidl
from minidl.datasets import DataNotFoundError

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "docs" / "_ext"


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXTENSIONS))


def extension(name: str) -> Any:
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("dx = dy · y (1 - y)", {"dy", "y"}, r"\mathrm{d}x=\mathrm{d}y\cdot y(1-y)"),
        ("dW = xᵀ dy", set(), r"\mathrm{d}W=x^{\top}\mathrm{d}y"),
        ("y_k = exp(x_k) / Σ_j exp(x_j)", set(),
         r"y_{k}=\operatorname{exp}(x_{k})/\sum_{j}\operatorname{exp}(x_{j})"),
        ("m / √(v + epsilon)", set(), r"m/\sqrt{v+\epsilon}"),
        ("theta ← theta - learning_rate · grad²", {"learning_rate", "grad"},
         r"\theta\leftarrow\theta-\mathtt{learning\_rate}\cdot\mathtt{grad}^{2}"),
        ("lp · |w|^(p - 1), ε = 1e-7", {"lp"},
         r"\mathtt{lp}\cdot|w|^{p-1},\varepsilon=10^{-7}"),
        ("(x̂ - mean) for each row's mean", {"row"},
         r"(\hat{x}-\mathtt{mean})\text{for each row's mean}"),
    ],
)  # fmt: skip
def test_a_formula_becomes_latex(text: str, names: set[str], expected: str) -> None:
    """Spaces aside, which mathematics ignores."""
    assert extension("formulas").latex(text, names).replace(" ", "") == expected.replace(" ", "")


def formulas() -> Iterator[tuple[str, str, set[str]]]:
    """Name, formula and arguments of every kernel whose docstring begins with a formula."""
    module = extension("formulas")
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(minidl.kernels.__path__, "minidl.kernels.")
    ]
    every = [(name, inspect.unwrap(value)) for each in modules for name, value in vars(each).items()
             if callable(value)]  # fmt: skip
    for name, plain in every:
        if not inspect.isfunction(plain) or not plain.__module__.startswith("minidl.kernels."):
            continue
        found = module.formula_and_rest((inspect.getdoc(plain) or "").partition("\n\n")[0])
        if found is not None:
            yield name, found[0], {"out", *inspect.signature(plain).parameters}


def test_every_formula_of_the_kernels_is_mathematics() -> None:
    """Braces close, and no letter is left that TeX does not know."""
    module, seen = extension("formulas"), 0
    for name, formula, names in formulas():
        made = module.latex(formula, names)
        depth = 0
        for letter in re.sub(r"\\[{}]", "", made):
            depth += (letter == "{") - (letter == "}")
            assert depth >= 0, (name, made)
        assert depth == 0, (name, made)
        assert not re.search(r"[^\x00-\x7f]", made), (name, made)
        seen += 1
    assert seen > 100  # of some 160 kernels


def test_prose_is_no_formula() -> None:
    split = extension("formulas").formula_and_rest
    assert split("Adam with the largest v so far: v_max ← max(v_max, v).") is None
    assert split("y = x. No copy.") == ("y = x", "No copy.")
    assert split("q = p / s: rows of any sum.") == ("q = p / s", "Rows of any sum.")


def test_what_docstrings_say_is_no_markup() -> None:
    escaped = extension("plain_docstrings").escaped
    code = ["Write::", "", "    x * y_", "", ">>> a * b", "*c*", ""]
    text = ["|w| of ``|w|`` and :class:`a_`", *code]
    assert escaped(text) == [r"\|w\| of ``|w|`` and :class:`a_`", *code]


def test_names_on_two_lines_are_one_list() -> None:
    joined = extension("plain_docstrings").joined
    rest = ["        in words.", "y,", "z"]
    for indent in ("    ", "        "):
        text = ["Args:", "    first, second,", f"{indent}third: what they are,", *rest]
        assert joined(text) == ["Args:", "    first, second, third: what they are,", *rest]


def test_methods_of_other_packages_are_left_out() -> None:
    skip = extension("plain_docstrings").skip_others

    class Pair(NamedTuple):
        first: int

    for thing, left_out in ((Pair.first, True), (re.compile, True), (minidl.load_model, None),
                            (minidl.layers.Dense.forward, None)):  # fmt: skip
        assert skip(None, "class", "", thing, False, None) is left_out


def test_attributes_that_share_a_line_are_listed_alone() -> None:
    listed = extension("plain_docstrings").listed_alone
    text = ["y.", "", "Attributes:", "    x, y: input,", "        output.", "    z: more.", ""]
    alone = ["    x: input,", "        output.", "    y: input,", "        output.", "    z: more."]
    assert listed(text) == [*text[:3], *alone, ""]


def test_kernels_of_a_layer_and_an_optimizer() -> None:
    found = extension("kernels_of").kernels_of
    assert "minidl.kernels.dense.dense_backward" in found(minidl.layers.Dense)
    assert "minidl.kernels.updates.adam" in found(minidl.optimizers.Adam)
    # What every optimizer has is none of Adam's.
    assert not any("clipping" in name for name in found(minidl.optimizers.Adam))
    assert found(minidl.layers.Flatten) == []


PAGE = "---\nfile_format: mystnb\nneeds_data: digits reuters\n---\n# A page\n\ntext\n"


def test_a_page_whose_data_are_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    module = extension("needed_data")
    module.missing.cache_clear()

    def none() -> None:
        raise DataNotFoundError("Reuters was not found")

    monkeypatch.setattr("minidl.datasets.reuters.load_data", none)
    app, source = SimpleNamespace(env=SimpleNamespace(skipped_pages={})), [PAGE]
    module.skip(app, "page", source)
    assert app.env.skipped_pages == {"page": "reuters: Reuters was not found"}
    assert source[0].startswith("# A page\n")
    assert "text\n" not in source[0].replace("```text\n", "")
    assert "needs the data set `reuters`" in source[0]
    module.missing.cache_clear()


def test_a_page_whose_data_are_there_stays() -> None:
    module = extension("needed_data")
    app = SimpleNamespace(env=SimpleNamespace(skipped_pages={}))
    for page in (PAGE.replace(" reuters", ""), "# A page\n"):
        source = [page]
        module.skip(app, "page", source)
        assert source == [page]
    assert app.env.skipped_pages == {}


def test_weights_count_what_a_page_asks_for(tmp_path: Path) -> None:
    (tmp_path / "all.css").write_bytes(b"x" * 3000)
    (tmp_path / "own.png").write_bytes(b"x" * 5000)
    link = '<link href="all.css?v=1">'
    (tmp_path / "a.html").write_text(link + '<img src="own.png"><img src="gone.png">' + "x" * 2000)
    (tmp_path / "b.html").write_text(link + '<a href="https://example.org/far.png">')
    first, a, b, _ = extension("summary").lines(tmp_path, ["a", "b"])
    assert first.split()[:2] == ["3", "kB"]
    assert a.split()[0] == "2"
    assert a.endswith("and 5 kB of its own files")
    assert b.endswith("and 0 kB of its own files")


def test_no_page_asks_another_machine_for_anything() -> None:
    """No page names a script, a style or a picture of another machine."""
    asked = re.compile(r"""(?:<script|<link|<img)[^>]*https?://|!\[[^]]*\]\(https?://""")
    pages = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    assert len(pages) > 20
    assert [page for page in pages if asked.search(page.read_text(encoding="utf-8"))] == []
