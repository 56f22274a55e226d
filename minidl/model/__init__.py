"""The model of a user: a network with a loss and an optimizer, and the methods of Keras's Model.

Each class adds a method to the class before, ``Sequential`` is the last:

===================  ===========================================================================
compiling.py         ``compile``: loss, metrics and optimizer
evaluation.py        ``evaluate``
inference.py         ``predict``, ``predictor``
on_batch.py          ``train_on_batch`` and its like
keras_names.py       ``summary``, ``save``, ``get_layer`` and all other names of Keras's Model
sequential.py        ``fit``
===================  ===========================================================================

The methods call functions of further files:

===================  ===========================================================================
arguments.py         arguments of ``fit`` and the like, checked
feeding.py           arguments of ``fit`` and the like as batches of :mod:`minidl.data`
functional.py        layers called on an Input, for ``Model(inputs, outputs)``
summary.py           the table that ``summary`` prints
cloning.py           a model made anew from a configuration
pickling.py          a model pickled and copied
serving.py           ``Predictor``: predictions for a service
===================  ===========================================================================

``minidl/models.py`` is Keras's module: ``Model``, ``load_model``, ``clone_model``.
"""
