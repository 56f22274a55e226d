"""A network as a source file: Python with NumPy, or C99."""
