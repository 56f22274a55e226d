"""Measurements of speed. Each module runs as ``python -m benchmarks.<name>``."""
