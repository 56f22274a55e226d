"""Trainings that go on from a checkpoint, bit for bit as if never stopped."""
