"""From a student's backward to a diagnosis."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from minidl import checks
from minidl.backend import use
from minidl.teaching import patterns, verdict
from minidl.teaching.cached import cached
from minidl.teaching.calling import Call, bind, differing
from minidl.teaching.catalogue import KERNELS
from minidl.teaching.compare import (
    Trial,
    candidates,
    different,
    distance,
    expected,
    known,
    matching,
    right_beside_kinks,
    telling,
)
from minidl.teaching.kernel import Kernel, Mistake
from minidl.teaching.slips import double_slips, slips
from minidl.teaching.verdict import RIGHT, Diagnosis, Explanation, Finding, Unusable, listed

# The explanations of each output that hold on every input.
Found = dict[str, list[Explanation]]

# The number of further inputs for mistakes that agree on the first inputs.
MORE = 8


def diagnose(
    backward: Callable[..., Any],
    kernel: str,
    seed: int = 0,
    forward: Callable[..., Any] | None = None,
) -> Diagnosis:
    """Say which known mistake, if any, is in a student's backward.

    The backward is called twice on each of a dozen random inputs in float64. The axes have
    different sizes, equal sizes and size 1. The results are compared with the engine's kernel and
    with the catalogue's wrong formulas; docs/look_up/diagnosis.md lists both. The backward gets its
    arguments by name. A backward with names of its own gets the arguments in the documented order;
    a known name among its names has to stand at the documented place. The backward returns the
    outputs, in order::

        def batchnorm_backward(dy, x, gamma, mean, variance, epsilon):
            ...
            return dx, dgamma, dbeta

        print(diagnose(batchnorm_backward, kernel="batchnorm"))

    Or the backward takes ``(dout, cache)``, as in Stanford's CS231n, from a forward of its own::

        print(diagnose(affine_backward, kernel="dense", forward=affine_forward))

    Args:
        backward: the student's function, in plain NumPy.
        kernel: a name. Layers: "dense", "dropout", "batchnorm", "layernorm". Activations: "relu",
            "leaky_relu", "elu", "sigmoid", "tanh", "softmax", "log_softmax", "bounded_relu",
            "selu", "softplus", "softsign", "hard_sigmoid", "exponential", "silu", "gelu",
            "gelu_tanh", "mish". Rare activations: "relu6", "hard_tanh", "hard_silu", "hard_shrink",
            "soft_shrink", "tanh_shrink", "sparse_sigmoid", "sparse_plus", "celu", "squareplus",
            "log_sigmoid". Losses: "softmax_crossentropy", "sigmoid_crossentropy",
            "categorical_crossentropy", "binary_crossentropy", "mean_squared_error".
            Penalties: "l1", "l2". Stages of batch normalization: "batchnorm_scale",
            "batchnorm_product", "batchnorm_inverse", "batchnorm_variance", "batchnorm_centre",
            "batchnorm_mean". Optimizers' steps: "sgd", "momentum", "nesterov", "rmsprop", "adam".
            Programs: "two_layer_network", "training_loop", "gradient_check".
        seed: of the random inputs; default 0.
        forward: of a backward that takes ``(dout, cache)``: it returns ``(out, cache)``. Without
            one the cache is the course's: x, W and b of a dense layer, x of an activation, the
            parameters and the mask of dropout.

    Returns:
        The diagnosis, whose ``str()`` is the sentence. An exception of the backward becomes part
        of the sentence.

    Raises:
        TypeError: ``backward`` or ``forward`` is no function, or ``seed`` no integer.
        ValueError: an unknown kernel or a negative seed; the message has the nearest known name.
    """
    if not callable(backward):
        raise TypeError(f"expected a backward function, received {type(backward).__name__}")
    if forward is not None and not callable(forward):
        raise TypeError(f"forward: expected a function, received {type(forward).__name__}")
    subject: Kernel = checks.lookup("kernel", kernel, KERNELS)
    rng = np.random.default_rng(checks.seed(seed))
    # A dozen tiny arrays are not worth a compiler, nor a division into blocks.
    with use("numpy", executor="python"):
        try:
            call = cached(backward, subject, forward) or bind(backward, subject)
            return _Examination(call, subject, rng).diagnosis()
        except Unusable as error:
            named = dict.fromkeys(error.outputs, (error.problem,))
            return Diagnosis(subject.name, False, named, error.problem, text=error.text)


class _Examination:
    """A backward, the inputs of its trials, and the results."""

    def __init__(self, call: Call, kernel: Kernel, rng: np.random.Generator) -> None:
        self._call, self._kernel, self._rng = call, kernel, rng
        self._trials: list[Trial] = []
        self._refused: list[Trial] = []
        self._unsteady: set[str] = set()

    def diagnosis(self) -> Diagnosis:
        """Try, compare, and say."""
        self._try(telling(self._kernel.letters, self._rng))
        if not self._trials:
            self._complain_of_exceptions()
        found = self._tell_apart(self._explanations())
        self._check_order(found)
        if not all(self._is_explained(refused, found) for refused in self._refused):
            self._complain_of_exceptions()
        findings = {o: self._finding(o, found[o]) for o in self._kernel.outputs}
        outputs = {output: finding.names for output, finding in findings.items()}
        if any(outputs.values()):
            text = verdict.sentences(findings)
            return Diagnosis(self._kernel.name, False, outputs, text=text)
        pairs = ((t.results[o], t.right[o]) for t in self._trials for o in outputs)
        error = max(float(np.max(distance(*pair))) for pair in pairs)
        text = verdict.right(list(outputs), len(self._trials), error)
        return Diagnosis(self._kernel.name, True, outputs, "", error, text)

    # Calling ----------------------------------------------------------------------------------

    def _try(self, sizes: Iterable[dict[str, int]]) -> None:
        """Call the backward, twice each, on random inputs of these sizes."""
        for drawn in sizes:
            right = self._kernel.draw(self._rng, drawn)
            calls = [self._call(right), self._call(right)]
            unsteady = differing(*calls)
            if unsteady:
                self._suspect([*calls, self._call(right)], unsteady)
                self._unsteady.update(unsteady)
            for results in calls if unsteady else calls[:1]:
                trials = self._refused if isinstance(results, str) else self._trials
                trials.append(Trial(drawn, right, results))

    def _suspect(self, calls: list[Any], unsteady: tuple[str, ...]) -> None:
        """Three calls on one input differ: does the backward add up, or draw random numbers?"""
        raised = any(isinstance(results, str) for results in calls)
        if not raised and all(_grows(*(results[n] for results in calls)) for n in unsteady):
            grow = "grows" if len(unsteady) == 1 else "grow"
            text = f"{listed(unsteady)} {grow} by the same with every call on the same input: the"
            text += " gradient is accumulated (+=) in something that outlives the call, and has to"
            raise Unusable("accumulated", f"{text} be overwritten.", unsteady)
        if not any(mistake.fits for mistake in self._kernel.mistakes):
            self._complain_of_chance(unsteady)

    def _complain_of_chance(self, unsteady: Iterable[str]) -> NoReturn:
        names = [name for name in self._kernel.outputs if name in unsteady]
        text = f"two calls on the same input give another {listed(names)}: a backward draws no"
        text += " random numbers and keeps nothing between calls."
        raise Unusable("not deterministic", text, names)

    def _complain_of_exceptions(self) -> NoReturn:
        refused = self._refused[0]
        ran = f"; it ran for {self._trials[0]}" if self._trials else ""
        raise Unusable("exception", f"for {refused} it raised {refused.results}{ran}.")

    # Comparing --------------------------------------------------------------------------------

    def _explanations(self) -> Found:
        """The simplest known explanations of each output; dependent outputs come last."""
        found: Found = {}
        for output in sorted(self._kernel.outputs, key=lambda o: len(self._kernel.needed_for(o))):
            elsewhere = [m for explanations in found.values() for e in explanations for m in e]
            groups = itertools.chain([[RIGHT]], known(self._kernel, output, elsewhere))
            matches = (matching(group, output, self._trials) for group in groups)
            found[output] = next(filter(None, matches), []) or self._slip(output)
        return found

    def _slip(self, output: str) -> list[Explanation]:
        """The first slip in a right formula that holds."""
        if right_beside_kinks(output, self._trials):
            return []
        return self._first(slips(self._kernel, output), output)

    def _first(self, mistakes: Iterable[Mistake], output: str) -> list[Explanation]:
        """The first mistake that holds; of numbers that are not finite none tells anything."""
        results = [trial.results[output] for trial in self._trials]
        if any(isinstance(r, Finding) or not np.all(np.isfinite(r)) for r in results):
            return []
        each = (matching([(mistake,)], output, self._trials) for mistake in mistakes)
        return next(filter(None, each), [])

    def _tell_apart(self, found: Found) -> Found:
        """Try more inputs while several mistakes explain an output."""
        for _ in range(MORE):
            if all(len(explanations) <= 1 for explanations in found.values()):
                return found
            self._try([different(self._kernel.letters, self._rng)])
            found = {o: matching(e, o, self._trials) for o, e in found.items()}
        found = {output: self._failing(explanations) for output, explanations in found.items()}
        return {output: self._shared(output, found) for output in found}

    def _failing(self, explanations: list[Explanation]) -> list[Explanation]:
        """The explanations that fail where the backward raised an exception, if there are any."""
        failing = [
            e
            for e in explanations
            if self._refused and all(self._fails(e, refused) for refused in self._refused)
        ]
        return failing or explanations

    def _fails(self, explanation: Explanation, refused: Trial) -> bool:
        outputs = self._kernel.outputs
        return any(expected(refused.right, o, explanation, None) is None for o in outputs)

    def _shared(self, output: str, found: Found) -> list[Explanation]:
        """Choose, among explanations with the same numbers, by what the other outputs show.

        Most mistakes in other outputs count first, then fewest mistakes that would show in an
        output that is right. Variants of a mistake with the same numbers count once.
        """
        others = {o: e for o, e in found.items() if o != output}
        elsewhere = {m for explanations in others.values() for e in explanations for m in e}
        right = [self._kernel.needed_for(o) for o, e in others.items() if e == [RIGHT]]
        explanations = {tuple(m.name for m in e): e for e in reversed(found[output])}
        scores = {
            e: (
                sum(m in elsewhere for m in e),
                -sum(not names.isdisjoint(m.targets) for m in e for names in right),
            )
            for e in explanations.values()
        }
        return [e for e in found[output] if scores.get(e) == max(scores.values())]

    def _check_order(self, found: Found) -> None:
        """Complain if an output has no explanation and another order makes more outputs right."""
        names = tuple(self._kernel.outputs)

        def score(order: tuple[str, ...]) -> int:
            pairs = list(zip(names, order, strict=True))
            trials = [t._replace(results={o: t.results[n] for n, o in pairs}) for t in self._trials]
            return sum(bool(matching([RIGHT], name, trials)) for name in names)

        best = names if all(found.values()) else max(itertools.permutations(names), key=score)
        if score(best) > max(score(names), 1):
            text = f"the outputs come in the order ({', '.join(best)}), expected"
            raise Unusable("order", f"{text} ({', '.join(names)}).")

    def _is_explained(self, refused: Trial, found: Found) -> bool:
        """True if a wrong formula that was found fails where the backward raised an exception."""
        values = (expected(refused.right, o, e, None) for o in found for e in found[o])
        return any(value is None or not np.all(np.isfinite(value)) for value in values)

    def _finding(self, output: str, explanations: list[Explanation]) -> Finding:
        """The sentence about one output."""
        fitted = any(mistake.fits for e in explanations for mistake in e)
        if output in self._unsteady and not fitted:
            self._complain_of_chance(self._unsteady)
        if explanations:
            return verdict.explained(explanations, output, self._kernel)
        trials = self._trials
        if found := patterns.malformed(trials, output) or patterns.place(trials, output):
            return found
        for bases in ([RIGHT], [(m,) for m in candidates(self._kernel, output, ())]):
            factors = {e: f for e in bases if (f := patterns.factor(trials, output, e))}
            if factors:
                return verdict.multiple(factors, output, self._kernel)
        if found := patterns.not_finite(trials, output) or patterns.imprecise(trials, output):
            return found
        if slip := self._first(double_slips(self._kernel, output), output):
            return verdict.explained(slip, output, self._kernel)
        return patterns.unknown(trials, output)


def _grows(first: Any, second: Any, third: Any) -> bool:
    """True if something, and each time the same, was added between the calls."""
    results = (first, second, third)
    if any(isinstance(result, Finding) or result.shape != first.shape for result in results):
        return False
    return bool(np.allclose(third - second, second - first)) and not np.allclose(second, first)
