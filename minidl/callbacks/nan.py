"""A halt of training at the first NaN or infinity."""

from __future__ import annotations

from typing import Any

from minidl.callbacks.base import NONE, Callback, Logs
from minidl.printing import say


class TerminateOnNaN(Callback):
    """Stop training after the first batch that comes to NaN or infinity, and name the tensor.

    The check is that of ``fit(..., check_finite=True)``, with the same text, printed, and the same
    file of the step. The model is as the batch left it, as in Keras, and the epoch's values are the
    values up to there.

    Args:
        raise_error: True to raise a RuntimeError in the place of the print; default False.
    """

    stopped = False

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = bool(raise_error)

    def on_train_begin(self, logs: Logs = NONE) -> None:
        self.stopped = False

    def stop(self, error: FloatingPointError) -> None:
        """Print the finding, and end training after the batch; or raise.

        Raises:
            RuntimeError: with ``raise_error``.
        """
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: {error}") from error
        say(f"TerminateOnNaN: stopping at {error}")
        self.stopped = self.model.stop_training = True

    def get_state(self) -> dict[str, Any]:
        return {"stopped": self.stopped}

    def set_state(self, state: dict[str, Any]) -> None:
        self.stopped = state["stopped"]
        if self.stopped:
            self.model.stop_training = True
