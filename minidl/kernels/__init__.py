"""The mathematics: pure functions on arrays, each forward directly above its backward.

Formulas are written with NumPy's names and run on NumPy and CuPy arrays alike. Results go
into arrays that the caller owns (``out`` and arguments said to be overwritten); nothing is
checked here, because shapes and types were checked when the model was built.

Axes: N rows (the batch), I inputs, O outputs (units), K classes.
"""
