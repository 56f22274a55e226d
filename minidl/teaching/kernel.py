"""A kernel is a short program of assignments; a mistake is one of them, written wrongly.

The backward of batch normalization, say, goes from x to mean and variance, from these to the
inverse deviation and x̂, and from these, with dy, to three gradients. A mistake stands in the place
of one step, and whatever depends on that step comes out wrong in the way in which a student's code
does. Two mistakes at once are two steps replaced.
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
    """One assignment in NumPy's names, such as ``dx = dy * where(x > 0, 1, alpha)``.

    Attributes:
        text: the assignment.
        targets: the names on its left.
        needs: the names on its right, those of functions too.
    """

    def __init__(self, text: str) -> None:
        (assignment,) = ast.parse(text).body
        assert isinstance(assignment, ast.Assign)
        self.text = text
        self.targets = _names(assignment.targets[0])
        self.needs = _names(assignment.value)
        self._code = compile(ast.Expression(assignment.value), text, "eval")

    def value(self, target: str, names: Mapping[str, Any]) -> Any:
        """The value that one of the targets is given."""
        value = eval(self._code, FUNCTIONS, names)
        return value[self.targets.index(target)] if len(self.targets) > 1 else value


def _program(text: str) -> dict[str, Formula]:
    """Formulas with semicolons between them, each at the names of its targets."""
    formulas = [Formula(part.strip()) for part in text.split(";")]
    return {target: formula for formula in formulas for target in formula.targets}


def _names(tree: ast.AST) -> tuple[str, ...]:
    return tuple(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


class Mistake(Formula):
    """A wrong formula in the place of a step, or of several.

    On the right of the formula, its own target is the value that would stand there otherwise,
    ``returned`` the student's result, and ``kink`` true where the input lies exactly at one.

    Args:
        name: a few words; variants of one mistake share the name.
        text: the wrong formula.
        why: the mistake in a sentence.
    """

    def __init__(self, name: str, text: str, why: str) -> None:
        super().__init__(text)
        self.name, self.why = name, why
        self.changes = not set(self.targets).isdisjoint(self.needs)
        # What takes something from the student's result fits easily.
        self.fits = "returned" in self.needs
        # What is right but at a kink.
        self.at_kink = "kink" in self.needs


class Kernel:
    """A kernel: the call of its backward, its right formulas, and the mistakes that are known.

    Args:
        name: as :func:`minidl.testing.diagnose` takes it.
        signature: the arguments, in order, by which the backward is called.
        outputs: the results, in order: the name and the letters of the axes.
        inputs: formulas that draw arrays, with semicolons between them.
        program: the right formulas; arguments that depend on others are steps, too.
        extras: further names that the backward may ask for.
        optional: arguments that the backward may leave out, because they follow from others.
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
    ) -> None:
        self.name, self.outputs = name, outputs
        self.signature = tuple(signature.split())
        self.extras, self.optional = tuple(extras.split()), tuple(optional.split())
        self.inputs, self.program = _program(inputs), _program(f"kink = False_; {program}")
        needs = [name for formula in self.inputs.values() for name in formula.needs]
        self.letters = sorted(set(AXES).intersection(needs))
        self.mistakes: list[Mistake] = []

    def draw(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> Evaluation:
        """The kernel's quantities for random inputs whose axes have these sizes."""
        inputs: dict[str, Any] = {}
        names = ChainMap(inputs, dict(sizes), {name: getattr(rng, name) for name in DRAWS})
        for name, formula in self.inputs.items():
            inputs[name] = formula.value(name, names)
        return Evaluation(self, inputs)

    def behind(self, name: str) -> set[str]:
        """The quantity of this name and all that it depends on."""
        needs = self.program[name].needs if name in self.program else ()
        return {name}.union(*map(self.behind, needs))

    def call(self) -> str:
        """The call as it is documented: ``dense_backward(dy, x, W)``."""
        return f"{self.name}_backward({', '.join(self.signature)})"


class Evaluation(dict[str, Any]):
    """The quantities of a kernel for one input, each computed when it is first asked for.

    A division by zero and the like is no error here: a wrong formula may do that.

    Args:
        kernel: whose quantities these are.
        inputs: the arrays that were drawn, by name.
        mistakes: those that stand in their places; none by default.
        right: the same input without mistakes. A student was given the right arguments, unless a
            mistake stands in the place of one.
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
        # A mistake that changes a value comes after one that replaces it.
        self._mistakes = sorted(mistakes, key=lambda mistake: mistake.changes)

    def under(self, mistakes: Iterable[Mistake], returned: Any) -> Evaluation:
        """The same input under some mistakes, for a student who returned ``returned``."""
        return Evaluation(self.kernel, {**self._inputs, "returned": returned}, mistakes, self)

    def __missing__(self, name: str) -> Any:
        standing = [mistake for mistake in self._mistakes if name in mistake.targets]
        with np.errstate(all="ignore"):
            self[name] = value = self._value(name, standing)
        return value

    def _value(self, name: str, mistakes: Sequence[Mistake]) -> Any:
        """The value under the given mistakes, the last of which is the outermost."""
        if mistakes:
            *inner, mistake = mistakes
            own = {name: self._value(name, inner)} if name in mistake.needs else {}
            return mistake.value(name, ChainMap(own, self))
        if name in self._inputs:
            return self._inputs[name]
        if self._right is not None and name in self.kernel.signature:
            return self._right[name]
        return self.kernel.program[name].value(name, self)
