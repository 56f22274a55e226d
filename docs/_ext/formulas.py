"""Formulas of docstrings as mathematics: ``dx = dy · y (1 - y)`` becomes LaTeX.

In the source, and in Python's ``help``, a formula is text. Here the first paragraph of a docstring
is read word by word: names of arguments and symbols are set as mathematics, other words as words.
"""

import importlib
import inspect
import pkgutil
import re
from typing import Any

import minidl.kernels

BEGINS = re.compile(r"[^\s=←]+(, [^\s=←]+)*( \([^)]*\))? (=|←) \S")
WHERE = re.compile(r"minidl\.(?!plotting|datasets|utils|gradient_check|testing)")
SENTENCE = re.compile(r"\.(?=\s+[A-Z]|\s*$)")
ROWS = re.compile(r"(?:[;,]?\s*\n\s*|[;,]\s{2,}|;\s+)")

GREEK = ["alpha", "beta", "gamma", "delta", "epsilon", "theta", "rho"]
FUNCTIONS = [
    "exp",
    "log",
    "max",
    "min",
    "sign",
    "tanh",
    "cosh",
    "cos",
    "argmax",
    "mean",
    "softmax",
    "sigmoid",
    "erfc",
]
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀᵖˣ", [*"0123456789-+", r"\top", "p", "x"], strict=True))
SIGNS = {
    "·": r"\cdot", "←": r"\leftarrow", "<=": r"\le", ">=": r"\ge", "≤": r"\le", "≥": r"\ge",
    "‖": r"\|", "∞": r"\infty", "ε": r"\varepsilon", "δ": r"\delta", "π": r"\pi", "Φ": r"\Phi",
    "γ": r"\gamma", "α": r"\alpha",
    "φ": r"\varphi", "Σ": r"\sum", "∫": r"\int", "₂": "_2", "…": r"\ldots", "{": r"\{", "}": r"\}",
    "%": r"\%", "'": "'", "*": "^*", "&": r"\&", "#": r"\#",
}  # fmt: skip
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<power>\d+e-?\d+)|(?P<word>\d-d\b|-likelihood|[A-Za-z]{2,}'s?(?!\w))"
    r"|(?P<number>\d+(?:[.,]\d+)?)"
    r"|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀᵖˣ]+)|(?P<role>:\w+:`[^`]*`|``[^`]*``)"
    r"|(?P<sum>[Σ∫]_[A-Za-z]+)"
    r"|(?P<name>[A-Za-z]\u0302?[A-Za-z0-9]*(?:_[A-Za-z0-9]+)*)|(?P<root>√)|(?P<sign><=|>=|.)"
)
DEFINED = re.compile(r"(?:^|[\s,;])([a-z][a-z_]+) [=←] ")
ARTICLES = tuple(rf"\text{{ {word} }} " for word in ("each", "the", "its", "at the", "a", "one"))


def _code(word: str) -> str:
    return rf"\mathtt{{{word.replace('_', chr(92) + '_')}}}"


def _name(word: str, names: set[str], before: str, after: str) -> str | None:
    """The LaTeX of a symbol, or None for a word of English."""
    head, _, index = word.partition("_")
    below = rf"_{{{index}}}" if index else ""
    if head in FUNCTIONS and re.match(r"\(| [a-zΣ](?![a-z])| \d| Σ", after):
        return rf"\operatorname{{{head}}}{below}"
    if head in ("mean", "variance", "cos") and re.match(r"\)? [-+/·]|\)", after):
        return _code(head)
    if word in ("A", "I", "do") or (word == "a" and not re.match(r"\s*([=,)/]|$)", after)):
        return None
    if re.fullmatch(r"[A-Za-z]\u0302?", head):
        return (rf"\hat{{{head[0]}}}" if len(head) == 2 else head) + below
    if head in GREEK:
        return "\\" + head + below
    if head[0] == "d" and (len(head.replace("\u0302", "")) == 2 or head[1:] in (*GREEK, "logits")):
        return r"\mathrm{d}" + (_name(head[1:], {"logits"}, "", " =") or "") + below
    if index and len(index) <= 3:
        return _code(head) + below
    if word in names:
        return None if before.endswith(ARTICLES) else _code(word)
    return _code(word) if index else None


