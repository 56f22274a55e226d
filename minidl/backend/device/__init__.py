"""What runs on a CUDA device: kernels made from formulas, and those that lie in ``.cu`` files.

``sources`` writes a traced formula as CUDA C++, ``kernels`` compiles and launches. Neither imports
CuPy before there is something to launch, so that sources can be made, read and compiled anywhere.
"""
