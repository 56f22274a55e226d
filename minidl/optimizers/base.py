"""The base of every optimizer: state of the parameters' size, and one update of one vector."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of
from minidl.backend.bodies import is_ours
from minidl.kernels import averaging, updates
from minidl.names.configuration import Configured
from minidl.names.register import kind
from minidl.optimizers import accumulation, averages, clipping, proximal
from minidl.optimizers.answers import Missing, answer
from minidl.optimizers.applying import Applying
from minidl.optimizers.decaying import WeightDecay
from minidl.optimizers.learning_rate import HasLearningRate
from minidl.optimizers.own_step import is_foreign, look_at_step
from minidl.optimizers.schedule import LearningRateSchedule
from minidl.optimizers.variables import Variables
from minidl.parameters import Parameter

# Every so many steps, numbers below FLUSHED times the smallest normal number become 0: an average
# that loses a tenth a step, 10⁻³ in between, never gets near the subnormal numbers.
FLUSH_EVERY = 64
FLUSHED = 1e8


@kind("optimizer")
class Optimizer(HasLearningRate, WeightDecay, Variables, Applying, Configured):
    """Moves ``theta`` against ``grad``. Subclasses define ``slots``, ``step`` and ``step_size``.

    Each argument is an attribute that can be set at any time and acts from the next update;
    one that says otherwise raises AttributeError.

    Args:
        learning_rate: a number >= 0, or a function of the step (0, 1, …) that gives one,
            such as a schedule; a function without arguments will do, too.
        weight_decay: decoupled decay: before each step theta loses the share
            learning_rate · weight_decay; None for none.
        clipnorm: each tensor's gradient is scaled down to at most this norm.
        clipvalue: each entry of the gradient is kept within ± this.
        global_clipnorm: the whole gradient is scaled down to at most this norm.
        use_ema: True to keep a moving average of theta, which becomes theta at the end of
            ``fit``; default False.
        ema_momentum: share of the average that a step keeps, in [0, 1]; default 0.99.
        ema_overwrite_frequency: theta becomes the average after each so many steps, too; default
            None.
        gradient_accumulation_steps: one step for so many calls of :meth:`update`, with the mean
            of their gradients; at least 2, default None.
        name: a label, default the class's name in small letters.
        **other: raises, with advice.

    Attributes:
        iterations: steps made so far.
        batches: calls of :meth:`update` so far; a schedule is a function of this count.
        accumulated_learning_rate: Σ_i momentum^(t - i) · learning_rate_i: momentum accumulates
            the learning rates as it does the gradients.
        state: names of the state vectors -> vectors of theta's size, once built.

    Raises:
        ValueError: a number out of range, more than one way of clipping, or an unknown argument.
    """

    clipnorm: Any = checks.Attribute(clipping.checked)
    clipvalue: Any = checks.Attribute(clipping.checked)
    global_clipnorm: Any = checks.Attribute(clipping.checked)
    use_ema = checks.flag(then="_follow")
    ema_momentum = checks.number(0, 1, ends="[]")
    ema_overwrite_frequency: Any = checks.Attribute(averages.checked)
    gradient_accumulation_steps: Any = checks.Attribute(accumulation.checked, then="_follow")
    #: share of the last step that is kept, where an optimizer has such an argument
    momentum: Any = 0.0
    #: reason why no proximal step can follow this optimizer's, with any arguments; or ""
    no_step_size = ""
    lr = Missing("learning_rate, which can be set")
    minimize = Missing(
        "minidl.train_step(model, loss, optimizer, x, y), or optimizer.update(model.theta, "
        "model.grad) after model.backward"
    )
    #: Number of parameters, once built.
    _size: int
    #: True until a step of a user's own optimizer has been looked at.
    _doubted = False

    def __init__(
        self,
        learning_rate: float | Callable[..., float],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **other: Any,
    ) -> None:
        excluded = other.pop("exclude_from_weight_decay", None)  # as get_config says it
        answer(type(self), learning_rate, other)
        if not isinstance(name, str | None):
            raise TypeError(f"name: expected a text, received {name!r}")
        self.name = name or type(self).__name__.lower()
        self.batches = 0
        self.accumulated_learning_rate = 0.0
        self.state: dict[str, Any] = {}
        # Tells the parameters of the state; an optimizer does not keep the parameters alive.
        self._theta: Any = None
        self._tensors: list[Parameter] | None = None
        self._work: Any = None
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        if excluded is not None:
            self.exclude_from_weight_decay(var_names=excluded)

    @property
    def built(self) -> bool:
        """True if there is a state."""
        return vars(self).get("_theta") is not None

    def build(self, theta: Any, tensors: Iterable[Parameter] | None = None) -> None:
        """Allocate the state for a parameter vector.

        Args:
            theta: the vector; or arrays, for :meth:`apply`.
            tensors: the tensors' places in the vector, for ``clipnorm`` and for tensors without
                weight decay, and their penalties.

        Raises:
            ValueError: the optimizer has the state of another vector, the tensors are needed
                and not given, or a penalty needs a proximal step and there is no step size.
        """
        if isinstance(theta, list | tuple):
            self._build_for(theta)
            return
        if self._theta is not None:
            if self._theta() is not theta:
                raise ValueError(
                    "expected a new optimizer for each model, received one that holds the state of "
                    f"another model of {self._size} parameters"
                )
            if tensors is not None and self._tensors is None:
                self._tensors = list(tensors)
            return
        if self.clipnorm is not None and tensors is None:
            raise ValueError(clipping.OF_TENSORS)
        proximal.check(self, tensors)
        self._choose_decayed(theta, tensors)
        self._size = theta.size
        self._tensors = None if tensors is None else list(tensors)
        self.state = {}
        self._allocate(theta)
        self._norm = backend_of(theta).xp.zeros((), dtype=theta.dtype)
        self._flushed = FLUSHED * float(np.finfo(theta.dtype).tiny)
        self._doubted, self._own_slots = is_foreign(self.step), not is_ours(type(self))
        # The last: an optimizer interrupted before this line is built anew.
        self._theta = weakref.ref(theta)

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
        self._follow_own()
        if not self.gradient_accumulation_steps or accumulation.gathers_last(self):
            # A function may read the gradient, and finds the gradient of the backward pass.
            self._move(theta, grad, self.current_learning_rate())
        else:
            accumulation.gather(self, grad)
        if self.use_ema:
            averages.average(self, theta)
        self.batches += 1
        if self.batches % FLUSH_EVERY == 0:
            self._avoid_subnormals(theta)

    def _avoid_subnormals(self, theta: Any) -> None:
        """Set numbers near the subnormal range to 0, because a processor is slow there."""
        for vector in (theta, *self.state.values()):
            updates.flush(vector, self._flushed, out=vector)

    def _move(self, theta: Any, grad: Any, learning_rate: float) -> None:
        if self.gradient_accumulation_steps:
            accumulation.take(self, grad)
        self._clip(grad)
        if self.weight_decay:
            self._decay(theta, learning_rate)
        self.accumulated_learning_rate = (
            self.momentum * self.accumulated_learning_rate + learning_rate
        )
        t = self.batches // (self.gradient_accumulation_steps or 1) + 1
        if self._doubted:
            self._doubted = not look_at_step(self, theta, grad, learning_rate, t)
        else:
            self.step(theta, grad, learning_rate, t)

    def _clip(self, grad: Any) -> None:
        clipping.clip(self, grad)

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        """Move ``theta``; ``t`` counts from 1."""
        raise NotImplementedError(
            f"{type(self).__name__} must define step(theta, grad, learning_rate, t), which moves "
            "theta, the vector of all weights, in place"
        )

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

    @property
    def without_step_size(self) -> str:
        """Reason why no penalty can take a proximal step after this optimizer's, or ""."""
        return proximal.reason_against(self)

    def finish(self, theta: Any) -> None:
        """Have theta become the moving average, if one is kept.

        Called by ``fit`` at the end; a loop of your own calls it then.

        Args:
            theta: of :meth:`update`.
        """
        if self.use_ema and "moving_average" in self.state:
            averaging.overwrite(self.state["moving_average"], out=theta)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal optimizer."""
        rate = self._learning_rate
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            raise ValueError(
                "an optimizer whose learning rate is a function of your own cannot be saved; "
                "expected a number or a schedule of minidl.optimizers.schedules"
            )
        if self._excluded_arrays:
            raise ValueError(
                "exclude_from_weight_decay: expected var_names=[...] in an optimizer that is saved "
                "before its first update, received arrays, whose names are not known yet"
            )
        config = super().get_config()
        if "learning_rate" in config:
            config["learning_rate"] = rate
        return config | ({"exclude_from_weight_decay": self._excluded} if self._excluded else {})