def _group(text: str) -> tuple[str, str]:
    """The argument of a root or a power, in parentheses or the next word; and the rest."""
    if text.startswith("("):
        depth = 0
        for at, letter in enumerate(text):
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                return text[1:at], text[at + 1 :]
    found = re.match(r"\w+", text)
    end = found.end() if found else 1
    return text[:end], text[end:]


def latex(text: str, names: set[str]) -> str:
    """LaTeX of a docstring's formula; ``names`` are set as code."""
    out: list[str] = []
    while text:
        if text.startswith("^"):
            inside, text = _group(text[1:])
            out.append(rf"^{{{latex(inside, names)}}}")
            continue
        found = TOKEN.match(text)
        assert found is not None, text
        kind, token, text = found.lastgroup, found[0], text[found.end() :]
        if kind == "space":
            out.append(" ")
        elif kind == "power":
            digits, _, power = token.partition("e")
            out.append(("" if digits == "1" else digits + r"\cdot ") + f"10^{{{power}}}")
        elif kind == "raised":
            out.append("^{" + "".join(RAISED[letter] for letter in token) + "}")
        elif kind == "role":
            inside = token.strip("`").rpartition("`")[2].rpartition(".")[2].lstrip("~")
            out.append(rf"\texttt{{{inside}}}".replace("_", r"\_"))
        elif kind == "sum":
            out.append(rf"{SIGNS[token[0]]}_{{{token[2:]}}}")
        elif kind == "root":
            inside, text = _group(text)
            out.append(rf"\sqrt{{{latex(inside, names)}}}")
        elif kind == "word":
            out.append(rf"\text{{ {token} }}")
        elif kind == "name":
            symbol = _name(token, names, "".join(out), text)
            out.append(rf"\text{{ {token} }}" if symbol is None else symbol + " ")
        else:
            out.append(SIGNS.get(token, token) + " " * (token in SIGNS))
    joined = re.sub(r" +\}\s*\\text\{ +", " ", "".join(out)).replace(" -like", "-like")
    return re.sub(r" +\}(?=[,;)\]])", "}", joined)


def formula_and_rest(paragraph: str) -> tuple[str, str] | None:
    """The formula at the head of a paragraph, and the words after the formula."""
    if not BEGINS.match(paragraph):
        return None
    end = SENTENCE.search(paragraph)
    cut = end.start() if end else len(paragraph)
    formula, rest = paragraph[:cut], paragraph[cut + 1 :].strip()
    formula, colon, remark = formula.partition(": ")
    if colon:
        rest = f"{remark[0].upper()}{remark[1:]}. {rest}".strip()
    return formula, rest


def _arguments(thing: Any) -> set[str]:
    try:
        return {"out", *inspect.signature(thing).parameters}
    except (TypeError, ValueError):
        return {"out"}


def set_formula(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Replace the formula at the head of a docstring with mathematics."""
    end = next((at for at, line in enumerate(lines) if not line.strip()), len(lines))
    found = formula_and_rest("\n".join(lines[:end]))
    if what not in ("function", "class") or found is None or not WHERE.match(name):
        return
    formula, rest = found
    names = _arguments(thing).union(DEFINED.findall(formula))
    rows = [latex(row.strip(), names) for row in ROWS.split(formula) if row.strip()]
    body = [r"\begin{gathered}", r" \\ ".join(rows), r"\end{gathered}"] if rows[1:] else rows
    lines[:end] = ["", ".. math::", "", *(f"   {line}" for line in body), "", *rest.splitlines()]


def unwrap(app: Any, config: Any) -> None:
    """Put plain functions in the place of fused functions, which autodoc takes for constants."""
    for found in pkgutil.iter_modules(minidl.kernels.__path__, "minidl.kernels."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).copy().items():
            if not inspect.isfunction(value) and hasattr(value, "__wrapped__"):
                setattr(module, name, value.__wrapped__)


def skip_constants(
    app: Any, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave numbers of the kernels' modules to the sources."""
    return True if what == "module" and isinstance(thing, (int, float, tuple)) else None


def setup(app: Any) -> dict[str, bool]:
    """Have each docstring looked at before napoleon reads the sections."""
    app.connect("config-inited", unwrap)
    app.connect("autodoc-process-docstring", set_formula, priority=200)
    app.connect("autodoc-skip-member", skip_constants)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
