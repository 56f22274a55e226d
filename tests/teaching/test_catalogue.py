"""The catalogue: complete, and no two of its mistakes give the same numbers but those said to."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.backend import use
from minidl.kernels import gated
from minidl.teaching.catalogue import KERNELS, MISTAKES
from minidl.teaching.compare import (
    TOLERANCE,
    candidates,
    compose,
    different,
    distance,
    expected,
    telling,
)
from minidl.teaching.engine import FUNCTIONS
from tests.teaching.same_pairs import SAME, SAME_PAIRS
from tests.teaching.students import STUDENTS

SEEDS = st.integers(0, 2**64 - 1)


def test_a_student_makes_each_mistake_of_the_catalogue():
    made = {(s.kernel, s.mistake) for s in STUDENTS}
    assert made == {(name, m.name) for name, kernel in KERNELS.items() for m in kernel.mistakes}
    # What can be made in several outputs is made in each.
    for name, kernel in KERNELS.items():
        for mistake in kernel.mistakes:
            if set(mistake.targets) <= set(kernel.outputs):
                assert any(
                    (s.kernel, s.mistake) == (name, mistake.name)
                    and set(mistake.targets) <= set(s.outputs.split())
                    for s in STUDENTS
                ), (name, mistake)


def test_there_are_many():
    assert len({(s.kernel, s.mistake) for s in STUDENTS}) > 150
    assert len({s.mistake for s in STUDENTS}) > 100


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_row_names_kernels(row):
    """A row of a misspelled kernel would be a mistake of none."""
    assert set(row[0].split()) <= {*KERNELS, "every"}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_formula_names_what_is_there(kernel):
    """An unknown name would be an error of the diagnosis, for some backwards only."""
    quantities = {*kernel.inputs, *kernel.program}
    for mistake in kernel.mistakes:
        assert set(mistake.targets) <= quantities, mistake
        assert set(mistake.needs) <= {*quantities, *FUNCTIONS, "len", "returned"}, mistake


def inputs_of(kernel, seed, more=0):
    rng = np.random.default_rng(seed)
    sizes = telling(kernel.letters, rng) + [different(kernel.letters, rng) for _ in range(more)]
    return [kernel.draw(rng, chosen) for chosen in sizes]


def made_in(kernel, output):
    """The mistakes that can be seen in an output and were not made in another one."""
    return [mistake for mistake in candidates(kernel, output, ()) if not mistake.fits]


def values(inputs, output, explanations):
    return {e: [expected(i, output, e, None) for i in inputs] for e in explanations}


def beside_kinks(inputs):
    """A function that gives arrays with 0 where the input lies at a kink."""
    if not any(np.any(i["kink"]) for i in inputs):
        return list

    def see(arrays):
        return [
            array if array is None else np.where(i["kink"], 0, array)
            for i, array in zip(inputs, arrays, strict=True)
        ]

    return see


def apart(ones, others, tolerance):
    """Whether two explanations differ on some input."""
    return any(
        (one is None) != (other is None)
        or (one is not None and (one.shape != other.shape or far(one, other, tolerance)))
        for one, other in zip(ones, others, strict=True)
    )


def far(one, other, tolerance):
    return np.max(distance(one, other)) > tolerance


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=settings.default.max_examples // 3)  # some thousand pairs each
@given(seed=SEEDS)
def test_all_pairs_of_mistakes_are_told_apart(name, seed):
    """On the inputs on which every backward is tried, by a hundred times the tolerance."""
    kernel = KERNELS[name]
    with use("numpy", executor="python"):
        inputs = inputs_of(kernel, seed)
        for output in kernel.outputs:
            single = values(inputs, output, [(), *((m,) for m in made_in(kernel, output))])
            beside = dict(zip(single, map(beside_kinks(inputs), single.values()), strict=True))
            for one, other in itertools.combinations(single, 2):
                names = {mistake.name for mistake in one + other}
                if len(names) > 1 or not one:
                    # Mistakes that are not about kinks have to show beside them.
                    everywhere = all(mistake.at_kink for mistake in one + other)
                    seen = single if everywhere else beside
                    equal = not apart(seen[one], seen[other], 100 * TOLERANCE)
                    assert equal == ((output, names) in SAME), f"{one} and {other}"


# Those with most mistakes take as long as all others.
MANY = [
    *("batchnorm", "gelu", "gelu_tanh", "layernorm", "mish", "softmax_crossentropy"),
    "two_layer_network",
]
NAMES = [
    pytest.param(name, marks=pytest.mark.thorough) if name in MANY else name for name in KERNELS
]


def unordered(groups):
    """Sets of sets of sets, of which none has an order."""
    return {frozenset(map(frozenset, group)) for group in groups}


@pytest.mark.parametrize("name", NAMES)
def test_which_two_mistakes_at_once_are_the_same_as_two_others(name):
    """Those of docs/look_up/diagnosis.md and no others, but for those that are a single mistake."""
    kernel = KERNELS[name]
    same = []
    with use("numpy", executor="python"):
        inputs = inputs_of(kernel, seed=1, more=8)
        see = beside_kinks(inputs)
        for output in kernel.outputs:
            made = made_in(kernel, output)
            single = values(inputs, output, [(), *((m,) for m in made)])
            single = [see(arrays) for arrays in single.values()]
            pairs = values(inputs, output, itertools.filterfalse(
                lambda pair: not compose(*pair), itertools.combinations(made, 2)
            ))  # fmt: skip
            groups = {}
            for pair, arrays in pairs.items():
                arrays = see(arrays)
                if all(apart(arrays, one, TOLERANCE) for one in single):
                    like = (g for g in groups if not apart(arrays, groups[g][0], TOLERANCE))
                    group = groups.setdefault(next(like, pair), (arrays, set()))
                    group[1].add(tuple(mistake.name for mistake in pair))
            same += [names for _, names in groups.values() if len(names) > 1]
    assert unordered(same) == unordered(SAME_PAIRS.get(name, []))


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_variants_of_one_mistake_are_not_made_at_once(kernel):
    """A student is told the name once."""
    pairs = itertools.combinations(kernel.mistakes, 2)
    assert not [pair for pair in pairs if pair[0].name == pair[1].name and compose(*pair)]


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "mish"])
@given(seed=SEEDS)
def test_a_derivative_in_steps_is_the_engine_s(name, seed):
    kernel = getattr(gated, f"{name}_backward")
    needs = list(inspect.signature(kernel).parameters)
    for right in inputs_of(KERNELS[name], seed):
        # A few dozen roundings of numbers below 100.
        np.testing.assert_allclose(
            right["dx"], kernel(*(right[n] for n in needs)), rtol=0, atol=1e-13
        )


@pytest.mark.parametrize("letters", ["NO", "INO"])
@given(seed=SEEDS)
def test_sizes_are_telling(letters, seed):
    sizes = telling(letters, np.random.default_rng(seed))
    assert all(tuple(chosen) == tuple(letters) for chosen in sizes)
    kinds = [tuple(chosen.values()) for chosen in sizes]
    assert sum(len(set(kind)) == len(letters) and min(kind) > 1 for kind in kinds) == 5
    # All equal, each alone 1, and of three axes two equal and the third another.
    assert {(n,) * len(letters) for n in (1, 3, 4)} <= set(kinds)
    for axis in letters:
        assert any([a for a in letters if chosen[a] == 1] == [axis] for chosen in sizes)
    if len(letters) == 3:
        for one, other in itertools.combinations(letters, 2):
            assert any(
                chosen[one] == chosen[other] and len(set(chosen.values())) == 2 for chosen in sizes
            )
    assert all(type(size) is int for kind in kinds for size in kind)
