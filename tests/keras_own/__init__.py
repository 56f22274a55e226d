"""Keras's own tests, run on minidl: ``python -m tests.keras_own``."""
