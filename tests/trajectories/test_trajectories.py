"""100 steps end where Keras's do: weights, moments, batch normalization's statistics, losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import minidl
from tests import registered
from tests.selection import covering
from tests.specs import Spec, spec
from tests.trajectories import running
from tests.trajectories.cases import (
    CHANGES,
    LOSSES,
    OPTIMIZERS,
    RATES,
    Case,
    batches,
    case,
    dense,
    selection,
)
from tests.trajectories.running import RTOL, STEPS, agrees, compare, deviation
from tests.trajectories.tutorials import TUTORIALS

# These take long.
pytestmark = pytest.mark.thorough

SELECTION = list(selection())
# By default every optimizer, change and loss once.
FEW = [SELECTION[k] for k in covering([set(enumerate(each)) for each in SELECTION])]
FEW_TUTORIALS = [
    "000: 128, BatchNormalization",
    "001: Dropout .3",
    "002: ELU, RMSprop",
    "003: L2",
    "004: all of them",
]


def cases(names: Sequence[Any], few: Sequence[Any]) -> list[Any]:
    """Those that are not of the few are thorough."""
    marks = [() if name in few else pytest.mark.thorough for name in names]
    return [pytest.param(n, marks=m) for n, m in zip(names, marks, strict=True)]


@pytest.mark.parametrize("name", cases(SELECTION, FEW), ids="/".join)
def test_optimizers_changes_losses(name: tuple[str, str, str]) -> None:
    """A selection of the product; all of it: ``python -m tests.trajectories``."""
    agrees(compare(case(name)))


@pytest.mark.parametrize("name", cases(list(TUTORIALS), FEW_TUTORIALS))
def test_networks_of_the_tutorials(name: str) -> None:
    """Their layers and optimizers, with minidl's dropout masks in both."""
    agrees(compare(TUTORIALS[name]()))


def test_the_selection_covers_the_product() -> None:
    """Every optimizer meets every change, schedules as one, and every loss, which meet too."""
    kinds = {change: "schedule" if CHANGES[change].schedule else change for change in CHANGES}
    met = [(optimizer, kinds[change], loss) for optimizer, change, loss in SELECTION]
    for i, j, first, second in (
        (0, 1, OPTIMIZERS, set(kinds.values())),
        (0, 2, OPTIMIZERS, LOSSES),
        (1, 2, set(kinds.values()), LOSSES),
    ):
        assert {(m[i], m[j]) for m in met} == {(a, b) for a in first for b in second}
    assert {change for _, change, _ in SELECTION} == set(CHANGES)


#: Compared step by step in tests/optimizers: parts that every optimizer has.
OF_ALL = {
    "name", "use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps",
    "exclude_from_weight_decay",
}  # fmt: skip
#: Likewise.
FIVE_STEPS = {"adadelta", "adamax", "ftrl", "lion"}


def test_every_argument_of_every_optimizer_takes_part() -> None:
    """In some case it is not its default."""
    changes = OF_ALL | {name for change in CHANGES.values() for name in change.options}
    assert set(registered.OPTIMIZERS) >= FIVE_STEPS
    for name, kind in registered.OPTIMIZERS.items():
        if name in FIVE_STEPS:
            continue
        made = [o.make(minidl) for o in OPTIMIZERS.values() if o.path.endswith(f".{kind.__name__}")]
        configs, default = [m.get_config() for m in made], kind().get_config()
        for argument in default:
            if argument not in changes:
                values = [config[argument] for config in configs]
                assert any(value != default[argument] for value in values), f"{name} {argument}"


def test_every_schedule_takes_part() -> None:
    """And falls to less than half within the steps."""
    schedules = [change.schedule for change in CHANGES.values() if change.schedule]
    known = {s.path.rpartition(".")[2] for s in schedules}
    assert known == set(registered.SCHEDULES) - {"CosineDecayRestarts"}  # rises again
    for factor in schedules:
        assert set(factor.options) & set(RATES)
        rates = [factor.make(minidl)(step) for step in range(STEPS)]
        assert max(rates) > 2 * rates[-1]


@pytest.mark.parametrize("kind", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("loss", LOSSES)
def test_clipping_acts(kind: str, loss: str) -> None:
    """The trainings with and without it end far apart."""
    ends = []
    for change in ("plain", kind):
        made = case(("SGD", change, loss))
        model = running.network(made)
        running.train(model, made.optimizer.make(minidl), made)
        ends.append(model.theta)
    assert deviation(*ends) > 1e-2


class TestTheComparison:
    """It sees what it is there to see."""

    def test_deviation(self) -> None:
        """Entry by entry; small entries against a hundredth of the largest."""
        expected = np.array([1.0, -0.1, 1e-6, 0.0])
        for k, distance in ((0, 1.0), (1, 0.1), (2, 1e-2), (3, 1e-2)):
            actual = expected.copy()
            actual[k] += 1e-9 * distance
            assert deviation(actual, expected) == pytest.approx(1e-9, rel=1e-3)
        assert deviation(expected, expected) == 0
        assert deviation(np.array([1e-3]), np.array([0.0]), least=10.0) == pytest.approx(1e-4)
        assert deviation(np.zeros(2), np.zeros(2)) == 0
        for bad in (np.array([1e-300]), np.array([np.nan])):
            assert deviation(bad, np.zeros(1)) == np.inf
        assert deviation(np.array([np.nan]), np.ones(1)) == np.inf

    @pytest.mark.parametrize(
        ("change", "argument", "group"),
        [
            ("plain", "learning_rate", "weights"),
            ("plain", "momentum", "slots"),
            ("BatchNormalization", "learning_rate", "statistics"),
        ],
    )
    def test_a_small_difference_is_seen(
        self, change: str, argument: str, group: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One part in 10⁷ of an argument that only minidl gets."""
        made, right = case(("SGD, momentum", change, "squared")), Spec.make
        plain = compare(made)

        def make(self: Spec, package: Any, *number: Any) -> Any:
            found = right(self, package, *number)
            if package is minidl and argument in self.options:
                setattr(found, argument, self.options[argument] * (1 + 1e-7))
            return found

        monkeypatch.setattr(Spec, "make", make)
        outcome = compare(made)
        assert max(getattr(plain, group).values()) < RTOL < max(getattr(outcome, group).values())

    def test_dropout_without_its_masks_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Masks of another step."""
        made = TUTORIALS["002: Adam, Dropout .3"]()
        right = running.masks
        monkeypatch.setattr(running, "masks", lambda *given: np.roll(right(*given), 1, axis=0))
        assert compare(made).worst()[1] > 1e-3

    def test_a_jump_is_seen(self) -> None:
        """A pre-activation of 0, by a bias that is 0 after rows of zeros; a weight of 0."""
        x, y = batches("squared")
        made = Case(
            [dense(4, "relu", use_bias=False), dense(2)],
            OPTIMIZERS["SGD"],
            LOSSES["squared"].loss,
            x * 0,
            y,
        )
        assert compare(made).nearest == 0
        zeros = spec("regularizers.L1", l1=2**-7)
        start = [dense(3, kernel_regularizer=zeros, kernel_initializer="zeros"), dense(2)]
        assert compare(made._replace(layers=start)).nearest == 0
        assert compare(made._replace(layers=[dense(2)])).nearest == np.inf
