"""One formula becomes a program, and the program blocks, a compiled loop or a CUDA kernel."""
