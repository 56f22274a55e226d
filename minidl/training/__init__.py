"""Training: a loop over epochs and batches around :func:`minidl.train_step`.

``objective.py`` sums loss and metrics over batches. ``loop.py`` calls the steps and tells the
callbacks. A step is done as a whole or not at all (``whole_step.py``, ``undo.py``).
"""
