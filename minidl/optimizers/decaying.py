"""Decoupled weight decay, of all tensors or of some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minidl import checks
from minidl.backend.addresses import address
from minidl.kernels import updates
from minidl.parameters import Parameter


class WeightDecay:
    """The part of an optimizer that decays the parameters.

    Attributes:
        weight_decay: before each update theta loses the share learning_rate · weight_decay; None
            for none.
    """

    weight_decay = checks.number(0, none=True)
    _excluded: tuple[str, ...] = ()
    _excluded_arrays: tuple[Any, ...] = ()
    _decayed: list[slice] | None = None
    _theta: Any
    _tensors: list[Parameter] | None

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Have no weight decay on some tensors, in place of earlier exclusions.

        Args:
            var_list: the tensors, such as ``layer.W``.
            var_names: a tensor is excluded if its own name, such as "bias" or "kernel", contains
                one of these; or if it is named in full, "dense_1/kernel".

        Raises:
            TypeError: one text in place of a list.
            ValueError: a name or an array that is no tensor's; also at the first update.
        """
        if isinstance(var_names, str):
            raise TypeError(f"var_names: expected a list of names, received {var_names!r}")
        names = tuple(var_names or ())
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"var_names: expected a list of names, received {names!r}")
        self._excluded = names
        self._excluded_arrays = tuple(() if var_list is None else var_list)
        if self._theta is not None:
            self._choose_decayed(self._theta(), self._tensors)

    def without_decay(self, tensors: Iterable[str]) -> set[str]:
        """The full names of the tensors that :meth:`exclude_from_weight_decay` was told by name.

        Args:
            tensors: full names of a network's tensors.

        Raises:
            ValueError: a name that no tensor has.
        """
        own = {full: full.rpartition("/")[2] for full in tensors}
        found: set[str] = set()
        for name in self._excluded:
            hits = {full for full, short in own.items() if full == name or name in short}
            if not hits:
                raise checks.unknown("tensor", name, [*own, *own.values()])
            found |= hits
        return found

    def _choose_decayed(self, theta: Any, tensors: Iterable[Parameter] | None) -> None:
        """Note the slices that decay, neighbours in one."""
        if not (self._excluded or self._excluded_arrays):
            self._decayed = None
            return
        if tensors is None:
            raise ValueError(
                "exclude_from_weight_decay names tensors: expected build(model.theta, "
                "model.parameters) before the first update, received a vector alone"
            )
        tensors = list(tensors)
        found = self.without_decay(entry.name for entry in tensors)
        places = {_place(theta[entry.slice]): entry.name for entry in tensors}
        for array in self._excluded_arrays:
            tensor = places.get(_place(array))
            if tensor is None:
                raise ValueError(
                    f"var_list: expected tensors of the model, received another array of shape "
                    f"{array.shape}"
                )
            found.add(tensor)
        # From here on the names say all, also to a file.
        arrays = sorted(found - set(self._excluded)) if self._excluded_arrays else []
        self._excluded, self._excluded_arrays = (*self._excluded, *arrays), ()
        parts: list[slice] = []
        for entry in tensors:
            if entry.name in found:
                continue
            if parts and parts[-1].stop == entry.offset:
                parts[-1] = slice(parts[-1].start, entry.slice.stop)
            else:
                parts.append(entry.slice)
        self._decayed = parts

    def _decay(self, theta: Any, learning_rate: float) -> None:
        """theta ← theta - learning_rate · weight_decay · theta, of all but the excluded tensors."""
        factor = learning_rate * self.weight_decay
        if self._decayed is None:
            updates.decay(theta, factor, out=theta)
            return
        for part in self._decayed:
            decayed = theta[part]
            updates.decay(decayed, factor, out=decayed)


def _place(array: Any) -> tuple[int, int]:
    """Address and number of elements, on any device."""
    pointer = getattr(array.data, "ptr", None)
    return (address(array) if pointer is None else int(pointer)), array.size
