"""What runs on a CUDA device: kernels made from formulas, and those that lie in ``.cu`` files.

``sources`` writes a traced formula as CUDA C++, ``kernels`` compiles and launches, ``draws`` draws
random bits. The rest is for recorded steps: ``recording`` makes ``nodes`` of what a kernel does,
``grouping`` brings together those that one kernel can do, ``groups`` writes it and ``sizes`` says
how large its grid is, ``cublaslt`` multiplies, ``launches`` makes a CUDA graph of all, and
``playing`` is what a tape asks.

Nothing imports CuPy before there is something to launch, so that sources can be made, read and
compiled anywhere.
"""
