"""A moving average of the parameters, which may take their place."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import averaging


def _frequency(optimizer: Any, name: str, value: Any) -> int | None:
    return None if value is None else checks.integer(name, value, 1)


class MovingAverage:
    """The part of an optimizer that averages the parameters.

    Attributes:
        use_ema: True to keep the average, ``state["moving_average"]``.
        ema_momentum: share of the average that an update keeps, in [0, 1].
        ema_overwrite_frequency: theta becomes the average after each so many updates, too; None
            for once, at the end of ``fit``.
    """

    use_ema = checks.flag(then="_resize")
    ema_momentum = checks.number(0, 1, ends="[]")
    ema_overwrite_frequency: Any = checks.Attribute(_frequency)
    iterations: Any
    state: dict[str, Any]

    def _average(self, theta: Any) -> None:
        """Let the average follow theta; overwrite theta where that is due."""
        average, done = self.state["moving_average"], int(self.iterations)
        momentum = self.ema_momentum if done else 0.0
        averaging.moving_average(average, theta, momentum, out=average)
        every = self.ema_overwrite_frequency
        if every and (done + 1) % every == 0:
            averaging.overwrite(average, out=theta)

    def finish(self, theta: Any) -> None:
        """Have theta become the average, if one is kept.

        Called by ``fit`` at the end; a loop of your own calls it then.

        Args:
            theta: of :meth:`update`.
        """
        if self.use_ema and "moving_average" in self.state:
            averaging.overwrite(self.state["moving_average"], out=theta)
