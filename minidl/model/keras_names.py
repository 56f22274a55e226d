"""Names that Keras has for the parts of a model. No formula is here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

from minidl import checks
from minidl.backend.own import overridden
from minidl.backend.sparse import outside
from minidl.interop import keras
from minidl.layers.base import Layer
from minidl.model import functional, pickling
from minidl.model.cloning import configuration, from_configuration, text
from minidl.model.compiling import Compiled
from minidl.model.functional import Symbol
from minidl.model.summary import summary
from minidl.names.absent import AbsentNames
from minidl.printing import say
from minidl.saving import save_model, weight_files
from minidl.saving.atomic import may_replace
from minidl.saving.reading import is_path


class KerasNames(Compiled, AbsentNames):
    """A model as Keras shows it: weights, layers by name, configuration, files and copies."""

    _trainable = True

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The outputs for rows, in a new array; or the model as a layer after an Input.

        Args:
            x: (N, ...), computed as one batch; or Input, or the output of a layer called on one.
            training: whether layers behave as in training; default False.
        """
        return functional.call(self, x, training)

    @property
    def trainable(self) -> bool:
        """True if training changes the model's tensors; a new value is set for all layers.

        A change acts from the next step.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = checks.truth("trainable", value)
        for layer in self.entries:
            layer.trainable = self._trainable

    @property
    def weights(self) -> list[Any]:
        """Views of all tensors, layer by layer: tensors that gradients move, then statistics.

        [] where the shape of a row is not known yet, as for the two lists below.
        """
        self._build_if_known()
        return [weight for layer in self.leaves for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Any]:
        """Views of the tensors that training moves."""
        self._build_if_known()
        return [weight for layer in self.leaves for weight in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """Views of the other tensors."""
        self._build_if_known()
        return [weight for layer in self.leaves for weight in layer.non_trainable_weights]

    def _build_if_known(self) -> None:
        if self.input_row is not None and self.layers:
            self.build()

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of a name, or of a number, 0 for the first.

        Raises:
            ValueError: neither a name nor a number, or both; or an unknown layer.
        """
        if (name is None) == (index is None):
            received = "neither" if name is None else "both"
            raise ValueError(f"get_layer: expected a name or an index, received {received}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"get_layer: expected an index below {len(self.layers)}, received {index}"
                )
            return self.layers[index]
        return checks.lookup("layer", str(name), {each.name: each for each in self.layers})

    @property
    def input(self) -> Symbol:
        """The Input, for ``Model(inputs, outputs)``.

        Raises:
            AttributeError: the shape of a row is not known yet.
        """
        self._known(self.input_row)
        self.build()
        return functional.symbol(functional.source(self))

    @property
    def output(self) -> Symbol:
        """The output of the last layer, for ``Model(inputs, outputs)``."""
        return Symbol((*self.input.layers, *self.entries), self.output_row)

    @property
    def inputs(self) -> list[Symbol]:
        """A list of :attr:`input`."""
        return [self.input]

    @property
    def outputs(self) -> list[Symbol]:
        """A list of :attr:`output`."""
        return [self.output]

    @property
    def loss(self) -> Any:
        """The loss that :meth:`compile` was given; None before."""
        return self._loss if self.optimizer is not None else None

    @property
    def metrics(self) -> list[Any]:
        """The metrics that :meth:`compile` was given; [] before."""
        return list(self._metrics) if self.optimizer is not None else []

    @property
    def losses(self) -> list[Any]:
        """The penalties on the tensors of all layers, as numbers."""
        self._build_if_known()
        return [loss for layer in self.leaves for loss in layer.losses]

    add_loss = Layer.add_loss

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the outputs for inputs of a shape, (None, ...) or (N, ...).

        Raises:
            ValueError: the first layer does not take rows of this shape.
        """
        shape = tuple(input_shape)
        for layer in self.leaves:
            shape = layer.compute_output_shape(shape)
        return shape

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the layers, their output shapes and their parameters.

        Args:
            line_length: letters in a line; as many as needed if left out.
            print_fn: called with each line in the place of printing.
            expand_nested: whether the layers of models within the model are shown, too.
            show_trainable: whether a column says which layers train.
        """
        if self.input_row is not None:
            self.build()
        shown = summary(self, line_length, expand_nested, show_trainable)
        if print_fn is None:
            say(shown)
        else:
            for line in shown.split("\n"):
                print_fn(line)

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Save architecture, weights, statistics and optimizer; see :mod:`minidl.saving`.

        A file that is there is replaced when the new one is complete and known to load.

        Args:
            filepath: a path, or a file object that is open for writing bytes. A path that ends in
                ``.keras`` gets a file that Keras reads, too; see :mod:`minidl.interop.keras`.
            overwrite: whether a file that is there is replaced; default True.

        Raises:
            ValueError: the model holds something that could not be loaded again, or that a file of
                Keras cannot hold; or a path that ends in ``.h5``.
            FileExistsError: there is a file, and ``overwrite`` is False.
            ImportError: a path that ends in ``.keras``, and no package h5py.
            OSError: the file cannot be written.
        """
        if passes := overridden(type(self), "forward", "backward"):
            warnings.warn(
                f"{type(self).__name__} has a {passes[0]} of its own, which no file keeps: "
                "load_model gives a Sequential of the same layers",
                stacklevel=outside(),
            )
        if is_path(filepath) and os.fsdecode(os.fspath(filepath)).endswith(keras.ENDING):
            may_replace(filepath, overwrite)
            keras.save(self, filepath)
        else:
            save_model(self, filepath, overwrite=overwrite)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write all tensors to a file: ``.npz``, ``.weights.h5`` or ``.safetensors``.

        Args:
            filepath: the ending says which; see :mod:`minidl.saving.weight_files`.
            overwrite: whether a file that is there is replaced; default True.
        """
        weight_files.save(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Overwrite all tensors from a file that :meth:`save_weights` wrote.

        Args:
            filepath: of a model of the same layers.
            skip_mismatch: whether layers that do not fit keep their weights, with a warning;
                default False.

        Raises:
            ValueError: another number of layers, or tensors of other names or shapes.
        """
        weight_files.load(self, filepath, skip_mismatch)

    def get_config(self) -> dict[str, Any]:
        """Names and arguments of the layers, ready for JSON; without weights."""
        return configuration(self)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """A new model of the layers that :meth:`get_config` described.

        Raises:
            ValueError, TypeError: the configuration does not describe a model.
        """
        return from_configuration(cls, config, custom_objects)

    def to_json(self, **options: Any) -> str:
        """:meth:`get_config` as JSON, for ``models.model_from_json``; options of ``json.dumps``."""
        return text(self, **options)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return pickling.reduced(self, self._kind)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return pickling.duplicate(self, memo)

    @property
    def _kind(self) -> type[Any]:
        """The class of copies."""
        return type(self)
