"""Trainings that go on from a checkpoint, bit for bit as if never stopped.

``resume.py`` begins a training or goes on with it, and has checkpoints written.
``checkpoints.py`` keeps a folder of files. ``fingerprints.py`` notes what the numbers depend on.
``restoring.py`` puts a file's content into a model. ``termination.py`` ends a training at SIGTERM.
The content of a checkpoint is written in :mod:`minidl.training.state`.
"""
