"""A network as a source file of its own: Python with NumPy, or C99."""
