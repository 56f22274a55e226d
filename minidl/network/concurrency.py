"""A network that threads and signal handlers use while a step or a pass is under way.

A signal handler, or another thread, may have a network predict while a training step is between
two calls of Python, or between an explicit loop's ``forward`` and ``backward``. Layers then hold
values that the step still needs: the other pass gets separate buffers. A change of the network, by
contrast, undoes the step, which is then made again.

:func:`in_turn` lets a pass wait for its turn, :func:`undisturbed` looks at a network, and
:class:`Instead` is the context of a change.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from minidl.backend.recorder import recorder
from minidl.backend.turns import new_lock
from minidl.layers.base import Layer

T = TypeVar("T")

# Attributes that a pass leaves on the network itself.
_LEFT = ("_x", "_logits", "passes", "rows")
#: A step or a look that is disturbed so often in a row would be disturbed for ever.
ATTEMPTS = 100


class Traffic:
    """The steps and passes under way in a network.

    Attributes:
        lock: taken by every thread that lets rows pass, or reads or changes parameters.
        pending: knows training steps that are under way or wait to be done; or None.
        expected: True if the next pass belongs to the work under way.
        awaits_backward: True if the last pass was a training pass without a backward pass yet.
        changes: how often parameters were changed by other means than steps.
    """

    def __init__(self) -> None:
        self.lock = new_lock()
        self.pending: Any = None
        self.expected = self.awaits_backward = False
        self.changes = 0
        self._look: Callable[[], Beside | _Buffers | None] = _none

    @property
    def passing(self) -> Beside | _Buffers | None:
        """The look under way, or None; held weakly, so that an exception leaves none behind."""
        return self._look()

    @passing.setter
    def passing(self, look: Beside | _Buffers | None) -> None:
        self._look = _none if look is None else weakref.ref(look)


def _none() -> None:
    """Stand for a weak reference where no look is under way."""


class _Buffers:
    """The attributes that a pass has left on a network and its layers, kept until put back."""

    def __init__(self, network: Any) -> None:
        self._network = network
        traffic = network.traffic
        self._look = traffic.passing
        self._traffic = traffic.expected, traffic.awaits_backward
        self._left = {name: getattr(network, name) for name in _LEFT}
        parts: list[Any] = list(_all(network.leaves))
        if network.built:
            parts += [network.penalties, *network.penalties.activities]
        self._states = [(part, dict(vars(part))) for part in parts]
        if network.built:
            network.penalties.bind()
        # The next pass makes new buffers, also if an interrupt ends the restoring.
        network.rows, network._x, traffic.awaits_backward = 0, None, False

    def put_back(self) -> None:
        """Restore the attributes."""
        self._network.traffic.passing = self  # a pass in between gets separate buffers
        self._network.rows = 0
        for part, state in self._states:
            vars(part).update(state)
            for name in vars(part).keys() - state.keys():
                vars(part).pop(name, None)
        for name, value in self._left.items():
            setattr(self._network, name, value)
        traffic = self._network.traffic
        traffic.passing = self._look
        traffic.expected, traffic.awaits_backward = self._traffic


class Instead:
    """A context in which a network is changed.

    No tape records. A training step under way is undone, and is made again from the changed
    network. The same holds for a pass of inference.

    Args:
        network: built or not.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._step: Any = None
        self._called: bool | None = None
        self._expected = False
        self._buffers: _Buffers | None = None
        self._tape: Any = None

    def __enter__(self) -> None:
        network = self._network
        self._tape, recorder.tape = recorder.tape, None
        with network.traffic.lock:
            network.traffic.changes += 1
            step = network.traffic.pending
            if step is not None and step.thread == threading.get_ident():
                self._step = step
                self._called = step.is_called if step.under_way else None
            self._expected = network.traffic.expected
            network.settle()
            if network.traffic.passing:
                self._buffers = _Buffers(network)
                network.traffic.passing = None

    def __exit__(self, *_: object) -> None:
        if self._buffers is not None:
            self._buffers.put_back()
        if self._step is not None:
            self._network.traffic.pending = self._step
        if self._called is not None:
            # The step goes on, sees a new ``open``, and puts back all changes until then.
            self._step.undo.begin()
            if self._called:
                self._step.undo.copy()
                self._network.traffic.expected = self._expected
        recorder.tape = self._tape


