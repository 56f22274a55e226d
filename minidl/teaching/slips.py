"""Single slips in a right formula: a factor, a term, a sign, an axis, a power, a name.

Where no known mistake gives a student's numbers, each slip in the kernel's formulas is tried. Known
mistakes come first, because a row of the catalogue says more.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

from minidl.teaching.catalogue.formulas import FORMULAS
from minidl.teaching.kernel import Kernel, Mistake

# Pairs of names that are taken for each other: arrays of one shape.
TAKEN_FOR = {
    "x": "y", "y": "x", "x_hat": "x", "p": "logits", "grad": "theta", "gate": "slope",
    "slope": "gate", "m_t": "m", "v_t": "v", "velocity_t": "velocity",
}  # fmt: skip
UNARY = ("sqrt", "exp", "abs", "sign", "log")


class Slip(NamedTuple):
    """A part of a formula, the wrong part instead, and the slip in words."""

    part: ast.expr
    instead: ast.expr
    name: str


Kind = Callable[[ast.expr, Kernel], Iterator[Slip]]

# Of formulas with so many single slips at most, two at once are tried: some thousand.
SHORT = 40


def slips(kernel: Kernel, output: str) -> Iterator[Mistake]:
    """Every formula of an output, or of a step behind, with one slip; likelier slips come first."""
    for kind in (_slips_at, _wrapped):
        for formula in _formulas(kernel, output):
            for slip in _in(formula, kernel, kind):
                yield _mistake(slip.name, _replaced(formula, slip), formula)


def double_slips(kernel: Kernel, output: str) -> Iterator[Mistake]:
    """Short formulas of an output with two slips."""
    for formula in _formulas(kernel, output):
        singles = list(_in(formula, kernel, _slips_at))
        if len(singles) <= SHORT:
            for slip in singles:
                wrong, new = _replaced(formula, slip), ast.dump(slip.instead)
                for other in _in(wrong, kernel, _slips_at):
                    if ast.dump(other.part) == new:  # a slip in a slip is another single one
                        continue
                    name = f"{slip.name} and {other.name}"
                    yield _mistake(name, _replaced(wrong, other), formula)


def _formulas(kernel: Kernel, output: str) -> Iterator[ast.Assign]:
    for text in FORMULAS.get(kernel.name, ()):
        (formula,) = ast.parse(text).body
        assert isinstance(formula, ast.Assign)
        target = ast.unparse(formula.targets[0])
        if target == output or (
            target in kernel.needed_for(output) and target not in kernel.outputs
        ):
            yield formula


def _in(formula: ast.Assign, kernel: Kernel, kind: Kind) -> Iterator[Slip]:
    for part in ast.walk(formula.value):
        if isinstance(part, ast.expr):
            yield from kind(part, kernel)


def _mistake(name: str, wrong: ast.AST, right: ast.AST) -> Mistake:
    return Mistake(name, ast.unparse(wrong), f"The right formula is {ast.unparse(right)}.")


def _replaced(formula: ast.Assign, slip: Slip) -> ast.Assign:
    """A copy of a formula with another part."""
    places = {id(slip.part): slip.instead}
    wrong = ast.fix_missing_locations(_Copy(places).visit(formula))
    assert isinstance(wrong, ast.Assign)
    return wrong


class _Copy(ast.NodeTransformer):
    """A deep copy of a tree in which some nodes are replaced."""

    def __init__(self, places: dict[int, ast.expr]) -> None:
        self.places = places

    def visit(self, node: ast.AST) -> ast.AST:
        if id(node) in self.places:
            return copy.deepcopy(self.places[id(node)])
        return self.generic_visit(copy.copy(node))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                new = [self.visit(v) if isinstance(v, ast.AST) else v for v in value]
                setattr(node, field, new)
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node


def _slips_at(part: ast.expr, kernel: Kernel) -> Iterator[Slip]:
    """The slips that replace one part of a formula."""
    if isinstance(part, ast.BinOp):
        yield from _SLIPS[type(part.op)](part)
    elif isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
        yield Slip(part, part.operand, f"minus of {_text(part.operand)} missing")
    elif isinstance(part, ast.Call):
        yield from _called(part)
    elif isinstance(part, ast.Compare):
        other = ast.LtE() if isinstance(part.ops[0], ast.Gt) else ast.Gt()
        inverse = ast.Compare(part.left, [other], part.comparators)
        yield Slip(part, inverse, f"{_text(inverse)} in place of {_text(part)}")
    elif isinstance(part, ast.Attribute):
        yield Slip(part, part.value, "transpose missing")
    elif isinstance(part, ast.Constant) and part.value in (0, 1):
        yield Slip(part, ast.Constant(1 - part.value), f"{1 - part.value} in place of {part.value}")
    elif isinstance(part, ast.Name):
        name = TAKEN_FOR.get(part.id, "")
        if name in {*kernel.inputs, *kernel.program}:
            yield Slip(part, ast.Name(name), f"{name} in place of {part.id}")


def _wrapped(part: ast.expr, kernel: Kernel) -> Iterator[Slip]:
    """A function of a quantity in place of the quantity; or another number."""
    if isinstance(part, ast.Constant) and isinstance(part.value, int):
        for number in (part.value + 1, part.value - 1):
            yield Slip(part, ast.Constant(number), f"{number} in place of {part.value}")
    if isinstance(part, ast.Name) and part.id in {*kernel.inputs, *kernel.program}:
        for name in UNARY:
            instead = ast.Call(ast.Name(name), [part], [])
            yield Slip(part, instead, f"{name}({part.id}) in place of {part.id}")
        square = ast.BinOp(part, ast.Pow(), ast.Constant(2))
        yield Slip(part, square, f"{part.id} squared")
        rest = ast.BinOp(ast.Constant(1), ast.Sub(), part)
        yield Slip(part, rest, f"1 - {part.id} in place of {part.id}")


def _product(part: ast.BinOp) -> Iterator[Slip]:
    left, right = _text(part.left), _text(part.right)
    if not isinstance(part.left, ast.Constant) or part.left.value != 1:
        yield Slip(part, part.right, f"factor {left} missing")
    yield Slip(part, part.left, f"factor {right} missing")
    yield Slip(part, _joined(part, ast.Div()), f"divided by {right} in place of multiplied")
    yield Slip(part, _joined(part, ast.Add()), f"{right} added in place of multiplied")
    yield Slip(part, _joined(part, ast.Sub()), f"{right} subtracted in place of multiplied")
    for factor in (part.right, part.left):
        yield Slip(part, ast.BinOp(part, ast.Mult(), factor), f"factor {_text(factor)} twice")


def _quotient(part: ast.BinOp) -> Iterator[Slip]:
    right = _text(part.right)
    yield Slip(part, part.left, f"division by {right} missing")
    yield Slip(part, _joined(part, ast.Mult()), f"multiplied by {right} in place of divided")
    yield Slip(part, _joined(part, ast.Add()), f"{right} added in place of divided")
    yield Slip(part, _joined(part, ast.Sub()), f"{right} subtracted in place of divided")
    yield Slip(part, ast.BinOp(part, ast.Div(), part.right), f"divided by {right} twice")
    if not isinstance(part.left, ast.Constant):
        left = _text(part.left)
        above = ast.BinOp(ast.Constant(1.0), ast.Div(), part.right)
        yield Slip(part, above, f"factor {left} missing")
        yield Slip(part, ast.BinOp(part, ast.Mult(), part.left), f"factor {left} twice")


def _sum(part: ast.BinOp) -> Iterator[Slip]:
    left, right = _text(part.left), _text(part.right)
    minus = isinstance(part.op, ast.Sub)
    yield Slip(part, part.left, f"term {right} missing")
    yield Slip(part, ast.UnaryOp(ast.USub(), part.right) if minus else part.right,
               f"term {left} missing")  # fmt: skip
    other = ast.Add() if minus else ast.Sub()
    yield Slip(part, _joined(part, other), f"wrong sign of the term {right}")
    done = "subtracted" if minus else "added"
    yield Slip(part, _joined(part, ast.Mult()), f"multiplied by {right} in place of {done}")
    yield Slip(part, _joined(part, ast.Div()), f"divided by {right} in place of {done}")
    if minus:
        yield Slip(part, ast.BinOp(part.right, ast.Sub(), part.left), f"sign of {_text(part)}")
    for number, scale in ((2.0, "doubled"), (0.5, "halved")):
        scaled = ast.BinOp(ast.Constant(number), ast.Mult(), part.right)
        yield Slip(part, ast.BinOp(part.left, part.op, scaled), f"term {right} {scale}")


def _power(part: ast.BinOp) -> Iterator[Slip]:
    base, exponent = _text(part.left), _text(part.right)
    yield Slip(part, part.left, f"power of {base} missing")
    absolute = ast.Call(ast.Name("abs"), [part.left], [])
    yield Slip(part, absolute, f"absolute value of {base} in place of its power")
    for step in (-1, 1):
        try:
            power = ast.literal_eval(part.right) + step
        except ValueError:  # a name, not a number
            return
        yield Slip(part, ast.BinOp(part.left, ast.Pow(), ast.Constant(power)),
                   f"exponent {power} in place of {exponent} of {base}")  # fmt: skip


def _matrices(part: ast.BinOp) -> Iterator[Slip]:
    yield Slip(part, ast.BinOp(part.right, part.op, part.left), "factors of the product exchanged")


def _called(part: ast.Call) -> Iterator[Slip]:
    name = _text(part.func)
    if name in UNARY:
        yield Slip(part, part.args[0], f"{name} of {_text(part.args[0])} missing")
    if name != "sum":
        return
    what = _text(part.args[0])
    axis = next((keyword for keyword in part.keywords if keyword.arg == "axis"), None)
    if axis is None:
        return
    others = [keyword for keyword in part.keywords if keyword is not axis]
    number = _text(axis.value)
    yield Slip(part, _call("sum", part), f"sum of {what} over everything")
    yield Slip(part, part.args[0], f"sum of {what} missing")
    yield Slip(part, _call("mean_of" if others else "mean_along", part, axis.value),
               f"mean of {what} in place of the sum")  # fmt: skip
    other = ast.Constant(1 - int(number))
    yield Slip(part, _call("sum", part, keywords=[ast.keyword("axis", other), *others]),
               f"sum of {what} along axis {1 - int(number)} in place of {number}")  # fmt: skip
    if others:
        yield Slip(part, _call("sum", part, keywords=[axis]), f"keepdims of the sum of {what}")


def _call(
    name: str, part: ast.Call, *more: ast.expr, keywords: list[ast.keyword] | None = None
) -> ast.Call:
    return ast.Call(ast.Name(name), [*part.args, *more], keywords or [])


def _joined(part: ast.BinOp, operation: ast.operator) -> ast.BinOp:
    return ast.BinOp(part.left, operation, part.right)


def _text(part: ast.expr) -> str:
    return ast.unparse(part)


_SLIPS: dict[type, Callable[[ast.BinOp], Iterator[Slip]]] = {
    ast.Mult: _product,
    ast.Div: _quotient,
    ast.Add: _sum,
    ast.Sub: _sum,
    ast.Pow: _power,
    ast.MatMult: _matrices,
}
