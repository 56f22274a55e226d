"""The model of a user: a network with a loss and an optimizer, and the methods of Keras's Model.

Each class adds one thing to the class before: ``compiling.py`` loss and optimizer,
``evaluation.py`` evaluate, ``inference.py`` predict, ``on_batch.py`` single steps,
``sequential.py`` fit. ``interface.py`` has Keras's other names.
"""
