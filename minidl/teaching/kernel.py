"""A kernel is a short program of assignments; a mistake is an assignment written wrongly.

The backward of batch normalization, say, goes from x to mean and variance, on to the inverse
deviation and x̂, and with dy to three gradients. A mistake stands in the place of a step, and every
later step goes wrong with the mistake, as in a student's code. Two mistakes at once are two steps
replaced.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.teaching.engine import FUNCTIONS

# The axes, and the functions of a generator of random numbers that draw inputs.
AXES = "IKNO"
DRAWS = ("choice", "integers", "normal", "random", "uniform")


class Formula:
    """An assignment in NumPy's names, such as ``dx = dy * where(x > 0, 1, alpha)``.

    Attributes:
        text: the assignment.
        targets: the names on the left.
        needs: the names on the right, functions included.
    """

    def __init__(self, text: str) -> None:
        (assignment,) = ast.parse(text).body
        assert isinstance(assignment, ast.Assign)
        self.text = text
        self.targets = _names(assignment.targets[0])
        self.needs = _names(assignment.value)
        self._code = compile(ast.Expression(assignment.value), text, "eval")

    def value(self, target: str, names: Mapping[str, Any]) -> Any:
        """The value of a target."""
        value = eval(self._code, FUNCTIONS, names)
        return value[self.targets.index(target)] if len(self.targets) > 1 else value


def _program(text: str) -> dict[str, Formula]:
    """Formulas, separated by semicolons, by the names of their targets."""
    formulas = [Formula(part.strip()) for part in text.split(";")]
    return {target: formula for formula in formulas for target in formula.targets}


def _names(tree: ast.AST) -> tuple[str, ...]:
    return tuple(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


class Mistake(Formula):
    """A wrong formula in the place of a step, or of several.

    On the right of the formula, the target itself is the value without the mistake. ``returned`` is
    the student's result, and ``kink`` is true where the input lies exactly at a kink.

    Args:
        name: a few words; variants of a mistake share the name.
        text: the wrong formula.
        why: the mistake in a sentence.
    """

    def __init__(self, name: str, text: str, why: str) -> None:
        super().__init__(text)
        self.name, self.why = name, why
        self.changes = not set(self.targets).isdisjoint(self.needs)
        # A formula that takes something from the student's result fits easily.
        self.fits = "returned" in self.needs
        # Such a formula is right but at a kink.
        self.at_kink = "kink" in self.needs


class Kernel:
    """A kernel: the call of the backward, the right formulas, and the known mistakes.

    Args:
        name: as :func:`minidl.testing.diagnose` takes it.
        signature: the arguments, in order, by which the backward is called.
        outputs: the results, in order: the name and the letters of the axes.
        inputs: formulas that draw arrays, separated by semicolons.
        program: the right formulas, separated by semicolons; dependent arguments are steps, too.
        extras: further names that the backward may ask for.
        optional: arguments that the backward may leave out.
        function: name of the function; default the kernel's name and ``_backward``.
    """

    def __init__(
        self,
        name: str,
        signature: str,
        *,
        outputs: Mapping[str, str],
        inputs: str,
        program: str,
        extras: str = "",
        optional: str = "",
        function: str = "",
    ) -> None:
        self.name, self.outputs = name, outputs
        self.function = function or f"{name}_backward"
        self.signature = tuple(signature.split())
        self.extras, self.optional = tuple(extras.split()), tuple(optional.split())
        self.inputs, self.program = _program(inputs), _program(f"kink = False_; {program}")
        needs = [name for formula in self.inputs.values() for name in formula.needs]
        self.letters = sorted(set(AXES).intersection(needs))
        self.mistakes: list[Mistake] = []
        self._needed: dict[str, set[str]] = {}

    def draw(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> Evaluation:
        """The kernel's quantities for random inputs of the given sizes."""
        inputs: dict[str, Any] = {}
        names = ChainMap(inputs, dict(sizes), {name: getattr(rng, name) for name in DRAWS})
        for name, formula in self.inputs.items():
            inputs[name] = formula.value(name, names)
        return Evaluation(self, inputs)

    def needed_for(self, name: str) -> set[str]:
        """The names of a quantity and of all that it is computed from."""
        if name not in self._needed:
            needs = self.program[name].needs if name in self.program else ()
            self._needed[name] = {name}.union(*map(self.needed_for, needs))
        return self._needed[name]

    def call(self) -> str:
        """The call as it is documented: ``dense_backward(dy, x, W)``."""
        return f"{self.function}({', '.join(self.signature)})"


class Evaluation(dict[str, Any]):
    """The quantities of a kernel for an input, each computed when first asked for.

    A division by zero is no error here: a wrong formula may divide by zero.

    Args:
        kernel: the kernel.
        inputs: the drawn arrays by name.
        mistakes: wrong formulas in the places of steps; none by default.
        right: the same input without mistakes. Arguments in the signature come from here, unless a
            mistake stands in their place.
    """

    def __init__(
        self,
        kernel: Kernel,
        inputs: Mapping[str, Any],
        mistakes: Iterable[Mistake] = (),
        right: Evaluation | None = None,
    ) -> None:
        super().__init__()
        self.kernel, self._inputs, self._right = kernel, inputs, right
        # A mistake that changes a value comes after a mistake that replaces the value.
        self._mistakes = sorted(mistakes, key=lambda mistake: mistake.changes)
        self._wrong = {target for mistake in self._mistakes for target in mistake.targets}

    def under(self, mistakes: Iterable[Mistake], returned: Any) -> Evaluation:
        """Evaluate the input under some mistakes, for a student who returned ``returned``."""
        return Evaluation(self.kernel, {**self._inputs, "returned": returned}, mistakes, self)

    def __missing__(self, name: str) -> Any:
        standing = [mistake for mistake in self._mistakes if name in mistake.targets]
        with np.errstate(all="ignore"):
            self[name] = value = self._value(name, standing)
        return value

    def _value(self, name: str, mistakes: Sequence[Mistake]) -> Any:
        """The value under the given mistakes, with the outermost last."""
        if mistakes:
            *inner, mistake = mistakes
            own = {name: self._value(name, inner)} if name in mistake.needs else {}
            return mistake.value(name, ChainMap(own, self))
        if name in self._inputs:
            return self._inputs[name]
        if self._right is not None and (
            name in self.kernel.signature or self._wrong.isdisjoint(self.kernel.needed_for(name))
        ):
            return self._right[name]
        return self.kernel.program[name].value(name, self)
