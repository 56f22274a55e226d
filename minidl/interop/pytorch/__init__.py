"""Networks to and from PyTorch, and ``state_dict`` in safetensors files."""