class Beside:
    """A context in which rows may pass through a network in inference; enter with the lock held.

    The network then shows the state between two steps, and no tape records.

    Args:
        network: built or not.

    Attributes:
        undisturbed: after the context, True if the network did not change meanwhile.
    """

    def __init__(self, network: Any) -> None:
        self.undisturbed = False
        self._network = network
        self._step: Any = None
        self._buffers: _Buffers | None = None
        self._show_now: Callable[[], None] | None = None
        self._tape: Any = None

    def __enter__(self) -> None:
        network = self._network
        self._tape, recorder.tape = recorder.tape, None
        self._changes = network.traffic.changes
        step = network.traffic.pending
        if step is not None and step.is_called:
            self._show_now = step.undo.show_before()
        else:
            if step is not None and step.under_way:
                self._step = step
            network.settle()
        reads = step is not None and (self._show_now is not None or step.goes_on)
        if reads or network.traffic.passing or network.traffic.awaits_backward:
            self._buffers = _Buffers(network)
        network.traffic.passing = self

    def __exit__(self, *_: object) -> None:
        network = self._network
        network.traffic.passing = None
        if self._buffers is not None:
            self._buffers.put_back()
        if self._show_now is not None:
            self._show_now()
        if self._step is not None:
            self._step.undo.begin()
        self.undisturbed = network.traffic.changes == self._changes
        recorder.tape = self._tape


def undisturbed(network: Any, look: Callable[[], T], measures: Iterable[Any] = ()) -> T:
    """The result of ``look``, from a call during which the network did not change.

    Args:
        network: no other thread can change the network meanwhile. A signal handler can: then
            ``look`` is called again.
        look: a function without arguments, which reads the network or makes passes of inference.
        measures: metrics to which ``look`` adds; they are put back before the next call.

    Raises:
        RuntimeError: the network changes during each call.
    """
    kept = [(each, each.rows, each._sum.copy()) for each in measures]
    for _ in range(ATTEMPTS):
        with network.traffic.lock, network.backend.here, (beside := Beside(network)):
            found = look()
        if beside.undisturbed:
            return found
        for each, rows, total in kept:
            each.rows, each._sum[...] = rows, total
    raise in_vain(f"a pass of inference through {network.name}")


def in_vain(what: str) -> RuntimeError:
    """An error that tells of a step or a pass that is made anew time and again."""
    return RuntimeError(
        f"{what} was made {ATTEMPTS} times in vain: code that runs meanwhile trains the model or "
        "sets its weights each time, and so it has to be made anew; expected such code in a "
        "callback, or numbers written into the arrays, as in layer.W[...] = values"
    )


def in_turn(network: Any, training: bool, make: Callable[[], T]) -> T:
    """Make a pass when its turn comes, and return the result.

    A pass of inference between two calls of a step gets separate buffers. Before other passes a
    half-done step is undone, and the steps that wait are done.

    Args:
        network: of the pass.
        training: whether layers behave as in training.
        make: a function without arguments, which makes the pass.
    """
    with network.traffic.lock, network.backend.here:
        if network.traffic.expected:
            network.traffic.expected = False
        elif not training and (network.traffic.passing or network.traffic.pending is not None):
            return undisturbed(network, make)
        else:
            network.settle()
        return make()


def _all(layers: Any) -> Iterator[Layer]:
    """Layers, and the layers inside layers."""
    for layer in layers:
        yield layer
        yield from _all(value for value in list(vars(layer).values()) if isinstance(value, Layer))
