"""Files of models: their archive, their formats, and those of strangers."""
