"""Networks to and from PyTorch, and its ``state_dict`` in files of safetensors."""
