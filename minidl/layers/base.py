"""The base of all layers: named tensors, buffers bound for a number of rows, two passes."""

from __future__ import annotations

from typing import Any

from minidl import checks, constraints, regularizers
from minidl.backend import Backend
from minidl.initializers import Initializer
from minidl.layers.answers import unknown_argument
from minidl.layers.arguments import activity, initial
from minidl.layers.keras_names import KerasNames
from minidl.layers.names import chosen
from minidl.layers.own_call import OwnCall
from minidl.layers.shapes import Shape as Shape
from minidl.layers.shapes import declared
from minidl.layers.views import Views
from minidl.names.register import kind
from minidl.parameters import Specification


@kind("layer")
class Layer(KerasNames, OwnCall, Views):
    """A part of a network, for rows. The network calls four methods, which a subclass defines.

    - ``build``, once, with the shape of a row: sets ``output_shape``, asks for tensors, which
      become ``self.W``, ``self.dW`` …, views into the network's vectors.
    - ``bind``, before a pass of more rows than any before: allocates every buffer of a pass.
    - ``forward``, in each pass: writes y into a buffer, keeps arrays for backward, returns y.
    - ``backward``, after a forward in training: overwrites ``self.dW`` …, returns dx, the gradient
      at x, which is dy for the layer before.

    ``layer(x)`` does the first three for a layer in no network.

    Args:
        name: shown in the summary and in parameter names; default the class's and a number.
        input_shape: shape of one row, for the first layer of a network without Input.
        input_dim: n stands for input_shape=(n,).
        activity_regularizer: penalty on the outputs: adds Σ P(y) / N to the loss; default none.
        trainable: whether training moves the layer's tensors; can be set at any time. Default True.

    Raises:
        TypeError: an unknown argument; or both shapes of a row.
        ValueError: a size below 1, an unknown penalty or a proximal one.

    Attributes:
        input_shape, output_shape: of one row, once built.
        tensors: requested in ``build``, by the name of the view, "W".
        statistics: tensors that training moves by other means than gradients.
        y: the output of the last forward pass.
        needs_dx: True if the gradient at the input is needed.
    """

    name: Any = checks.fixed("name=... when the layer is made")
    activity_regularizer: Any = activity()
    #: Attributes that cannot be set any more; the list of a derived class comes on top.
    fixed_once_built: tuple[str, ...] = (
        "input_dim", "declared_shape", "input_shape", "output_shape", "tensors", "statistics",
    )  # fmt: skip
    #: True for a part of a built network: some attributes cannot be set any more.
    sealed = False

    #: True if rows of integers may come in unconverted (else the network converts such rows).
    accepts_integers = False
    #: True if forward makes new values (Flatten only passes values on).
    computes = True
    #: True if the layer draws random numbers; then the layer defines :meth:`address`.
    draws = False

    def __init__(
        self,
        name: str | None = None,
        input_shape: Any = None,
        *,
        input_dim: int | None = None,
        activity_regularizer: str | regularizers.Regularizer | None = None,
        trainable: bool = True,
        **unknown: Any,
    ) -> None:
        for argument in unknown:
            raise unknown_argument(type(self), argument)
        self.name = chosen(name, type(self))
        self.input_dim = input_dim
        self.activity_regularizer = activity_regularizer
        self.declared_shape = declared(input_shape, input_dim)
        self.input_shape: Any = ()
        self.output_shape: Any = ()
        self.tensors = {}
        self.statistics = {}
        self.trainable = trainable
        self.owner = None
        self.needs_dx = True
        self.y: Any = None

    def seal(self) -> None:
        """Refuse from now on all changes that only a new network could follow."""
        self.sealed = True
        self.trainable = self.trainable  # of the tensors, too

    def build(self, input_shape: Shape) -> None:
        """Check the shape of a row, set ``output_shape`` and ask for tensors.

        Raises:
            ValueError: the layer cannot take rows of this shape.
        """
        self.input_shape = self.output_shape = input_shape

    def address(self, seed: int, index: int) -> None:
        """Draw from here on at addresses of this seed; ``index`` counts the layers that draw."""

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        """Allocate every buffer that passes over up to ``rows`` rows need."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        """y for the rows ``x``, in the layer's own buffer.

        Args:
            x: (N, *input_shape), of no more rows than buffers are bound for.
            training: True for the behaviour of training (dropout, batch statistics).
            step: the number of the training step, which addresses random numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, dy: Any) -> Any:
        """dx for the gradient ``dy`` at the last forward's output; overwrites the ``d`` tensors.

        None where ``needs_dx`` is false. ``dy`` may be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def add_tensor(
        self,
        attribute: str,
        name: str,
        shape: Shape,
        initializer: str | Initializer,
        regularizer: str | regularizers.Regularizer | None = None,
        constraint: str | constraints.Constraint | None = None,
    ) -> None:
        """Ask for a trainable tensor, within :meth:`build`.

        Args:
            attribute: name of the layer's attribute, ``W``; the gradient is ``dW``.
            name: in summaries and parameter names, "kernel".
            shape: of the tensor.
            initializer: of its first values; by name, too, like the next two.
            regularizer: penalty on the tensor, or None.
            constraint: on the tensor after each update, or None.

        Raises:
            ValueError: an unknown name, or the constraint does not suit the shape.
        """
        held = constraints.get(constraint)
        if held is not None:
            held.check(shape)
        self.tensors[attribute] = Specification(
            name, shape, initial(initializer), regularizers.get(regularizer), held
        )


def first_rows(buffer: Any, rows: int) -> Any:
    """The first rows of a buffer; the buffer itself if no row is left over.

    Raises:
        ValueError: the buffer has fewer.
    """
    bound = len(buffer)
    if rows > bound:
        raise ValueError(
            f"expected at most {bound} rows, for which the layer has buffers, received {rows}; "
            f"call bind({rows}) of the network first, or forward of the network, which does so"
        )
    return buffer if bound == rows else buffer[:rows]
