"""CUDA kernels: made from formulas, or written in the ``.cu`` files of this folder.

``kernels`` compiles and launches, ``draws`` draws random bits; ``trace/cuda_source`` writes a
traced formula as CUDA C++. The rest is for recorded steps. ``recording`` turns a kernel's calls
into ``nodes``. ``grouping`` finds nodes that one CUDA kernel can do, ``groups`` writes that CUDA
kernel, and ``sizes`` gives the size of the grid. ``cublaslt`` multiplies. ``numbers``
brings the numbers of a step to the device. ``launches`` makes a CUDA graph of all launches, and
``playing`` serves a tape.

Nothing imports CuPy before the first launch, so that sources can be made, read and compiled
anywhere.
"""
