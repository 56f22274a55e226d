"""Updates of a user's arrays: Keras's ``apply`` and ``apply_gradients``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minidl.backend import backend_of
from minidl.initializers import Zeros
from minidl.parameters import ParameterVector, Specification


class Applying:
    """The part of an optimizer that moves arrays which lie in no network's vector.

    The arrays are copied into one vector, which is moved, and back. ``fit`` moves the network's
    vector as it is.
    """

    _arrays: Sequence[Any] = ()
    _copies: ParameterVector | None = None
    _excluded_arrays: tuple[Any, ...] = ()
    update: Any
    build: Any

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Move arrays against their gradients.

        Args:
            grads_and_vars: pairs (gradient, array), such as ``zip(grads, model.trainable_weights)``
                ; the same arrays in each call.

        Returns:
            The number of steps made.

        Raises:
            ValueError: no pairs, other arrays than before, or a gradient that is missing or has
                another shape.
        """
        pairs = [tuple(pair) for pair in grads_and_vars]
        self.apply([gradient for gradient, _ in pairs], [array for _, array in pairs])
        return self.iterations  # type: ignore[attr-defined]

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Move arrays against their gradients, in place.

        Args:
            grads: gradients, of the arrays' shapes.
            trainable_variables: arrays, such as ``model.trainable_weights``; default those of the
                call before.

        Raises:
            ValueError: no arrays, other arrays than before, or a gradient that is missing or has
                another shape.
        """
        arrays = list(self._arrays if trainable_variables is None else trainable_variables)
        self._build_for(arrays)
        given, wanted = list(grads), [array.shape for array in arrays]
        if any(each is None for each in given):
            raise ValueError(f"expected a gradient for each of {len(wanted)} arrays, received None")
        backend = backend_of(arrays[0])
        given = [backend.to_device(each) for each in given]
        if [each.shape for each in given] != wanted:
            raise ValueError(
                f"expected gradients of shapes {wanted}, received {[each.shape for each in given]}"
            )
        copies = self._copies
        assert copies is not None
        for entry, array, gradient in zip(copies, arrays, given, strict=True):
            copies.view(entry)[...] = array
            copies.gradient(entry)[...] = gradient
        self.update(copies.theta, copies.grad)
        for entry, array in zip(copies, arrays, strict=True):
            array[...] = copies.view(entry)

    def _build_for(self, arrays: Sequence[Any]) -> None:
        """A vector for copies of the arrays, and the state for it.

        Raises:
            ValueError: no arrays, or others than before.
        """
        if not arrays:
            raise ValueError("expected arrays to move, such as model.trainable_weights")
        if self._copies is not None:
            if [a.shape for a in arrays] != [a.shape for a in self._arrays]:
                raise ValueError(
                    "expected the arrays of the call before, received "
                    f"{[a.shape for a in arrays]}; another model needs a new optimizer"
                )
            return
        wanted = []
        for number, array in enumerate(arrays):
            name = getattr(array, "path", "") or f"variable_{number}"
            layer, _, tensor = name.rpartition("/")
            specification = Specification(tensor, tuple(array.shape), Zeros())
            wanted.append((layer or f"variable_{number}", specification))
        dtype = arrays[0].dtype
        copies = ParameterVector(wanted, backend_of(arrays[0]), dtype)
        for entry, array in zip(copies, arrays, strict=True):
            copies.view(entry)[...] = array
        views = {id(array): copies.view(entry) for entry, array in zip(copies, arrays, strict=True)}
        self._excluded_arrays = tuple(views.get(id(e), e) for e in self._excluded_arrays)
        self.build(copies.theta, copies)
        self._arrays, self._copies = arrays, copies
