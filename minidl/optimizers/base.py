"""The base of every optimizer: state of the parameters' size, and one update of one vector."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of
from minidl.kernels import clipping, updates
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.parameters import Parameter, ParameterVector
from minidl.register import kind

# Every so many steps, state and parameters below FLUSHED times the smallest normal number
# become 0. An average that loses a tenth a step falls by 10⁻³ in between, so that it never
# gets near the subnormal numbers; one that loses more may stay there until the next flush.
FLUSH_EVERY = 64
FLUSHED = 1e8


CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


def _clip(optimizer: Optimizer, name: str, value: Any) -> float | None:
    """The check of the ways of clipping: at most one is set."""
    if value is None:
        return None
    others = {other: vars(optimizer).get(other) for other in CLIPS if other != name}
    given = {other: limit for other, limit in others.items() if limit is not None}
    number = checks.real(name, value, 0, ends="()")
    if given:
        raise ValueError(
            f"expected at most one way of clipping, received { ({**given, name: number}) }; set "
            f"{next(iter(given))} to None before"
        )
    if name == "clipnorm" and optimizer.built and not optimizer.knows_tensors:
        raise ValueError(OF_TENSORS)
    return number


NO_STEP_SIZE = (
    "a proximal penalty needs a step size, which with momentum is learning_rate / (1 - momentum): "
    "expected a momentum below 1, received 1"
)
OF_TENSORS = (
    "clipnorm is each tensor's: expected build(model.theta, model.parameters) before the first "
    "update, received a vector alone"
)


@kind("optimizer")
class Optimizer:
    """Moves ``theta`` against ``grad``. Subclasses define :meth:`step`, :meth:`step_size`.

    Each argument is an attribute that can be set at any time and acts from the next update;
    one that says otherwise raises AttributeError.

    Args:
        learning_rate: a number >= 0, or a function of the step (0, 1, …) that gives one,
            such as a schedule.
        weight_decay: decoupled decay: before each step theta loses the share
            learning_rate · weight_decay; None for none.
        clipnorm: each tensor's gradient is scaled down to at most this norm.
        clipvalue: each entry of the gradient is kept within ± this.
        global_clipnorm: the whole gradient is scaled down to at most this norm.

    Attributes:
        iterations: updates made so far.
        accumulated_learning_rate: Σ_i momentum^(t - i) · learning_rate_i: momentum accumulates
            the learning rates as it does the gradients.
        state: names of the state vectors -> vectors of theta's size, once built.

    Raises:
        ValueError: a number out of range, or more than one way of clipping.
    """

    #: names of the state vectors and their initial values
    slots: Mapping[str, float] = {}
    #: share of the last step that is kept, where an optimizer has such an argument
    momentum: Any = 0.0

    weight_decay = checks.number(0, none=True)
    clipnorm: Any = checks.Attribute(_clip)
    clipvalue: Any = checks.Attribute(_clip)
    global_clipnorm: Any = checks.Attribute(_clip)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.iterations = 0
        self.accumulated_learning_rate = 0.0
        self.state: dict[str, Any] = {}
        # Says whose state this is; an optimizer does not keep the parameters alive.
        self._theta: Any = None
        self._size = 0
        self._tensors: list[Parameter] | None = None
        self._work: Any = None

    @property
    def built(self) -> bool:
        """True if there is a state, of one parameter vector."""
        return vars(self).get("_theta") is not None

    @property
    def knows_tensors(self) -> bool:
        """True if :meth:`build` was given the places of the vector's tensors."""
        return self._tensors is not None

    def __getstate__(self) -> dict[str, Any]:
        # A copy has the state of parameters that no network has.
        return {**vars(self), "_theta": self._theta and _gone}

    @property
    def learning_rate(self) -> float | Callable[[int], float]:
        """The number or function given; can be set at any time.

        Raises:
            ValueError, TypeError: negative, NaN, or neither a number nor a function.
        """
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Callable[[int], float]) -> None:
        self._learning_rate = value if callable(value) else checks.real("learning_rate", value, 0)

    def current_learning_rate(self) -> float:
        """The learning rate of the next update."""
        rate = self._learning_rate
        if callable(rate):
            rate = rate(self.iterations)
            return checks.real("learning_rate from the schedule", rate, 0)
        return rate

    def build(self, theta: Any, tensors: ParameterVector | None = None) -> None:
        """Allocate the state for a parameter vector.

        Args:
            theta: the vector.
            tensors: the tensors' places in the vector, for ``clipnorm``, and their penalties.

        Raises:
            ValueError: the optimizer has the state of another vector, ``clipnorm`` is set
                and the tensors are not given, or a penalty needs a proximal step and the
                momentum is 1.
        """
        if self._theta is not None and self._theta() is theta:
            if tensors is not None and self._tensors is None:
                self._tensors = list(tensors)
            return
        if self._theta is not None:
            raise ValueError(
                "expected a new optimizer for each model, received one that holds the state of "
                f"another model of {self._size} parameters"
            )
        if self.clipnorm is not None and tensors is None:
            raise ValueError(OF_TENSORS)
        self._check_momentum(tensors)
        self._size = theta.size
        self._tensors = None if tensors is None else list(tensors)
        self.state = {name: np.full_like(theta, start) for name, start in self.slots.items()}
        self._norm = backend_of(theta).xp.zeros((), dtype=theta.dtype)
        self._flushed = FLUSHED * float(np.finfo(theta.dtype).tiny)
        # The last: an optimizer interrupted before this line is built anew.
        self._theta = weakref.ref(theta)

    def _slot(self) -> None:
        """Have a vector for each slot that the attributes ask for; keep existing vectors."""
        if self.built:
            self._check_momentum(self._tensors)
            theta = self._theta()
            self.state = {
                name: self.state[name] if name in self.state else np.full_like(theta, start)
                for name, start in self.slots.items()
            }

    def _check_momentum(self, tensors: Iterable[Parameter] | None) -> None:
        if self.momentum == 1 and any(
            e.regularizer and e.regularizer.proximal for e in tensors or ()
        ):
            raise ValueError(NO_STEP_SIZE)

    def update(self, theta: Any, grad: Any) -> None:
        """One step: clip ``grad`` (in place), decay, move ``theta`` (in place).

        Args:
            theta, grad: vectors of equal size; always the same ``theta``.

        Raises:
            ValueError: another theta than in the first update, or a grad of another size.
        """
        self.build(theta)
        if grad.shape != theta.shape:
            raise ValueError(f"expected a gradient of shape {theta.shape}, received {grad.shape}")
        self._clip(grad)
        learning_rate = self.current_learning_rate()
        if self.weight_decay:
            updates.decay(theta, learning_rate * self.weight_decay, out=theta)
        self.accumulated_learning_rate = (
            self.momentum * self.accumulated_learning_rate + learning_rate
        )
        self.step(theta, grad, learning_rate, self.iterations + 1)
        self.iterations += 1
        if self.iterations % FLUSH_EVERY == 0:
            for vector in (theta, *self.state.values()):
                updates.flush(vector, self._flushed, out=vector)

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        """Move ``theta``; ``t`` counts from 1."""
        raise NotImplementedError(f"{type(self).__name__} must define step")

    def step_size(self, part: slice, out: Any) -> Any:
        """Factor of the gradient in the last update, as a constant since the start.

        For a constant the step size is learning_rate / (1 - momentum) where momentum gathers steps,
        and learning_rate over the coordinate's root where the optimizer divides by a root.

        Args:
            part: of the vector.
            out: of the part's size; may be overwritten.

        Returns:
            A number for all coordinates, or ``out`` with one for each.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define step_size(part, out) to go with a proximal penalty"
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal optimizer."""
        rate = self._learning_rate
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            raise ValueError(
                "an optimizer whose learning rate is a function of your own cannot be saved; "
                "expected a number or a schedule of minidl.optimizers.schedules"
            )
        own = {name: getattr(self, name) for name in ("weight_decay", *CLIPS)}
        return {"learning_rate": rate, **own}

    def _clip(self, grad: Any) -> None:
        if self.clipvalue is not None:
            clipping.clip_by_value(grad, self.clipvalue, out=grad)
        elif self.global_clipnorm is not None:
            clipping.clip_by_norm(grad, self.global_clipnorm, self._room, self._norm)
        elif self.clipnorm is not None:
            work = self._room
            for entry in self._tensors or ():
                part = entry.slice
                clipping.clip_by_norm(grad[part], self.clipnorm, work[part], self._norm)

    @property
    def _room(self) -> Any:
        """Memory of the vector's size, from when a norm is first clipped."""
        if self._work is None:
            self._work = np.empty_like(self._theta())
        return self._work


def _gone() -> None:
    """In the place of a reference to parameters."""
